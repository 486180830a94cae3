"""The incubator's own tenant: what does not fit there is told once, to those whom it concerns, until it fits."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from creditsvc.alerts.choices import choose
from creditsvc.db import transaction
from creditsvc.licences.counting import import_counts
from creditsvc.parties.access import caller_of
from tests import factories
from tests.alerts.scenes import NOW, addressees, mails, night, text_of
from tests.licences.scenes import assign, make_seats
from tests.licences.test_count_files import csv_of, read_counts, sku, tenant

DAY = date(2026, 6, 10)
HEARD = ["admin@park.example", "all@park.example"]


@pytest.fixture
def park(app: Flask) -> Flask:
    """Two people of acme have a seat, of six."""
    factories.make_person("admin@park.example", "administrator")
    factories.make_person("all@park.example", "manager")
    factories.make_person("one@park.example", "manager", programme_ids=())
    make_seats(6)
    for who in ("a@acme.example", "b@acme.example"):
        assign(who)
    return app


def bring(data: bytes, **more: Any) -> None:
    """Counts of the incubator's own tenant, unless a startup is named."""
    transaction(lambda: import_counts(factories.somebody(), read_counts("counts", data), **more))


def count(enabled: int, days: int = 0, **more: Any) -> None:
    bring(tenant(sku(enabled=enabled, consumed=min(enabled, 2))), counted_on=DAY + timedelta(days=days), **more)


def test_what_does_not_fit_is_told_with_its_figures_and_the_way_to_the_comparison(park: Flask):
    count(1)

    night(park)

    assert addressees(park) == HEARD
    text = " ".join(text_of(mails(park)[0]).split())
    assert "The publisher's counts of office do not fit the seats assigned" in text
    assert "Seats assigned: 2. Licences that the publisher counts: 1 enabled, 1 in use." in text
    assert "More seats are assigned than the publisher has enabled." in text
    assert "/publishers-counts" in text
    assert "acme" not in text


@pytest.mark.parametrize("enabled", [2, 6])
def test_what_fits_is_told_to_nobody(park: Flask, enabled: int):
    count(enabled)

    night(park)

    assert addressees(park) == []


def test_nothing_is_told_where_nothing_was_counted(park: Flask):
    night(park)

    assert addressees(park) == []


def test_it_is_told_once_and_anew_when_it_was_right_meanwhile(park: Flask):
    count(1)
    night(park)
    night(park, 1)
    once = len(addressees(park))
    count(2, 2)
    night(park, 2)
    night(park, 3)
    right = len(addressees(park))
    count(1, 3)

    night(park, 4)

    assert (once, right, addressees(park)) == (2, 2, sorted(HEARD * 2))


def test_another_difference_of_the_same_product_is_no_new_episode(park: Flask):
    count(1)
    night(park)
    bring(csv_of("2026-06-14,stranger@park.example,False,2026-06-14,,Office"))

    night(park, 1)

    assert addressees(park) == HEARD


def test_people_without_a_seat_are_counted_and_not_named(park: Flask):
    bring(csv_of(*(f"2026-06-14,{who}@acme.example,False,2026-06-14,,Office" for who in ("a", "b", "y", "z"))))

    night(park)

    text = " ".join(text_of(mails(park)[0]).split())
    assert "Seats assigned: 2. 2 people have a licence and no seat of ours." in text
    assert "y@acme.example" not in text


def test_the_counts_of_a_startup_are_its_own(park: Flask):
    """They make an alert of the startup, and its seats are not counted in the incubator's tenant."""
    count(6, startup="acme")
    count(1)

    night(park)

    assert addressees(park) == []


def test_who_turned_the_rule_off_is_not_told(park: Flask):
    person = factories.make_person("quiet@park.example", "manager")
    transaction(lambda: choose(caller_of(person, NOW), wanted=["seats-unused"], rhythm="nightly"))
    count(1)

    night(park)

    assert addressees(park) == HEARD


def test_what_tonight_would_say_says_it_and_keeps_nothing(park: Flask):
    count(1)
    night(park, send=False)

    night(park, 1)

    assert addressees(park) == HEARD
