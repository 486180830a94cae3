from typing import Any

import pytest

from creditsvc.programmes import operations as programmes
from creditsvc.programmes.operations import LineTerms
from tests import factories
from tests.api.conftest import NOW, new_token
from tests.api.speaking import ONE_DATABASE, Speaker


@pytest.fixture
def offers(startups: None) -> None:
    """TechConnect of Microsoft with a package and two cohorts, incubation of nobody; two startups in them."""
    factories.make_partner("microsoft")
    factories.make_partner("law-firm", "A law firm")
    tech = factories.make_programme("techconnect", partner="microsoft").id
    factories.make_programme("incubation", months=24)
    pool = factories.make_pool("ms-azure", partner="microsoft").key
    factories.make_package("techconnect", [LineTerms("azure-credit", pool, "25000.50", 12)])
    for cohort, programme in (("tc-2026a", "techconnect"), ("tc-2026b", "techconnect"), ("inc-2026", "incubation")):
        factories.make_cohort(programme, cohort)
    for startup, cohort, status in (
        ("harbour-robotics", "tc-2026a", "active"), ("harbour-robotics", "inc-2026", "applied"),
        ("lotus-health", "inc-2026", "active"), ("lotus-health", "tc-2026b", "withdrawn"),
    ):
        _enrol(startup, cohort, status, "standard" if cohort == "tc-2026a" else None)
    factories.make_person("limited@park.example", "manager", programme_ids=[tech])


def _enrol(startup: str, cohort: str, status: str, package: str | None) -> None:
    factories.do(lambda: programmes.enrol(
        factories.somebody(), startup=startup, cohort=cohort, package=package, status=status, on=NOW.date()
    ))


def keys(speaker: Speaker, path: str, **query: Any) -> list[str]:
    return [each["key"] for each in speaker.get(path, **query).json["items"]]


def enrolled(speaker: Speaker, path: str = "/enrolments", **query: Any) -> list[tuple[str, str]]:
    return [(each["startup"], each["cohort"]) for each in speaker.get(path, **query).json["items"]]


def test_a_programme_says_its_terms_and_what_its_packages_bring(manager: Speaker, offers: None) -> None:
    assert manager.get("/programmes/techconnect").json == {
        "key": "techconnect", "name": "TechConnect", "name_zh_hant": None, "name_zh_hans": None,
        "partner": "microsoft", "timezone": "Asia/Hong_Kong", "months": 12, "terms_version": 1,
        "packages": [{"key": "standard", "version": 1, "lines": [
            {"resource": "azure-credit", "pool": "ms-azure", "unit": "USD", "amount": "25000.5", "months": 12,
             "monthly": False},
        ]}],
    }
    assert keys(manager, "/partners") == ["law-firm", "microsoft"]
    assert keys(manager, "/programmes") == ["incubation", "techconnect"]
    assert keys(manager, "/programmes", partner="microsoft") == ["techconnect"]


def test_a_cohort_is_read_alone_and_by_its_programme(manager: Speaker, offers: None) -> None:
    assert manager.get("/cohorts/tc-2026a").json == {
        "key": "tc-2026a", "name": "2026 spring", "programme": "techconnect", "starts": "2026-03-01",
        "ends": "2027-02-28", "months": 12,
    }
    assert keys(manager, "/cohorts") == ["inc-2026", "tc-2026a", "tc-2026b"]
    assert keys(manager, "/cohorts", programme="techconnect") == ["tc-2026a", "tc-2026b"]


def test_a_manager_of_some_programmes_sees_these_alone(nobody: Speaker, offers: None) -> None:
    limited = nobody.bearing(new_token("limited@park.example"))

    assert keys(limited, "/programmes") == ["techconnect"]
    assert keys(limited, "/cohorts", programme="incubation") == []
    assert limited.get("/cohorts/inc-2026").status_code == limited.get("/programmes/incubation").status_code == 404
    assert enrolled(limited) == [("harbour-robotics", "tc-2026a"), ("lotus-health", "tc-2026b")]
    assert enrolled(limited, "/startups/harbour-robotics/enrolments") == [("harbour-robotics", "tc-2026a")]
    assert keys(limited, "/startups", programme="incubation") == keys(limited, "/startups", programme="none") == []
    foreign, unknown = (limited.post(f"/startups/lotus-health/enrolments/{cohort}/award")
                        for cohort in ("inc-2026", "none"))
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json["detail"].replace("inc-2026", "none") == unknown.json["detail"]


def test_enrolments_come_in_pages_by_startup_and_cohort(manager: Speaker, offers: None) -> None:
    found: list[tuple[str, str]] = []
    after: dict[str, str] = {}
    for _ in range(2):
        found += enrolled(manager, limit=2, **after)
        after = {"after": manager.get("/enrolments", limit=2, **after).json["next"]}

    assert after == {"after": None}
    assert found == [
        ("harbour-robotics", "inc-2026"), ("harbour-robotics", "tc-2026a"),
        ("lotus-health", "inc-2026"), ("lotus-health", "tc-2026b"),
    ]


def test_enrolments_are_chosen_by_programme_cohort_startup_and_status(manager: Speaker, offers: None) -> None:
    assert enrolled(manager, programme="techconnect", status="active") == [("harbour-robotics", "tc-2026a")]
    assert enrolled(manager, cohort="inc-2026", startup="lotus-health") == [("lotus-health", "inc-2026")]
    assert enrolled(manager, cohort="none") == []


def test_a_founder_reads_the_enrolments_of_their_own_startup_alone(founder: Speaker, offers: None) -> None:
    own = founder.get("/startups/harbour-robotics/enrolments", status="active").json

    assert own == {"next": None, "items": [{
        "startup": "harbour-robotics", "cohort": "tc-2026a", "programme": "techconnect", "package": "standard",
        "status": "active", "enrolled_on": "2026-06-15", "months": 12, "awarded": False,
    }]}
    assert {startup for startup, _ in enrolled(founder)} == {"harbour-robotics"}
    assert enrolled(founder, startup="lotus-health") == []
    assert founder.get("/startups/lotus-health/enrolments").status_code == 404
    assert founder.get("/programmes").status_code == 403


@ONE_DATABASE
@pytest.mark.parametrize("field", ["after", "status"])
def test_a_cursor_or_a_status_that_is_none_is_refused(manager: Speaker, field: str) -> None:
    answer = manager.get("/enrolments", **{field: "none"})

    assert answer.status_code == 422
    assert field in (answer.json.get("field"), answer.json.get("errors", [{}])[0].get("field"))


def test_a_package_is_awarded_whole_and_once(manager: Speaker, auditor: Speaker, offers: None) -> None:
    place = "/startups/harbour-robotics/enrolments/tc-2026a/award"

    first, again = manager.post(place), manager.post(place)

    (grant,) = first.json["items"]
    assert (grant["amount"], grant["pool"], grant["startup"]) == ("25000.5", "ms-azure", "harbour-robotics")
    assert again.json == first.json
    assert manager.get("/startups/harbour-robotics/enrolments", status="active").json["items"][0]["awarded"] is True
    assert auditor.post(place).status_code == 403
    assert manager.post("/startups/lotus-health/enrolments/tc-2026a/award").status_code == 404
