"""Private addresses of calendars: who makes them, what they show and hide, when they end; on both databases."""

from datetime import timedelta

import icalendar
import pytest
import vobject
from flask import Flask
from sqlalchemy import select, update

from creditsvc.config import Config
from creditsvc.consulting import bookings, feeds
from creditsvc.consulting.models import CalendarFeed
from creditsvc.core.errors import Forbidden, NotFound
from creditsvc.db import db
from creditsvc.parties.access import Caller, operator
from creditsvc.parties.models import Person, TrailEntry
from creditsvc.parties.tokens import hash_token
from tests import factories as make
from tests.conftest import NOW
from tests.consulting.scenes import MORNING, at, book, do, fill

pytestmark = pytest.mark.usefixtures("park")
HOUR = timedelta(hours=1)
OWNER, MEMBER, OTHER = "owner@acme.example", "member@acme.example", "owner@other.example"


@pytest.fixture
def park(app: Flask) -> None:
    fill()
    make.make_member("acme", OWNER)
    make.make_member("acme", MEMBER, role="member")
    make.make_member("other", OTHER)
    make.make_person("auditor@park.example", role="auditor")
    make.make_person("limited@park.example", role="manager", programme_ids=[make.make_programme().id])


def who(email: str) -> Caller:
    return at(NOW, do(lambda: db.session.execute(select(Person).where(Person.email == email)).scalar_one()))


def of_consultant(caller: Caller | None = None, key: str = "lee") -> str:
    return do(lambda: feeds.make_consultant_feed(caller or make.somebody(), key))


def of_startup(caller: Caller | None = None, key: str = "acme") -> str:
    return do(lambda: feeds.make_startup_feed(caller or make.somebody(), key))


def read(token: str, config: Config, later: timedelta = timedelta(0)) -> list[icalendar.Event]:
    return icalendar.Calendar.from_ical(feeds.open_feed(token, config, NOW + later)).events


def test_an_address_shows_the_sessions_of_one_consultant_or_of_one_startup(config: Config):
    with_lee, moved = book(), book(MORNING + HOUR)
    with_wong = book(consultant="wong", topic="Data")
    do(lambda: bookings.move(make.somebody(), moved.uid, starts=MORNING + 3 * HOUR, minutes=30))

    lees, acmes, others = (
        read(token, config) for token in (of_consultant(), of_startup(), of_startup(key="other"))
    )

    assert [(str(one["UID"]), one["SEQUENCE"], one["DTSTART"].dt) for one in lees] == [
        (with_lee.uid, 0, MORNING), (moved.uid, 1, MORNING + 3 * HOUR),
    ]
    assert {str(one["UID"]) for one in acmes} == {with_lee.uid, moved.uid, with_wong.uid}
    assert [str(one["SUMMARY"]) for one in lees] == ["Cloud costs (Harbour Robotics)"] * 2
    assert "Data (Wong)" in {str(one["SUMMARY"]) for one in acmes}
    assert others == []


def test_a_calendar_names_nobody_and_is_read_by_another_parser_too(config: Config):
    book()

    text = feeds.open_feed(of_consultant(), config, NOW)

    calendar = vobject.readOne(text)
    assert (calendar.method.value, calendar.x_wr_calname.value) == ("PUBLISH", "Lee")
    assert calendar.vevent.summary.value == "Cloud costs (Harbour Robotics)"
    assert "ATTENDEE" not in text
    assert "acme.example" not in text


def test_a_cancelled_session_and_one_long_over_are_not_shown(config: Config):
    kept, cancelled = book(), book(MORNING + HOUR)
    token = of_consultant()

    do(lambda: bookings.cancel(make.somebody(), cancelled.uid))

    assert [str(one["UID"]) for one in read(token, config)] == [kept.uid]
    assert len(read(token, config, timedelta(days=60))) == 1
    assert read(token, config, timedelta(days=100)) == []


def test_only_the_hash_of_an_address_is_kept_and_nothing_of_it_is_in_the_trail(config: Config):
    token = of_startup(who(OWNER))

    [feed] = db.session.scalars(select(CalendarFeed)).all()
    assert feed.token_hash == hash_token(token)
    [entry] = db.session.scalars(select(TrailEntry).where(TrailEntry.action == "calendar.made")).all()
    assert (entry.subject, entry.actor, entry.after) == ("startup:acme", OWNER, {"calendar": feed.id})
    assert token not in str(entry.after)


