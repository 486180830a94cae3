"""Which share of the hours that consultants offer is taken."""

from datetime import date

import pytest

from creditsvc.consulting import consultants, sessions
from creditsvc.consulting.reading import lapsing
from creditsvc.consulting.utilisation import utilisation, utilisation_document
from creditsvc.core.days import ends_at, starts_at
from creditsvc.core.errors import RuleBroken
from tests import factories as make
from tests.conftest import NOW
from tests.consulting.scenes import JULY, at, book, do, fill

WEEK = starts_at(date(2026, 6, 15)), ends_at(date(2026, 6, 21))


def test_sessions_are_set_against_the_hours_offered_without_holidays_and_days_off(app):
    fill()
    uid = book(minutes=240).uid
    do(lambda: sessions.log_session(at(JULY), uid, minutes=225))
    make.do(lambda: consultants.add_day_change(
        at(NOW), "lee", day=date(2026, 6, 16), kind="off", starts=0, ends=24 * 60, reason="leave"
    ))

    told = utilisation_document(utilisation(at(JULY), *WEEK), *WEEK)

    # 19 June 2026 is the Dragon Boat Festival: lee has three days of nine hours left, wong four
    assert [(one["key"], one["offered_minutes"], one["waiting_minutes"], one["share_percent"])
            for one in told["consultants"]] == [("lee", 1620, 225, 14), ("wong", 2160, 0, 0)]
    assert [(one["key"], one["share_percent"]) for one in told["programmes"]] == [("techconnect", 6)]
    assert told["offered_minutes"] == 3780


def test_who_offers_nothing_has_no_share_and_a_time_has_its_bounds(app):
    fill()
    book()
    make.do(lambda: consultants.set_weekly_hours(at(NOW), "lee", []))

    told = utilisation(at(NOW), *WEEK)

    assert told.consultants["lee", "Lee"].share is None
    with pytest.raises(RuleBroken, match="at most 400 days later"):
        utilisation(at(NOW), WEEK[0], ends_at(date(2027, 8, 1)))
    with pytest.raises(RuleBroken, match="from the first on"):
        utilisation(at(NOW), WEEK[1], WEEK[0])


def test_of_many_startups_those_whose_hours_expire_soonest_are_told(app):
    fill()  # acme's end with June
    for key, last in (("sooner", 20), ("later", 29)):
        make.make_startup(key)
        make.make_grant(key, "consultants", "1", effective=date(2026, 6, 1), expires=date(2026, 6, last))

    found = [lapsing(at(NOW), JULY, limit=number) for number in (1, 2)]

    assert [[view.startup for view, _ in told] for told in found] == [["sooner"], ["sooner", "later"]]
