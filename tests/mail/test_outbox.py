"""The outbox: queued with its cause, claimed by one, marked by whoever holds the claim (A6)."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select

from creditsvc.config import ConfigError
from creditsvc.core.errors import RuleBroken
from creditsvc.db import db, transaction
from creditsvc.mail import outbox
from creditsvc.mail.models import OutboxMail
from creditsvc.mail.outbox import CLAIM_LIFE, claim
from creditsvc.mail.pacing import PAUSES
from creditsvc.mail.render import Rendered
from tests.conftest import NOW
from tests.mail.letters import FROM, RESET_LINK, content, put_in, row

SECOND = timedelta(seconds=1)


def claim_one(now=NOW, worker="w1"):
    [claimed] = transaction(lambda: claim(now, worker, limit=1))
    return claimed


def test_a_queued_mail_waits_with_an_id_of_its_own(app, config):
    first, second = row(put_in(config)), row(put_in(config))

    assert (first.state, first.tries, first.next_try_at, first.queued_at) == ("queued", 0, NOW, NOW)
    assert first.message_id.endswith("@park.example>")
    assert first.message_id != second.message_id


def test_no_mails_are_queued_where_there_are_none(app):
    assert transaction(lambda: outbox.queue_all([], FROM, NOW)) == []
    assert db.session.scalar(select(func.count()).select_from(OutboxMail)) == 0


def test_a_calendar_stays_with_its_mail_until_it_is_sent(app, config):
    calendar = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"
    drafts = [outbox.Draft("booking", "a@b.example", content(), calendar=one) for one in (None, calendar)]

    transaction(lambda: outbox.queue_all(drafts, FROM, NOW))

    assert [mail.calendar for mail in transaction(lambda: claim(NOW, "w1", limit=5))] == [None, calendar]


def test_a_mail_whose_cause_is_taken_back_is_never_sent(app, config):
    def cause_that_fails():
        outbox.queue(kind="digest", to_address="a@b.example", content=content(), mail_from=FROM, now=NOW)
        raise RuleBroken("amount", "pool-exceeded")

    with pytest.raises(RuleBroken):
        transaction(cause_that_fails)

    assert db.session.scalar(select(func.count()).select_from(OutboxMail)) == 0


@pytest.mark.parametrize(
    "address",
    ["", "nobody", "a@b@c", "a b@c.example", "a@c.example\n", "a@c.example\r\nBcc: x@y.example", "A <a@c.example>",
     "a@c.example,b@c.example", "@c.example", "a@", "a" * 320 + "@c.example", "a\x00@c.example"],
)
def test_what_is_no_address_is_refused_before_the_database_is_asked(address):
    with pytest.raises(RuleBroken) as refusal:
        outbox.queue(kind="digest", to_address=address, content=content(), mail_from=FROM, now=NOW)

    assert (refusal.value.field, refusal.value.code) == ("to_address", "not-an-address")


@pytest.mark.parametrize(
    "subject, code",
    [("", "not-one-line"), ("  ", "not-one-line"), ("Hello\r\nBcc: x@y.example", "not-one-line"),
     ("Hello\nthere", "not-one-line"), ("Hello\u2028there", "not-one-line"), ("x" * 401, "too-long")],
)
def test_a_subject_that_is_not_one_line_is_refused_before_the_database_is_asked(subject, code):
    rendered = Rendered(subject, "", "")

    with pytest.raises(RuleBroken) as refusal:
        outbox.queue(kind="digest", to_address="a@b.example", content=rendered, mail_from=FROM, now=NOW)

    assert (refusal.value.field, refusal.value.code) == ("subject", code)


def test_a_sender_without_a_domain_is_refused_by_the_name_of_its_setting():
    with pytest.raises(ConfigError, match="CREDITSVC_MAIL_FROM"):
        outbox.queue(kind="digest", to_address="a@b.example", content=content(), mail_from="credits@", now=NOW)


def test_a_claim_takes_what_is_due_longest_first_and_only_once(app, config):
    late = put_in(config, now=NOW - SECOND)
    early = put_in(config, now=NOW - 2 * SECOND)
    put_in(config, now=NOW + SECOND)

    first = transaction(lambda: claim(NOW, "w1", limit=5))
    second = transaction(lambda: claim(NOW, "w2", limit=5))

    assert [mail.id for mail in first] == [early, late]
    assert second == []
    assert (row(early).state, row(early).claimed_by, row(early).claimed_at) == ("sending", "w1", NOW)


@pytest.mark.parametrize("database", ["postgresql"])  # on SQLite the write lock of `transaction` keeps the other out
def test_a_claim_passes_over_what_another_is_claiming_at_that_moment(app, config):
    mine, other = put_in(config), put_in(config, now=NOW - SECOND)

    def while_the_other_is_open():
        with db.engine.connect() as connection, connection.begin():
            connection.execute(select(OutboxMail.id).where(OutboxMail.id == other).with_for_update())
            return claim(NOW, "w1", limit=5)

    claimed = transaction(while_the_other_is_open)

    assert [mail.id for mail in claimed] == [mine]


def test_a_sent_mail_is_done(app, config):
    mail_id = put_in(config)
    claimed = claim_one()

    transaction(lambda: outbox.mark_sent(claimed, NOW + SECOND))

    assert (row(mail_id).state, row(mail_id).sent_at, row(mail_id).next_try_at) == ("sent", NOW + SECOND, None)


def test_a_temporary_refusal_is_tried_again_after_growing_pauses_and_then_given_up(app, config):
    mail_id = put_in(config)
    now, waited = NOW, []

    while row(mail_id).next_try_at is not None:
        now = row(mail_id).next_try_at
        claimed = claim_one(now)
        transaction(lambda claimed=claimed, now=now: outbox.mark_temporary(claimed, "450 busy", now))
        waited.append(row(mail_id).next_try_at)

    mail = row(mail_id)
    assert len(waited) == len(PAUSES) + 1
    assert list(PAUSES) == sorted(PAUSES)
    assert timedelta(days=3) < now - NOW < timedelta(days=4)
    assert (mail.state, mail.tries) == ("failed", len(PAUSES) + 1)
    assert mail.last_error == f"given up after {len(PAUSES) + 1} tries: 450 busy"


def test_a_permanent_refusal_is_final_and_shown(app, config):
    mail_id = put_in(config)
    claimed = claim_one()

    transaction(lambda: outbox.mark_permanent(claimed, "550 no such user"))

    mail = row(mail_id)
    assert (mail.state, mail.next_try_at, mail.last_error) == ("failed", None, "550 no such user")


def test_the_first_unknown_outcome_earns_one_more_sending_the_second_none(app, config):
    mail_id = put_in(config)
    first = claim_one()
    transaction(lambda: outbox.mark_uncertain(first, "no answer", NOW))
    in_between = row(mail_id)

    second = claim_one(in_between.next_try_at)
    transaction(lambda: outbox.mark_uncertain(second, "no answer", NOW))

    assert (in_between.state, in_between.uncertain_count, in_between.next_try_at) == ("uncertain", 1, NOW + PAUSES[0])
    assert second.message_id == first.message_id
    assert (row(mail_id).state, row(mail_id).uncertain_count, row(mail_id).next_try_at) == ("uncertain", 2, None)


def test_a_temporary_refusal_of_the_second_sending_uses_it_not_up(app, config):
    mail_id = put_in(config)
    transaction(lambda: outbox.mark_uncertain(claim(NOW, "w1", 1)[0], "no answer", NOW))
    second = claim_one(NOW + PAUSES[0])

    transaction(lambda: outbox.mark_temporary(second, "450 busy", NOW))

    mail = row(mail_id)
    assert (mail.state, mail.uncertain_count) == ("uncertain", 1)
    assert NOW + PAUSES[1] <= mail.next_try_at <= NOW + PAUSES[1] * 1.2


def test_a_mail_refused_after_an_unknown_outcome_says_that_it_may_have_arrived(app, config):
    mail_id = put_in(config)
    transaction(lambda: outbox.mark_uncertain(claim(NOW, "w1", 1)[0], "no answer", NOW))
    second = claim_one(NOW + PAUSES[0])

    transaction(lambda: outbox.mark_permanent(second, "554 duplicate"))

    mail = row(mail_id)
    assert (mail.state, mail.last_error) == ("failed", "(an earlier try may have arrived) 554 duplicate")


@pytest.mark.parametrize("age, taken", [(CLAIM_LIFE - SECOND, 0), (CLAIM_LIFE, 1)])
def test_a_claim_is_taken_over_once_it_is_old_enough(app, config, age, taken):
    mail_id = put_in(config)
    claim_one()

    assert transaction(lambda: outbox.take_over(NOW + age)) == taken

    mail = row(mail_id)
    assert (mail.state, mail.uncertain_count) == (("uncertain", 1) if taken else ("sending", 0))
    assert mail.next_try_at == (NOW + age if taken else None)


def test_a_worker_whose_claim_was_taken_over_and_claimed_again_marks_nothing(app, config):
    mail_id = put_in(config)
    slow = claim_one(worker="slow")
    transaction(lambda: outbox.take_over(NOW + CLAIM_LIFE))
    claim_one(NOW + CLAIM_LIFE, worker="other")

    marks = [
        transaction(lambda: outbox.mark_sent(slow, NOW)),
        transaction(lambda: outbox.mark_temporary(slow, "x", NOW)),
        transaction(lambda: outbox.mark_permanent(slow, "x")),
        transaction(lambda: outbox.mark_uncertain(slow, "x", NOW)),
    ]

    assert marks == [False, None, None, None]
    assert (row(mail_id).state, row(mail_id).claimed_by) == ("sending", "other")


def test_a_late_yes_of_a_worker_taken_for_dead_spares_the_second_sending(app, config):
    mail_id = put_in(config)
    slow = claim_one(worker="slow")
    transaction(lambda: outbox.take_over(NOW + CLAIM_LIFE))

    transaction(lambda: outbox.mark_sent(slow, NOW + CLAIM_LIFE))

    assert (row(mail_id).state, row(mail_id).uncertain_count) == ("sent", 1)
    assert transaction(lambda: claim(NOW + CLAIM_LIFE, "other", limit=1)) == []


def test_the_listing_shows_every_mail_newest_first_and_no_secret(app, config):
    put_in(config, now=NOW - SECOND)
    transaction(lambda: outbox.queue(
        kind="password-reset", to_address="founder@harbour.example", mail_from=FROM, now=NOW,
        content=Rendered("Set a new password", RESET_LINK, f'<a href="{RESET_LINK}">Set</a>'),
    ))

    rows = outbox.listing()

    assert [(mail["kind"], mail["state"], mail["queued_at"]) for mail in rows] == [
        ("password-reset", "queued", "2026-06-15T04:00:00Z"), ("digest", "queued", "2026-06-15T03:59:59Z"),
    ]
    assert "secret" not in json.dumps(rows)


def test_the_listing_can_be_narrowed(app, config):
    failed, _ = put_in(config, now=NOW - SECOND), put_in(config)
    transaction(lambda: outbox.mark_permanent(claim(NOW, "w1", 1)[0], "550 no"))

    assert [mail["id"] for mail in outbox.listing(states=["failed", "uncertain"])] == [failed]
    assert len(outbox.listing(limit=1)) == 1


@pytest.mark.parametrize("claimed_at, dead, alive, taken", [
    (NOW - CLAIM_LIFE, [], [], 1), (NOW - CLAIM_LIFE, [], ["w1"], 0),  # another names an instant far ahead
    (NOW + timedelta(days=40), [], [], 0), (NOW + timedelta(days=40), ["w1"], [], 1),  # a clock that ran ahead
])
def test_what_is_taken_over_depends_on_whether_its_worker_is_known_to_live(app, config, claimed_at, dead, alive, taken):
    put_in(config, now=NOW - timedelta(days=1))
    claim_one(claimed_at)

    assert transaction(lambda: outbox.take_over(NOW, dead, alive)) == taken


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_claim_takes_what_lies_first_and_sorts_nothing(app):
    planned = []

    def explain(connection, _cursor, statement, parameters, *_):
        if statement.startswith("SELECT outbox_mail"):
            driver = connection.connection.driver_connection
            planned.extend(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    event.listen(db.engine, "before_cursor_execute", explain)
    transaction(lambda: claim(NOW, "one", limit=1))

    assert any("ix_outbox_mail_due" in step for step in planned)
    assert not any("TEMP B-TREE" in step for step in planned)
