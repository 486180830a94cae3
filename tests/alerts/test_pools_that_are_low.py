"""A pool that is nearly gone is told to those whom all pools concern, once, in their one digest."""

import pytest
from flask import Flask

from creditsvc.db import transaction
from creditsvc.grants import operations as grants
from creditsvc.parties.access import operator
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, addressees, mails, night


@pytest.fixture
def park(app: Flask) -> Flask:
    factories.make_person("admin@park.example", "administrator")
    factories.make_person("all@park.example", "manager")
    factories.make_person("one@park.example", "manager", programme_ids=())
    factories.make_pool("small", "1000")
    scenes.startup("harbour")
    return app


def award(amount: str) -> None:
    factories.make_grant("harbour", "small", amount)


def test_a_pool_is_told_of_with_a_tenth_left_and_not_before(park: Flask):
    award("899")
    night(park)
    before = addressees(park)

    award("1")
    night(park, 1)

    assert before == []
    assert addressees(park) == ["admin@park.example", "all@park.example"]
    text = " ".join(scenes.text_of(mails(park)[0]).split())
    assert "Only USD 100.00 is left to award of pool small" in text
    assert "/pools" in text


def test_a_pool_is_told_of_once(park: Flask):
    award("1000")

    for days in range(3):
        night(park, days)

    assert len(addressees(park)) == 2
    assert "Nothing is left to award of pool small" in str(mails(park)[0]["Subject"])


@pytest.mark.parametrize("back, mails_of_each", [("50", 1), ("51", 2)])
def test_a_pool_is_told_of_anew_once_it_had_well_over_a_tenth_again(park: Flask, back: str, mails_of_each: int):
    first = factories.make_grant("harbour", "small", "900").key
    night(park)
    transaction(lambda: grants.return_to_pool(operator(NOW), first, amount=back))
    night(park, 1)
    award(back)

    night(park, 2)

    assert addressees(park).count("all@park.example") == mails_of_each
