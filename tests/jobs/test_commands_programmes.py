"""What holds of a programme's sessions, and enrolling a cohort, as a shell sees them."""

import pytest

from creditsvc.programmes.packages import LineTerms
from tests.factories import make_cohort, make_package, make_pool, make_programme
from tests.jobs.shell import run

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def park(app):
    make_pool("ms-azure")
    make_programme("techconnect")
    make_cohort("techconnect", "tc")
    make_package("techconnect", [LineTerms("azure-credit", "ms-azure", "1000", 12)])


def test_what_holds_of_sessions_is_shown_and_said_anew(config, park):
    before = run(config, "programme", "consulting", "techconnect", "--json").document
    after = run(config, "programme", "consulting", "techconnect", "--late-percent", "25", "--json").document
    wrong = run(config, "programme", "consulting", "techconnect", "--confirm-days", "0", "--json")

    assert (before["late_percent"], after["late_percent"], after["confirm_days"]) == (50, 25, before["confirm_days"])
    assert (wrong.code, wrong.document["errors"][0]["field"]) == (1, "confirm_days")
    assert run(config, "programme", "consulting", "none", "--json").code == 1


def test_a_cohort_is_enrolled_from_a_file_after_a_dry_run(config, park, tmp_path):
    file = tmp_path / "cohort.csv"
    file.write_text("startup,owner,package\nHarbour,ada@harbour.example,standard\n")

    trial = run(config, "programme", "enrol", "tc", str(file), "--dry-run", "--json").document
    done = run(config, "programme", "enrol", "tc", str(file), "--json").document
    again = run(config, "programme", "enrol", "tc", str(file), "--json").document

    assert (trial["enrolled"], done["enrolled"], done["grants"], done["invited"]) == (1, 1, 1, 1)
    assert (again["enrolled"], again["items"][0]["outcome"]) == (0, "enrolled already")


def test_a_wrong_row_exits_1_and_is_named_by_line_and_column(config, park, tmp_path):
    file = tmp_path / "cohort.csv"
    file.write_text("startup,owner\nHarbour,nowhere\n")

    refused = run(config, "programme", "enrol", "tc", str(file), "--json")

    assert refused.code == 1
    assert [(one["line"], one["field"]) for one in refused.document["errors"]] == [(2, "owner")]


def test_a_month_is_frozen_once_and_shown_as_it_was(app, config):
    make_programme("techconnect")

    preview = run(config, "programme", "month-end", "techconnect", "2026-05", "--json").document
    frozen = run(config, "programme", "month-end", "techconnect", "2026-05", "--freeze", "--json").document
    again = run(config, "programme", "month-end", "techconnect", "2026-05", "--edition", "1", "--json").document
    twice = run(config, "programme", "month-end", "techconnect", "2026-05", "--freeze")

    assert (preview["edition"], frozen["edition"]) == (None, 1)
    assert again == frozen
    assert "nothing to freeze anew" in twice.err
    assert twice.code == 1
