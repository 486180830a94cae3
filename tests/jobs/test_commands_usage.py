"""Import, balance, statement, verify, runs and reverse, as a shell sees them."""

from datetime import date

import pytest
from sqlalchemy import update

from creditsvc.core.days import starts_at
from creditsvc.db import db
from creditsvc.ledger.models import Posting
from creditsvc.usage.scopes import assign_scope
from tests.alerts import scenes
from tests.factories import do, make_grant, make_pool, make_startup, somebody
from tests.jobs.shell import run
from tests.ledger.holdings import award, make_park, one_a_week

SCOPE = "64e355d7-997c-491d-b0c1-8414dccfcf42"
HEADER = (
    "ProviderName,SubAccountId,ChargePeriodStart,BilledCost,BillingCurrency,ServiceName,ServiceCategory,ChargeCategory"
)


@pytest.fixture
def startup(app):
    from_day = date(2026, 3, 1)
    make_pool("ms")
    make_startup("harbour")
    make_grant("harbour", "ms", "100", key="g1")
    do(lambda: assign_scope(somebody(), provider="azure", external_id=SCOPE, startup="harbour", starts=from_day))
    return "harbour"


@pytest.fixture
def export(tmp_path):
    """Writes an export with usage by charge day."""

    def write(name, costs):
        path = tmp_path / name
        rows = [f"Microsoft,{SCOPE},{day}T00:00:00Z,{cost},USD,VM,Compute,Usage" for day, cost in costs.items()]
        path.write_text("\n".join([HEADER, *rows, ""]), encoding="ascii")
        return path

    return write


def test_an_import_draws_and_again_changes_nothing(config, startup, export):
    file = export("march.csv", {"2026-03-05": "30", "2026-03-06": "12.5"})

    first = run(config, "usage", "import", file, "--json")
    again = run(config, "usage", "import", file, "--json")
    balance = run(config, "balance", "harbour", "--json").document["accounts"][0]

    assert [run["status"] for run in first.document["runs"] + again.document["runs"]] == ["applied", "unchanged"]
    assert first.document["runs"][0]["delta"] == {"USD": "42.5"}
    assert (balance["drawn"], balance["remaining"], balance["newest_charge_day"]) == ("42.5", "57.5", "2026-03-06")
    assert first.err == ""


def test_a_dry_run_says_what_would_be_and_keeps_nothing(config, startup, export):
    file = export("march.csv", {"2026-03-05": "130"})

    said = run(config, "usage", "import", file, "--dry-run", "--json")

    assert said.document["runs"][0]["uncovered_delta"] == {"USD": "30"}
    assert said.document["runs"][0]["id"] is None
    assert run(config, "usage", "runs", "--json").document == {"runs": []}
    assert run(config, "balance", "harbour", "--json").document["accounts"][0]["drawn"] == "0"


def test_a_refused_file_does_not_stop_the_others_and_exits_1(config, startup, export, tmp_path):
    bad = export("bad.csv", {"2026-03-05": "much"})
    good = export("good.csv", {"2026-03-05": "1"})

    said = run(config, "usage", "import", bad, tmp_path / "none.csv", good, "--json")

    assert said.code == 1
    assert [run["status"] for run in said.document["runs"]] == ["refused", "refused", "applied"]
    error = said.document["runs"][0]["errors"][0]
    assert (error["file"], error["line"], error["column"], error["value"]) == ("bad.csv", 2, "BilledCost", "much")
    assert "bad.csv, line 2, column BilledCost: 'much'" in said.err
    assert "none.csv" in said.err
    assert len(said.document["errors"]) == 2


def test_several_files_are_runs_in_the_order_given(config, startup, export):
    first, second = export("a.csv", {"2026-03-05": "10"}), export("b.csv", {"2026-03-05": "11"})

    said = run(config, "usage", "import", first, second, "--json")

    assert [run["delta"] for run in said.document["runs"]] == [{"USD": "10"}, {"USD": "1"}]


def test_what_an_import_did_reads_well(config, startup, export):
    file = export("march.csv", {"2026-03-05": "130"})

    said = run(config, "usage", "import", file)

    assert "applied" in said.out
    assert "USD 130" in said.out
    assert "USD 30" in said.out
    assert "\x1b" not in said.out


def test_an_export_submitted_before_another_is_stale(config, startup, export):
    run(config, "usage", "import", export("new.csv", {"2026-03-05": "10"}), "--submitted-at", "2026-03-08")

    said = run(config, "usage", "import", export("old.csv", {"2026-03-05": "9"}), "--json",
               "--submitted-at", "2026-03-07T10:00:00+08:00")

    assert said.code == 0
    assert said.document["runs"][0]["status"] == "stale"


def test_a_run_that_takes_much_away_is_held_until_confirmed(config, startup, export):
    run(config, "usage", "import", export("a.csv", {"2026-03-05": "500"}), "--submitted-at", "2026-03-06")
    file = export("b.csv", {"2026-03-05": "1"})

    held = run(config, "usage", "import", file, "--submitted-at", "2026-03-07", "--json")
    shown = run(config, "usage", "runs")
    confirmed = run(config, "usage", "import", file, "--submitted-at", "2026-03-07", "--confirm", "--json")

    assert held.document["runs"][0]["status"] == "held"
    assert "held" in shown.out
    assert confirmed.document["runs"][0]["status"] == "applied"


