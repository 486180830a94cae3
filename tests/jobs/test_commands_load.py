"""`load` as a shell sees it; what a load means is tested with the room."""

import pytest

from tests import factories as make
from tests.conftest import NOW
from tests.jobs.shell import run
from tests.licences.sitting import give, holders, make_product, queue_up, sit

OFFERS = """
partners: [{key: microsoft, name: Microsoft Hong Kong}]
resources: [{key: azure-credit, kind: credit, unit: USD, provider: azure}]
pools: [{key: ms, partner: microsoft, resource: azure-credit, amount: "5000", starts: 2026-01-01, ends: 2027-12-31}]
"""
STARTUPS = """
startups: [{key: harbour, name: Harbour Robotics, language: en}]
grants: [{key: g1, startup: harbour, pool: ms, amount: "AMOUNT", effective: 2026-03-01, expires: 2027-02-28}]
"""


@pytest.fixture
def files(tmp_path):
    """Writes the two files; the grant is of that amount."""

    def write(amount="1000"):
        offers, startups = tmp_path / "offers.yaml", tmp_path / "startups.yaml"
        offers.write_text(OFFERS, encoding="utf-8")
        startups.write_text(STARTUPS.replace("AMOUNT", amount), encoding="utf-8")
        return offers, startups

    return write


def test_files_are_loaded_as_one_and_again_nothing_changes(config, files):
    first = run(config, "load", *files(), "--json")
    again = run(config, "load", *files(), "--json")

    assert (first.code, again.code) == (0, 0)
    assert first.document["new"]["grants"] == 1
    assert (again.document["new"], again.document["changed"]) == ({}, {})
    assert again.document["same"] == first.document["new"]
    assert run(config, "balance", "harbour", "--json").document["accounts"][0]["granted"] == "1000"


def test_a_grant_in_a_file_seats_who_waits(app, config, tmp_path, monkeypatch):
    monkeypatch.setattr("creditsvc.clock.now", lambda: NOW)
    make.make_startup("acme")
    make_product()
    give("acme", "first", 1)
    sit("ada"), queue_up(config, "bob")
    file = tmp_path / "more.yaml"
    file.write_text('grants: [{key: second, startup: acme, pool: ms-seats, amount: "1", effective: 2026-01-01}]')

    said = run(config, "load", file)

    assert (said.code, said.err) == (0, "")
    assert holders() == {"ada": "first", "bob": "second"}


def test_a_load_reads_well(config, files):
    said = run(config, "load", *files())

    assert "grants" in said.out
    assert said.out.endswith("Loaded.\n")
    assert run(config, "load", *files()).out.endswith("Nothing has changed.\n")


def test_a_fact_that_differs_is_refused_by_name_and_changes_nothing(config, files):
    run(config, "load", *files())

    said = run(config, "load", *files("1001"), "--json")

    assert said.code == 1
    error = said.document["errors"][0]
    assert (error["file"], error["field"], error["value"]) == ("startups.yaml", "grants[0].amount", "1001")
    assert said.err.startswith("startups.yaml, grants[0].amount: '1001': ")
    assert run(config, "balance", "harbour", "--json").document["accounts"][0]["granted"] == "1000"


def test_a_load_is_all_or_nothing(config, files):
    said = run(config, "load", *files("6000"))

    assert said.code == 1
    assert "5000" in said.err
    assert run(config, "balance", "harbour").code == 1


@pytest.mark.parametrize("text", ["partners: [", "partners: 5", "nonsense: []", "- 1"])
def test_what_is_no_load_file_is_refused(config, tmp_path, text):
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")

    said = run(config, "load", tmp_path / "x.yaml", "--json")

    assert said.code == 1
    assert said.document["errors"][0]["file"] == "x.yaml"


def test_a_file_that_is_not_there_is_refused(config, tmp_path):
    said = run(config, "load", tmp_path / "none.yaml")

    assert said.code == 1
    assert "none.yaml" in said.err
