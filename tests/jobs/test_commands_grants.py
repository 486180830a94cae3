"""Activations and the portal's own figures, as a shell sees them."""

import pytest

from tests.factories import make_grant, make_startup
from tests.jobs.shell import run

SUBSCRIPTION = "64e355d7-997c-491d-b0c1-8414dccfcf42"


@pytest.fixture
def credit(app):
    make_startup("harbour")
    make_grant("harbour", amount="100", key="hr-azure")


def activate(config, on, subscription=SUBSCRIPTION):
    return run(config, "activate", "hr-azure", "--on", on, "--subscription", subscription, "--json")


def test_an_activation_is_entered_and_corrected(config, credit):
    first, again = activate(config, "2026-03-03"), activate(config, "2026-03-03")
    corrected = activate(config, "2026-03-04T09:00:00+08:00")

    assert [(said.code, said.document["changed"]) for said in (first, again, corrected)] == [
        (0, True), (0, False), (0, True)
    ]
    assert first.document["activation"]["activated_at"] == "2026-03-02T16:00:00Z"
    assert corrected.document["activation"]["activated_at"] == "2026-03-04T01:00:00Z"
    assert corrected.document["activation"]["entered_by"] == "command line"


def test_a_wrong_activation_exits_1_and_says_what_would_be_right(config, credit):
    said = activate(config, "2026-03-03", "mine")

    assert (said.code, said.document["errors"][0]["field"]) == (1, "subscription")
    assert SUBSCRIPTION in said.err
    assert activate(config, "3 March").document["errors"][0]["code"] == "not-a-day"


def test_a_figure_of_the_portal_is_entered_and_listed_with_our_estimate(config, credit):
    nothing = run(config, "reported", "harbour", "--json")
    said = run(config, "reported", "harbour", "--amount", "98.5", "--seen-at", "2026-06-01T09:00:00+08:00", "--json")
    listed = run(config, "reported", "harbour", "--json")

    assert (nothing.code, nothing.document) == (0, {"startup": "harbour", "entered": None, "items": []})
    assert (said.code, said.document["items"]) == (0, [said.document["entered"]])
    assert listed.document["items"] == said.document["items"]
    figure = said.document["entered"]
    assert [figure[name] for name in ("amount", "estimate", "gap", "seen_at", "entered_by")] == [
        "98.5", "100", "-1.5", "2026-06-01T01:00:00Z", "command line"
    ]


def test_a_wrong_figure_exits_1_and_is_not_kept(config, credit):
    for wrong, field in (("--amount=-1", "amount"), ("--amount=5 --seen-at=2026-06-01", "seen_at")):
        said = run(config, "reported", "harbour", *wrong.split(), "--json")
        assert (said.code, said.document["errors"][0]["field"]) == (1, field)
    assert run(config, "reported", "harbour", "--seen-at", "2026-06-01T09:00:00Z").code == 2
    assert run(config, "reported", "harbour", "--json").document["items"] == []
