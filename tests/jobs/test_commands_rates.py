"""Exchange rates, as a shell sees them."""

import pytest

from tests.factories import make_grant, make_pool, make_startup
from tests.jobs.shell import run


@pytest.fixture
def credit(app):
    make_startup("harbour")
    make_grant("harbour", make_pool("ms").key, "100", key="g1")


def add(config, rate, *more):
    return run(config, "rate", "add", "HKD", "USD", "2026-06-01", rate, "--source", "HKMA", "--json", *more)


def test_a_rate_is_added_listed_and_withdrawn(config, credit):
    added = add(config, "0.1282")
    again = add(config, "0.1282")
    listed = run(config, "rate", "list", "--json").document["rates"]
    run(config, "rate", "withdraw", "HKD", "USD", "2026-06-01", "--reason", "a slip")

    assert (added.code, added.document["changed"], again.document["changed"]) == (0, True, False)
    assert [(one["from_currency"], one["day"], one["rate"], one["source"]) for one in listed] == [
        ("HKD", "2026-06-01", "0.1282", "HKMA")
    ]
    assert run(config, "rate", "list", "--json").document == {"rates": []}
    assert len(run(config, "rate", "list", "--all", "--json").document["rates"]) == 2


def test_a_dry_run_keeps_nothing(config, credit):
    trial = add(config, "0.1282", "--dry-run")

    assert (trial.code, trial.document["dry_run"], trial.document["id"]) == (0, True, None)
    assert run(config, "rate", "list", "--json").document == {"rates": []}


def test_a_wrong_rate_exits_1_and_says_what_would_be_right(config, credit):
    said = add(config, "0,1282")

    assert said.code == 1
    assert [(error["field"], error["code"]) for error in said.document["errors"]] == [("rate", "not-a-rate")]
    assert "0.1282" in said.err
