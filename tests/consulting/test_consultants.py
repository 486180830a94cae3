"""Consultants, when they work, and what programmes say of sessions."""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask

from creditsvc.consulting import consultants, slots
from creditsvc.consulting.consultants import Policy, policy_of_startup
from creditsvc.consulting.holidays import holidays_between
from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.core.free_slots import Weekly
from creditsvc.programmes.operations import change_status
from tests import factories as make
from tests.conftest import NOW
from tests.consulting.scenes import MORNING, add_consultant, at, book, do, fill

pytestmark = pytest.mark.usefixtures("park")


@pytest.fixture
def park(app: Flask) -> None:
    fill()


def free(first: str, last: str | None = None, minutes: int = 60, key: str = "lee") -> list[datetime]:
    return slots.free_slots(
        at(NOW), key, date.fromisoformat(first), date.fromisoformat(last or first), minutes
    )


def test_the_free_slots_of_a_day_are_its_hours_less_what_is_booked():
    assert free("2026-06-17")[:3] == [MORNING, datetime(2026, 6, 17, 1, 30, tzinfo=UTC),
                                      datetime(2026, 6, 17, 2, tzinfo=UTC)]
    assert len(free("2026-06-17")) == 17

    book(datetime(2026, 6, 17, 2, tzinfo=UTC))

    assert [f"{start:%H:%M}" for start in free("2026-06-17")[:2]] == ["01:00", "03:00"]
    assert len(free("2026-06-17", key="wong")) == 17


def test_nothing_sooner_than_the_notice_can_be_booked():
    assert free("2026-06-15") == []  # it is noon of that day, and twelve hours' notice is asked
    assert len(free("2026-06-16")) == 17


def test_holidays_of_hong_kong_and_days_off_are_closed():
    """Tuen Ng and the establishment day of 2026, from the government's gazetted list of general holidays."""
    found = holidays_between("HK", date(2026, 6, 1), date(2026, 7, 31))
    assert list(found) == [date(2026, 6, 19), date(2026, 7, 1)]
    assert free("2026-06-19") == []

    do(lambda: consultants.add_day_change(at(NOW), "lee", day=date(2026, 6, 19), kind="extra", starts=600, ends=660))
    change = do(lambda: consultants.add_day_change(at(NOW), "lee", day=date(2026, 6, 18), kind="off"))

    assert free("2026-06-19") == [datetime(2026, 6, 19, 2, tzinfo=UTC)]
    assert free("2026-06-18") == []
    for unknown in (change.id + 1, 2**63):
        with pytest.raises(NotFound):
            do(lambda unknown=unknown: consultants.drop_day_change(at(NOW), "lee", unknown))
    do(lambda: consultants.drop_day_change(at(NOW), "lee", change.id))
    assert len(free("2026-06-18")) == 17


def test_a_slot_that_is_shown_can_be_booked_where_hours_go_on_for_days():
    days = [Weekly(0, 9 * 60 + 15, 1440), *(Weekly(day, 0, 1440) for day in (1, 2, 3))]
    do(lambda: consultants.set_weekly_hours(at(NOW), "lee", days))

    shown = slots.free_slots(at(NOW), "lee", date(2026, 6, 22), date(2026, 6, 26), 60)

    lee = consultants.find_consultant("lee")
    assert shown[0] == datetime(2026, 6, 22, 1, 15, tzinfo=UTC)
    assert [slot for slot in shown if not slots.is_free(lee, slot, timedelta(hours=1), NOW, None)] == []


def test_a_consultant_elsewhere_is_booked_in_their_own_hours():
    make.make_person("ny@park.example", role="consultant")
    do(lambda: add_consultant("ny", timezone="America/New_York", holidays=""))

    assert free("2026-06-17", key="ny")[0] == datetime(2026, 6, 17, 13, tzinfo=UTC)


def test_a_session_across_midnight_begins_on_its_own_day():
    do(lambda: consultants.set_weekly_hours(at(NOW), "lee", [Weekly(2, 22 * 60, 26 * 60)]))

    assert [f"{start:%d %H:%M}" for start in free("2026-06-17")] == ["17 14:00", "17 14:30", "17 15:00", "17 15:30"]
    assert [f"{start:%d %H:%M}" for start in free("2026-06-18")] == ["17 16:00", "17 16:30", "17 17:00"]


@pytest.mark.parametrize("wrong, field", [
    ({"name": " "}, "name"), ({"timezone": "Asia/Kowloon"}, "timezone"), ({"email": "nobody@x.example"}, "email"),
    ({"rate": "800"}, "currency"), ({"rate": "-1", "currency": "HKD"}, "rate"), ({"rate": "1", "currency": "hour"},
                                                                                   "currency"),
    ({"holidays": "FR"}, "holidays"), ({"slot_minutes": 7}, "slot_minutes"), ({"notice_hours": -1}, "notice_hours"),
])  # fmt: skip
def test_what_makes_no_consultant_is_refused_by_name(wrong: dict, field: str):
    with pytest.raises(RuleBroken) as refusal:
        do(lambda: consultants.add_consultant(at(NOW), **{"key": "new", "name": "New"} | wrong))

    assert refusal.value.field == field


