"""A balance lists by which rates usage in other currencies was converted, where that is asked for."""

from pathlib import Path

from creditsvc.core.days import day_start
from tests.api.conftest import token_of
from tests.api.speaking import Speaker
from tests.conftest import NOW
from tests.jobs.shell import run
from tests.usage.rating import hkd, make_acme, rate


def test_a_balance_lists_its_conversions_over_the_api_and_by_command(app, config, nobody: Speaker, tmp_path: Path):
    make_acme()
    rate("0.125")
    hkd(tmp_path, {1: "80", 2: "160"})
    speaker = nobody.bearing(token_of("auditor@park.example", "auditor"))

    def conversions(**query: str) -> object:
        return speaker.get("/startups/acme/balance", **query).json["accounts"][0]["conversions"]

    listed = {"currency": "HKD", "amount": "240", "rate": "0.125", "rate_day": "2026-06-01", "source": "HKMA",
              "converted": "30"}
    first_day = day_start(NOW.date().replace(day=1)).isoformat()
    assert conversions() is None
    assert conversions(conversions="true") == [listed]
    assert conversions(conversions="true", as_of=first_day) == [{**listed, "amount": "80", "converted": "10"}]
    assert conversions(conversions="true", known_at="2026-06-30") is None
    assert run(config, "balance", "acme", "--json").document["accounts"][0]["conversions"] == [listed]