def test_what_is_no_address_opens_nothing_and_is_not_said_again(config: Config):
    token = of_startup()

    for wrong in ("", "x", token[:-1], token + "x", hash_token(token), token.swapcase()):
        with pytest.raises(NotFound) as refusal:
            feeds.open_feed(wrong, config, NOW)
        assert str(refusal.value) == "no calendar"


def test_a_revoked_address_opens_nothing_any_more_and_the_others_still_do(config: Config):
    first, second = of_startup(who(OWNER)), of_startup(who(MEMBER))
    [_, feed] = do(lambda: [one.id for one in feeds.startup_feeds(who_is(OWNER), "acme")])

    do(lambda: feeds.revoke_feed(who_is(MEMBER), feed))

    with pytest.raises(NotFound):
        feeds.open_feed(first, config, NOW)
    assert read(second, config) == []
    with pytest.raises(NotFound):
        do(lambda: feeds.revoke_feed(who_is(MEMBER), feed))


def who_is(email: str) -> Caller:
    """The same as `who`, inside a transaction."""
    found = db.session.execute(select(Person).where(Person.email == email)).scalar_one()
    return make.caller_of(found, NOW)


@pytest.mark.parametrize(
    "email, consultant, startup",
    [
        ("lee@park.example", None, NotFound), ("wong@park.example", NotFound, NotFound), (OWNER, Forbidden, None),
        (MEMBER, Forbidden, None), (OTHER, Forbidden, NotFound), ("auditor@park.example", Forbidden, Forbidden),
        ("limited@park.example", Forbidden, NotFound),  # it would show them sessions of other programmes' startups
    ],
)
def test_an_address_is_made_and_listed_and_revoked_by_those_whose_calendar_it_is(email, consultant, startup):
    caller, mine, acmes = who(email), of_consultant(), of_startup()
    ids = {of: db.session.scalar(select(CalendarFeed.id).where(CalendarFeed.token_hash == hash_token(token)))
           for of, token in (("lee", mine), ("acme", acmes))}

    for refusal, acts in (
        (consultant, (lambda: feeds.make_consultant_feed(caller, "lee"), lambda: feeds.consultant_feeds(caller, "lee"),
                      lambda: feeds.revoke_feed(caller, ids["lee"]))),
        (startup, (lambda: feeds.make_startup_feed(caller, "acme"), lambda: feeds.startup_feeds(caller, "acme"),
                   lambda: feeds.revoke_feed(caller, ids["acme"]))),
    ):
        for place, act in enumerate(acts):
            if refusal is None or (place == 1 and caller.programme_ids is not None and refusal is Forbidden):
                do(act)
                continue
            with pytest.raises(NotFound if place == 2 else refusal) as raised:
                do(act)
            if place == 2:  # numbers count on, so a refusal names nothing that the caller may not know
                assert "calendar" in str(raised.value)


def test_an_address_ends_when_whoever_made_it_may_no_longer_see_the_calendar(config: Config):
    by_member, by_lee, by_operator = of_startup(who(MEMBER)), of_consultant(who("lee@park.example")), of_startup(
        operator(NOW)
    )

    do(lambda: make.parties.end_membership(make.somebody(), startup="acme", email=MEMBER))
    do(lambda: db.session.execute(
        update(Person).where(Person.email == "lee@park.example").values(active=False)
    ).close())

    for token in (by_member, by_lee):
        with pytest.raises(NotFound):
            feeds.open_feed(token, config, NOW)
    assert read(by_operator, config) == []
    assert len(do(lambda: feeds.startup_feeds(make.somebody(), "acme"))) == 1


def test_a_managers_address_ends_when_they_look_after_some_programmes_only(config: Config):
    make.make_person("boss@park.example", role="manager")
    token = of_consultant(who("boss@park.example"))
    assert read(token, config) == []

    do(lambda: db.session.execute(
        update(Person).where(Person.email == "boss@park.example").values(limited_to_programmes=True)
    ).close())

    with pytest.raises(NotFound):
        feeds.open_feed(token, config, NOW)