def test_a_consultant_is_changed_and_left_as_they_were_where_nothing_is_said():
    do(lambda: consultants.edit_consultant(at(NOW), "lee", rate="800", currency="HKD", skills=["cloud"]))
    found = do(lambda: consultants.edit_consultant(at(NOW), "lee", name="Lee Ka-yan", active=False))

    assert (found.name, found.rate, found.currency, found.skills, found.active) == (
        "Lee Ka-yan", 800 * 10**8, "HKD", ["cloud"], False
    )
    assert free("2026-06-17") == []
    with pytest.raises(Conflict):
        do(lambda: consultants.add_consultant(at(NOW), key="lee", name="Lee"))


def test_consultants_keep_their_own_hours_and_nobody_elses():
    lee = make.caller(make.consultant("lee"))
    do(lambda: consultants.set_weekly_hours(lee, "lee", [Weekly(0, 600, 660)]))

    assert [one.key for one in consultants.consultants(lee)] == ["lee"]
    with pytest.raises(NotFound):
        do(lambda: consultants.set_weekly_hours(lee, "wong", []))
    with pytest.raises(NotFound):
        slots.free_slots(lee, "wong", date(2026, 6, 17), date(2026, 6, 17), 60)
    with pytest.raises(Forbidden):
        do(lambda: consultants.edit_consultant(lee, "lee", name="Boss"))
    auditor = make.caller(make.make_person(role="auditor"))
    with pytest.raises(Forbidden):
        do(lambda: consultants.set_weekly_hours(auditor, "lee", []))


@pytest.mark.parametrize("hours", [
    Weekly(7, 0, 60), Weekly(0, 60, 60), Weekly(0, -1, 60), Weekly(0, 1440, 1500), Weekly(0, 0, 2881),
])  # fmt: skip
def test_hours_that_are_none_are_refused(hours: Weekly):
    with pytest.raises(RuleBroken) as refusal:
        do(lambda: consultants.set_weekly_hours(at(NOW), "lee", [Weekly(0, 0, 60), hours]))

    assert refusal.value.field == "hours[1]"


def test_a_programme_says_what_holds_of_the_sessions_of_its_startups():
    assert policy_of_startup(1) == Policy(7, "draw", 100, 24, 50)

    do(lambda: consultants.set_policy(at(NOW), "techconnect", Policy(3, "uncovered", 50, 48, 100)))

    assert policy_of_startup(1) == Policy(3, "uncovered", 50, 48, 100)
    assert policy_of_startup(2) == Policy()
    with pytest.raises(RuleBroken) as refusal:
        do(lambda: consultants.set_policy(at(NOW), "techconnect", Policy(late_percent=101)))
    assert refusal.value.field == "late_percent"


def test_sessions_of_hours_that_run_on_stay_with_the_programme_after_graduation():
    said = Policy(3, "uncovered", 50, 48, 100)
    do(lambda: consultants.set_policy(at(NOW), "techconnect", said))
    do(lambda: change_status(at(NOW), startup="acme", cohort="tc-2026a", status="graduated"))

    assert policy_of_startup(1) == said
    assert book().policy == asdict(said)


def test_the_newest_enrolment_that_is_active_decides_then_the_newest_that_graduated():
    policies = {name: Policy(days, "draw") for days, name in enumerate(("techconnect", "second", "third", "fourth"), 2)}
    for name in ("second", "third", "fourth", "silent"):
        make.make_programme(name)
        make.make_cohort(name, name)
    for name, policy in policies.items():
        do(lambda name=name, policy=policy: consultants.set_policy(at(NOW), name, policy))
    found = []

    def enrol(name: str, month: int) -> None:
        do(lambda: make.programmes.enrol(
            at(NOW), startup="acme", cohort=name, status="active", on=date(2026, month, 1)
        ))
        found.append(policy_of_startup(1))

    def end(cohort: str, status: str) -> None:
        do(lambda: change_status(at(NOW), startup="acme", cohort=cohort, status=status))
        found.append(policy_of_startup(1))

    enrol("third", 5), enrol("second", 4), enrol("silent", 6)
    end("third", "graduated"), end("tc-2026a", "graduated"), end("second", "withdrawn")
    end("silent", "graduated")
    enrol("fourth", 2)
    end("fourth", "withdrawn")

    third, second, fourth = (policies[name] for name in ("third", "second", "fourth"))
    assert found == [third, third, third, second, second, Policy(), third, fourth, third]
