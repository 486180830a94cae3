"""Pauses are spread, and one address gets so many mails a day and the rest the day after."""

from datetime import datetime, timedelta

from creditsvc.db import db, transaction
from creditsvc.mail.models import OutboxMail
from creditsvc.mail.outbox import Draft, claim, queue_all
from creditsvc.mail.pacing import DAILY_CAP, PAUSES, pause_after
from creditsvc.mail.render import Rendered
from tests.factories import NOW

SPREAD = 1.2
DAY = timedelta(days=1)


def put_in(number: int, now: datetime = NOW, kind: str = "message", address: str = "a@park.example") -> list[datetime]:
    """When each of some mails to an address is due."""
    drafts = [Draft(kind, address, Rendered("Subject", "Text", "<p>Text</p>"))] * number
    ids = transaction(lambda: queue_all(drafts, "c@park.example", now))
    return [db.session.get_one(OutboxMail, one).next_try_at for one in ids]


def test_pauses_grow_and_are_spread_by_mail_and_try():
    spread = {pause_after(3, f"<{number}@park.example>") for number in range(100)}

    assert all(PAUSES[2] <= pause <= PAUSES[2] * SPREAD for pause in spread)
    assert len(spread) > 10
    assert pause_after(3, "<1@park.example>") == pause_after(3, "<1@park.example>")
    assert all(pause_after(number, "<1@x>") < pause_after(number + 1, "<1@x>") for number in range(1, len(PAUSES) - 1))


def test_what_is_beyond_the_daily_cap_of_an_address_leaves_a_day_later_and_nothing_is_lost(app):
    due = put_in(DAILY_CAP + 3)
    others = put_in(1, address="b@park.example")
    awaited = [put_in(1, kind=kind) for kind in ("password-reset", "session-reminder", "invitation")]

    assert due == [NOW] * DAILY_CAP + [NOW + DAY] * 3
    assert others == [NOW]
    assert awaited == [[NOW]] * 3
    now, later = (transaction(lambda at=at: len(claim(at, "w", limit=1000))) for at in (NOW, NOW + DAY))
    assert (now, later) == (DAILY_CAP + 4, 3)


def test_the_day_of_an_address_is_the_last_24_hours_with_what_waits(app):
    put_in(DAILY_CAP - 1)

    assert put_in(2, NOW + DAY - timedelta(minutes=1)) == [NOW + DAY - timedelta(minutes=1), NOW + 2 * DAY - timedelta(
        minutes=1)]
    assert put_in(1, NOW + DAY) == [NOW + DAY]
