"""Activations in a load file: stated once, the same again, refused where the book says otherwise."""

from datetime import date

import pytest

from creditsvc.grants.activation import activate_grant
from creditsvc.grants.reading import find_grant
from tests import factories as make
from tests.onboarding.test_load import PARK, changed, load, refusal_of

ACTIVATED = {"on": "2026-03-03", "subscription": "64e355d7-997c-491d-b0c1-8414dccfcf42"}
KEY = PARK["grants"][0]["key"]


def activated(**change):
    return changed("grants", 0, "activated", to=ACTIVATED | change)


def standing():
    activation = find_grant(make.somebody(), KEY).activation
    return None if activation is None else (activation.activated_at.isoformat(), activation.subscription)


def test_an_activation_comes_with_its_grant_or_later_and_is_the_same_the_next_time(app):
    load(PARK)
    before = standing()
    report = load(activated())
    again = load(activated(subscription=ACTIVATED["subscription"].upper()))

    assert (before, report.changed, again.is_unchanged) == (None, {"grants": 1}, True)
    assert standing() == ("2026-03-02T16:00:00+00:00", ACTIVATED["subscription"])


def test_an_activation_is_loaded_with_a_new_grant(app):
    load(activated())

    assert standing() == ("2026-03-02T16:00:00+00:00", ACTIVATED["subscription"])
    assert load(PARK).is_unchanged


@pytest.mark.parametrize("change", [{"on": "2026-03-04"}, {"subscription": "0a11b22c-997c-491d-b0c1-8414dccfcf42"}])
def test_one_that_was_corrected_since_is_refused_by_name(app, change):
    load(activated(**change))
    make.do(lambda: activate_grant(make.somebody(), KEY, on=date(2026, 3, 3), subscription=ACTIVATED["subscription"]))

    (error,) = refusal_of(activated(**change))

    assert error.column == f"grants[0].activated.{next(iter(change))}"
    assert "differs from what is in the book" in error.message
    assert standing() == ("2026-03-02T16:00:00+00:00", ACTIVATED["subscription"])


@pytest.mark.parametrize(
    "change, field, is_known",
    [({"on": "2020-01-01"}, "on", False), ({"on": "2026-07-01"}, "on", True), ({"subscription": "mine"},
     "subscription", False), ({"day": "2026-03-03"}, "day", False)],
)
def test_a_wrong_activation_is_refused_with_its_place(app, change, field, is_known):
    if is_known:
        load(PARK)

    assert [error.column for error in refusal_of(activated(**change))] == [f"grants[0].activated.{field}"]
    assert not is_known or standing() is None