def test_a_run_is_taken_back(config, startup, export):
    made = run(config, "usage", "import", export("a.csv", {"2026-03-05": "10"}), "--json").document["runs"][0]

    said = run(config, "usage", "reverse", made["id"], "--json")

    assert said.document["delta"] == {"USD": "-10"}
    assert run(config, "balance", startup, "--json").document["accounts"][0]["remaining"] == "100"
    assert run(config, "usage", "runs", "--json").document["runs"][0]["reversed_at"]
    assert run(config, "usage", "reverse", 999).code == 1


def test_a_statement_is_told_as_a_table_and_as_json(config, startup, export):
    run(config, "usage", "import", export("a.csv", {"2026-03-05": "130"}))

    shown = run(config, "statement", "harbour", "--to", "2026-03-31")
    document = run(config, "statement", "harbour", "--from", "2026-03-02", "--to", "2026-03-31", "--json").document
    account = document["accounts"][0]

    assert "Grant becomes usable (g1)" in shown.out
    assert "Closing balance" in shown.out
    assert (document["from"], document["to"], document["as_of"]) == ("2026-03-02", "2026-03-31", "2026-03-31T16:00:00Z")
    assert account["opening"]["remaining"] == "100"
    assert [entry["kind"] for entry in account["entries"]] == ["usage"]
    assert account["closing"]["uncovered"] == "30"


def test_a_balance_is_read_as_of_the_end_of_a_day(config, startup, export):
    run(config, "usage", "import", export("a.csv", {"2026-03-05": "10", "2026-03-06": "5"}))

    said = run(config, "balance", "harbour", "--as-of", "2026-03-05", "--json").document
    unknown = run(config, "balance", "harbour", "--known-at", "2026-01-01", "--json").document

    assert said["as_of"] == "2026-03-05T16:00:00Z"
    assert said["accounts"][0]["drawn"] == "10"
    assert unknown["accounts"][0]["grants"] == []


def test_a_balance_reads_well(config, startup, export):
    run(config, "usage", "import", export("a.csv", {"2026-03-05": "130"}))

    said = run(config, "balance", "harbour")

    assert "azure-credit, USD" in said.out
    assert "2027-02-28" in said.out
    assert "USD 30.00 of usage is uncovered" in said.out


def test_a_balance_says_when_it_runs_out_and_from_what_that_is_told(app, config, tmp_path):
    make_startup("lotus")
    make_grant("lotus", amount="400", expires=date(2026, 12, 31))
    scenes.spend_daily(tmp_path, scenes.scope("lotus", 7), "10")

    shown = run(config, "balance", "lotus", "--as-of", "2026-06-15T12:00:00+08:00")
    document = run(config, "balance", "lotus", "--as-of", "2026-06-15T12:00:00+08:00", "--json").document

    assert "Forecast from 29 complete days up to 2026-06-13: USD 10.00 in a usual day." in shown.out
    assert "It runs out about 2026-06-25, between 2026-06-23 and 2026-06-26; nothing expires unused." in shown.out
    assert "The first bill after it, 30 days: about USD 300.00 (an estimate)." in shown.out
    assert document["accounts"][0]["forecast"]["run_out"] == "2026-06-25"


def test_a_balance_says_from_when_on_no_seat_is_free(app, config):
    make_park()
    one_a_week(award("seats", "spring", 11, starts_at(date(2026, 3, 1)), starts_at(date(2027, 1, 1))))

    shown = run(config, "balance", "acme", "--as-of", "2026-06-15T12:00:00+08:00")
    document = run(config, "balance", "acme", "--as-of", "2026-06-15T12:00:00+08:00", "--json").document

    assert "Forecast from 8 whole weeks up to 2026-06-14: 8 seats given, 0 released." in shown.out
    assert "None is free from about 2026-06-29 on, between" in shown.out
    assert document["accounts"][0]["seat_forecast"]["run_out"] == "2026-06-29"


@pytest.mark.parametrize("words", [("balance", "nobody"), ("statement", "nobody")])
def test_an_unknown_startup_is_refused(config, words):
    said = run(config, *words, "--json")

    assert said.code == 1
    assert said.document["errors"] == [
        {"field": "startup", "code": "not-found", "message": "There is no startup nobody."}
    ]


def test_a_period_the_wrong_way_round_is_refused(config, startup):
    said = run(config, "statement", "harbour", "--from", "2026-04-02", "--to", "2026-04-01")

    assert said.code == 1
    assert "before 2026-04-02" in said.err


def test_verify_finds_a_posting_that_nobody_made(app, config, startup, export):
    run(config, "usage", "import", export("a.csv", {"2026-03-05": "10"}))
    clean = run(config, "verify", "--json")
    do(lambda: db.session.execute(update(Posting).values(amount=11)))

    said = run(config, "verify", "--json")

    assert (clean.code, clean.document["differences"]) == (0, [])
    assert said.code == 1
    assert said.document["differences"][0]["account"] == "harbour/azure-credit"
    assert said.document["errors"]
    assert "harbour/azure-credit" in run(config, "verify").out
