"""Seats and hours in a load file: grants of their pools, monthly lines of packages."""

from datetime import UTC, datetime

import pytest

from creditsvc.grants import reading
from creditsvc.ledger.verify import verify
from tests import factories as make
from tests.onboarding.test_load import PARK, changed, everything, load, lot, refusal_of

SEATS = {"key": "hr-seats", "startup": "harbour-robotics", "pool": "ms-seats", "amount": "7",
         "effective": "2026-03-01", "expires": "2027-02-28"}
HOURS = {"key": "hr-hours", "startup": "harbour-robotics", "pool": "consultants", "amount": "10.5",
         "effective": "2026-03-01", "expires": "2027-02-28", "opening_drawn": "2.25", "opening_at": "2026-05-01"}
MONTHLY = changed("programmes", 0, "packages", 0, "lines", 2, to={
    "resource": "consulting", "pool": "consultants", "amount": "2", "months": 12, "monthly": True})


def test_grants_of_seats_and_hours_are_loaded_once(app):
    report = load(PARK, {"grants": [SEATS, HOURS]})
    before = everything()
    again = load(PARK, {"grants": [SEATS, HOURS]})

    assert (report.new["grants"], again.is_unchanged) == (9, True)
    assert everything() == before
    assert lot("hr-seats").standing.remaining == 7
    assert (lot("hr-hours").standing.drawn, lot("hr-hours").standing.remaining) == (135, 495)
    assert verify()["differences"] == []


@pytest.mark.parametrize(
    "grant, column, in_book",
    [(SEATS | {"amount": "8"}, "grants[0].amount", "7"), (HOURS | {"amount": "11"}, "grants[0].amount", "10.5"),
     (HOURS | {"opening_drawn": "2.5"}, "grants[0].opening_drawn", "2.25"),
     (SEATS | {"pool": "consultants"}, "grants[0].pool", "ms-seats")],
)
def test_a_grant_of_seats_or_hours_that_differs_is_refused_by_name(app, grant, column, in_book):
    load(PARK, {"grants": [SEATS, HOURS]})
    before = everything()

    (error,) = refusal_of({"grants": [grant]})

    assert (error.column, in_book in error.message) == (column, True)
    assert everything() == before


@pytest.mark.parametrize(
    "grant, column",
    [(SEATS | {"amount": "2.5"}, "grants[0].amount"), (SEATS | {"amount": "501"}, "grants[0].amount"),
     (SEATS | {"opening_drawn": "1"}, "grants[0].opening_drawn"), (HOURS | {"amount": "0.001"}, "grants[0].amount"),
     (HOURS | {"amount": "401"}, "grants[0].amount"),
     (HOURS | {"activated": {"on": "2026-03-02", "subscription": "64e355d7-997c-491d-b0c1-8414dccfcf42"}},
      "grants[0].activated")],
)
def test_a_grant_of_seats_or_hours_that_makes_no_sense_is_refused_at_its_field(app, grant, column):
    load(PARK)
    before = everything()

    (error,) = refusal_of({"grants": [grant]})

    assert error.column == column
    assert everything() == before


def test_an_opening_cannot_be_added_to_seats_later(app):
    load(PARK, {"grants": [SEATS]})

    (error,) = refusal_of({"grants": [SEATS | {"opening_drawn": "1"}]})

    assert error.column == "grants[0].opening_drawn"


def test_a_monthly_line_of_a_package_is_a_grant_for_each_month(app):
    report = load(MONTHLY)
    again = load(MONTHLY)

    months = [view for view in reading.grants_of(make.somebody(), "peak-vision") if view.unit.name == "hour"]
    assert (report.new["grants"], again.is_unchanged) == (4 + 2 + 12, True)
    assert sorted((view.grant.month, view.lot.amount) for view in months) == [(n, 120) for n in range(1, 13)]
    assert {view.grant.series for view in months} == {"peak-vision-consulting-1"}
    assert lot("peak-vision-consulting-1-m02").effective == datetime(2026, 5, 14, 16, tzinfo=UTC)
    assert lot("peak-vision-consulting-1-m02").expires == datetime(2026, 6, 14, 16, tzinfo=UTC)


def test_a_line_that_is_monthly_in_the_book_alone_is_refused(app):
    load(MONTHLY)

    (error,) = refusal_of(PARK)

    assert error.column == "programmes[0].packages[0].lines[2]"
    assert "a month" in error.message
