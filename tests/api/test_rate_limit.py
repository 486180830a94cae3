"""Who asks too often waits, and nobody else does."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from creditsvc.api.limiting import hang_limit
from creditsvc.app import create_app
from creditsvc.config import Config, ConfigError, load_config
from tests import databases
from tests.api.conftest import token_of
from tests.api.speaking import Speaker
from tests.conftest import NOW
from tests.counting import sent_meanwhile

RATE = 3


@pytest.fixture(params=["sqlite"])
def database(request: pytest.FixtureRequest) -> str:
    """One is enough: nothing is counted in it."""
    return str(request.param)


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    """An app of the test's own: what is hung into one stays there."""
    app = create_app(config)
    app.testing = True
    with app.app_context():
        yield app
    databases.dispose(app)


@pytest.fixture
def limited(app: Flask) -> Flask:
    app.config["CREDITSVC"] = replace(app.config["CREDITSVC"], api_rate=RATE)
    hang_limit(app)
    return app


def test_a_token_that_asks_too_often_is_told_to_wait_and_then_goes_on(limited: Flask, auditor: Speaker) -> None:
    with time_machine.travel(NOW, tick=False) as traveller:
        answers = [auditor.get("/grants") for _ in range(RATE + 2)]
        refused = answers[-1]
        traveller.shift(int(refused.headers["Retry-After"]))
        later = auditor.get("/grants")

    assert [answer.status_code for answer in answers] == [200] * RATE + [429] * 2
    assert refused.json["code"] == "rate-limit"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert later.status_code == 200


def test_another_token_is_not_kept_waiting(
    limited: Flask, auditor: Speaker, nobody: Speaker
) -> None:
    for _ in range(RATE + 1):
        auditor.get("/grants")
        nobody.get("/grants")

    assert auditor.get("/grants").status_code == 429
    assert auditor.bearing(token_of("other@park.example", "auditor")).get("/grants").status_code == 200


def test_an_address_without_a_valid_token_is_told_to_wait_whatever_it_sends(
    limited: Flask, auditor: Speaker, nobody: Speaker
) -> None:
    tries = [nobody.bearing(f"cs_{number}" if number % 2 else None).get("/grants") for number in range(RATE + 1)]

    assert [answer.status_code for answer in tries] == [401] * RATE + [429]
    assert auditor.get("/grants").status_code == 200


def test_a_refused_write_does_nothing_and_may_be_sent_again_with_its_key(limited: Flask, auditor: Speaker) -> None:
    for _ in range(RATE):
        auditor.get("/grants")

    assert auditor.post("/scopes/end", {}, key="again").status_code == 429
    hang_limit(limited)
    assert auditor.post("/scopes/end", {}, key="again").status_code == 422


def test_counting_costs_no_statement(app: Flask, auditor: Speaker) -> None:
    auditor.get("/grants")  # notes the use of the token
    with sent_meanwhile() as without:
        auditor.get("/grants")
    app.config["CREDITSVC"] = replace(app.config["CREDITSVC"], api_rate=RATE)
    hang_limit(app)

    with sent_meanwhile() as counted:
        auditor.get("/grants")

    assert counted == without


@pytest.mark.parametrize("text, rate", [("", 6000), ("60", 60), ("off", None)])
def test_the_rate_is_a_setting(tmp_path: Path, text: str, rate: int | None) -> None:
    assert load_config({"CREDITSVC_INSTANCE": str(tmp_path), "CREDITSVC_API_RATE": text}).api_rate == rate


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "60/minute", "٣", "1" * 10])
def test_a_rate_that_is_none_stops_the_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="CREDITSVC_API_RATE"):
        load_config({"CREDITSVC_INSTANCE": str(tmp_path), "CREDITSVC_API_RATE": text})


@pytest.mark.parametrize("text", ["-1", "1.5", "10", "one", "²"])
def test_what_is_no_number_of_proxies_stops_the_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="CREDITSVC_PROXIES"):
        load_config({"CREDITSVC_INSTANCE": str(tmp_path), "CREDITSVC_PROXIES": text})
