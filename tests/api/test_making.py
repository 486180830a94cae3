"""What a manager's program makes: partners, resources, pools, programmes, packages, cohorts, enrolments; what auditors
and administrators read of the book, the trail, jobs and mails."""

from datetime import timedelta
from typing import Any

import pytest

from creditsvc.db import db, transaction
from creditsvc.mail.models import FAILED, OutboxMail
from creditsvc.parties.models import TrailEntry
from creditsvc.programmes.models import Package
from tests import factories
from tests.api.conftest import NOW, new_token, token_of
from tests.api.speaking import ONE_DATABASE, Speaker
from tests.api.test_idempotency import at_once

BOTH_DATABASES = True

LINE = {"resource": "azure-credit", "pool": "ms-azure", "amount": "25000.5", "months": 12, "monthly": False}


def field_of(answer: Any) -> str:
    """The field at which a problem is; of what there is not, what that is."""
    problem = answer.json
    return problem["errors"][0]["field"] if "errors" in problem else problem.get("field") or problem["detail"]


def done() -> int:
    """How many things were done, by the trail."""
    db.session.rollback()
    return db.session.query(TrailEntry).count()


@pytest.fixture
def offered(manager: Speaker) -> None:
    """A partner with a pool of credit, a programme with a package and a cohort, all made over the API."""
    for path, body in (
        ("/partners", {"key": "microsoft", "name": "Microsoft"}),
        ("/resources", {"key": "azure-credit", "name": "Azure credit", "kind": "credit", "unit": "USD",
                        "provider": "azure"}),
        ("/pools", {"key": "ms-azure", "partner": "microsoft", "resource": "azure-credit", "amount": "100000",
                    "starts": "2026-01-01", "reference": "EA-1"}),
        ("/programmes", {"key": "techconnect", "name": "TechConnect", "months": 12, "partner": "microsoft"}),
        ("/programmes/techconnect/packages", {"key": "standard", "lines": [LINE]}),
        ("/programmes/techconnect/cohorts", {"key": "tc-2026", "name": "2026", "starts": "2026-03-01",
                                             "ends": "2027-02-28"}),
        ("/startups", {"key": "harbour", "name": "Harbour"}),
    ):
        answer = manager.post(path, body)
        assert answer.status_code == 201, answer.json
        assert manager.get(answer.headers["Location"].partition("/api/v1")[2]).status_code == 200


def test_what_is_made_is_awarded_from_as_if_it_had_been_made_on_pages(manager: Speaker, offered: None) -> None:
    enrolled = manager.post("/startups/harbour/enrolments", {"cohort": "tc-2026", "package": "standard",
                                                              "on": "2026-03-02"})
    begun = manager.post("/startups/harbour/enrolments/tc-2026/begin", {})
    awarded = manager.post("/startups/harbour/enrolments/tc-2026/award", {})

    assert (enrolled.status_code, enrolled.json["status"], begun.json["status"]) == (201, "applied", "active")
    assert [one["amount"] for one in awarded.json["items"]] == ["25000.5"]
    assert manager.get("/pools/ms-azure").json["left"] == "74999.5"
    assert manager.get("/resources/azure-credit").json == manager.get("/resources").json["items"][0] == {
        "key": "azure-credit", "name": "Azure credit", "kind": "credit", "unit": "USD", "provider": "azure",
    }


@ONE_DATABASE
@pytest.mark.parametrize(("path", "body", "status", "field"), [
    ("/partners", {"key": "microsoft", "name": "M"}, 409, "key"),
    ("/resources", {"key": "hours", "kind": "hours", "provider": "azure"}, 422, "provider"),
    ("/resources", {"key": "gold", "kind": "gold"}, 422, "kind"),
    ("/pools", {"key": "p", "partner": "none", "resource": "azure-credit", "amount": "1", "starts": "2026-01-01"},
     404, "There is no partner none."),
    ("/pools", {"key": "p", "partner": "microsoft", "resource": "azure-credit", "amount": "0",
                "starts": "2026-01-01"}, 422, "amount"),
    ("/programmes", {"key": "p", "name": "P", "months": 121}, 422, "months"),
    ("/programmes/techconnect/packages", {"key": "p", "lines": []}, 422, "lines"),
    ("/programmes/techconnect/packages", {"key": "p", "lines": [LINE, {**LINE, "amount": "0"}]}, 422,
     "lines[1].amount"),
    ("/programmes/techconnect/packages/standard", {"reason": "R", "version": 1, "lines": [LINE]}, 422, "lines"),
    ("/programmes/techconnect/cohorts", {"key": "c", "name": "C", "starts": "2026-03-01", "ends": "2026-02-01"},
     422, "ends"),
    ("/startups/harbour/enrolments", {"cohort": "tc-2026", "package": "none", "on": "2026-03-02"}, 404,
     "There is no package none."),
])
def test_what_cannot_be_made_is_refused_at_its_field_and_leaves_nothing(
    manager: Speaker, offered: None, path: str, body: dict[str, Any], status: int, field: str
) -> None:
    before = done()

    answer = manager.post(path, body)

    assert (answer.status_code, field_of(answer)) == (status, field)
    assert done() == before


@pytest.mark.parametrize(("path", "edit", "shown"), [
    ("/partners/microsoft", {"name": "Microsoft HK"}, {"name": "Microsoft HK"}),
    ("/pools/ms-azure/reference", {"reference": ""}, {"reference": ""}),
    ("/programmes/techconnect", {"name_zh_hant": "科技聯動"}, {"name_zh_hant": "科技聯動", "name": "TechConnect"}),
    ("/cohorts/tc-2026", {"ends": "2027-03-31", "reason": "They asked"}, {"ends": "2027-03-31", "name": "2026"}),
])
def test_paperwork_is_edited_from_what_was_read_and_what_is_not_sent_stays(
    manager: Speaker, offered: None, path: str, edit: dict[str, str], shown: dict[str, str]
) -> None:
    read = manager.get(path)

    edited = manager.patch(path, edit, read.headers["ETag"])
    late = manager.patch(path, edit, read.headers["ETag"])

    assert edited.status_code == 200
    assert edited.json == manager.get(path).json == {**read.json, **shown}
    assert late.status_code == 412


@ONE_DATABASE
def test_days_of_a_cohort_change_for_a_reason(manager: Speaker, offered: None) -> None:
    answer = manager.patch("/cohorts/tc-2026", {"starts": "2026-04-01"}, "*")

    assert (answer.status_code, field_of(answer)) == (422, "reason")
    assert manager.get("/cohorts/tc-2026").json["starts"] == "2026-03-01"


def test_terms_and_packages_get_versions_and_a_change_of_an_older_one_is_a_conflict(
    manager: Speaker, offered: None
) -> None:
    more = {"reason": "More", "lines": [{**LINE, "amount": "30000"}], "version": 1}

    assert manager.post("/programmes/techconnect/packages/standard", more).status_code == 200
    assert manager.post("/programmes/techconnect/packages/standard", more).status_code == 409
    assert manager.post("/programmes/techconnect/terms", {"months": 18, "reason": "R", "version": 1}).status_code == 200
    assert manager.post("/programmes/techconnect/terms", {"months": 24, "reason": "R", "version": 1}).status_code == 409
    stands = manager.get("/programmes/techconnect").json
    assert (stands["months"], stands["terms_version"]) == (18, 2)
    assert [(one["version"], one["lines"][0]["amount"]) for one in stands["packages"]] == [(2, "30000")]


def test_of_two_new_versions_made_at_once_from_one_reading_one_stands(manager: Speaker, offered: None) -> None:
    more = {"reason": "More", "lines": [{**LINE, "amount": "30000"}], "version": 1}

    answers = at_once(2, lambda: manager.post("/programmes/techconnect/packages/standard", more))

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    db.session.rollback()
    assert db.session.query(Package).one().version == 2


def test_of_two_partners_made_at_once_under_one_key_one_is_and_the_other_is_told(manager: Speaker) -> None:
    answers = at_once(2, lambda: manager.post("/partners", {"key": "microsoft", "name": "Microsoft"}))

    assert sorted(answer.status_code for answer in answers) == [201, 409]


def test_two_edits_of_one_cohort_at_once_whatever_is_there_both_stand(manager: Speaker, offered: None) -> None:
    edits = [{"name": "Spring"}, {"ends": "2027-03-31", "reason": "They asked"}]

    answers = at_once(2, lambda: manager.patch("/cohorts/tc-2026", edits.pop(), "*"))

    assert [answer.status_code for answer in answers] == [200, 200]
    stands = manager.get("/cohorts/tc-2026").json
    assert (stands["name"], stands["starts"], stands["ends"]) == ("Spring", "2026-03-01", "2027-03-31")


@ONE_DATABASE
@pytest.mark.parametrize(("path", "unknown"), [
    ("/cohorts/tc-2026", "/cohorts/none"), ("/programmes/techconnect", "/programmes/none"),
    ("/pools/ms-azure/reference", "/pools/none/reference"), ("/partners/microsoft", "/partners/none"),
])
def test_an_edit_of_nothing_changes_nothing_and_tells_nobody_whether_it_is_there(
    nobody: Speaker, manager: Speaker, offered: None, path: str, unknown: str
) -> None:
    said = {"reference": "EA-1"} if "reference" in path else {"name": "Microsoft"} if "partners" in path else {}
    read = manager.get(path)
    member = nobody.bearing(token_of("consultant@park.example", "consultant"))

    answer = manager.patch(path, said, "*")
    here, nowhere = member.patch(path, said, "*"), member.patch(unknown, said, "*")

    assert (answer.status_code, answer.headers["ETag"]) == (200, read.headers["ETag"])
    assert (here.status_code, here.json) == (nowhere.status_code, nowhere.json) == (403, here.json)


@ONE_DATABASE
@pytest.mark.parametrize(("path", "body"), [
    ("/partners", {"key": "p", "name": " "}),
    ("/resources", {"key": "r", "kind": "hours", "name": "a\nb"}),
    ("/programmes", {"key": "p", "name": " ", "months": 12}),
    ("/programmes/techconnect/cohorts", {"key": "c", "name": "a\tb", "starts": "2026-03-01", "ends": "2026-04-01"}),
    ("/pools", {"key": "p", "partner": "microsoft", "resource": "azure-credit", "amount": "1", "starts": "2026-01-01",
                "reference": "EA\n1"}),
    ("/programmes/techconnect/terms", {"months": 18, "reason": " ", "version": 1}),
    ("/programmes/techconnect/terms", {"months": 18, "reason": "R"}),
    ("/startups/harbour/enrolments", {"cohort": "tc-2026", "on": "2026-03-02", "status": "withdrawn"}),
])
def test_what_is_made_says_as_much_as_what_is_edited(
    manager: Speaker, offered: None, path: str, body: dict[str, Any]
) -> None:
    assert manager.post(path, body).status_code == 422


def test_a_manager_of_some_programmes_makes_nothing_in_others(nobody: Speaker, offered: None) -> None:
    other = factories.make_programme("incubation").id
    factories.make_person("limited@park.example", "manager", programme_ids=[other])
    limited = nobody.bearing(new_token("limited@park.example"))
    cohort = {"key": "c", "name": "C", "starts": "2026-03-01", "ends": "2026-04-01"}

    assert limited.post("/programmes", {"key": "p", "name": "P", "months": 12}).status_code == 403
    assert limited.post("/programmes/techconnect/cohorts", cohort).status_code == 404
    assert limited.patch("/programmes/techconnect", {"name": "Mine"}, "*").status_code == 404
    assert limited.patch("/cohorts/tc-2026", {"name": "Mine"}, "*").status_code == 404
    assert limited.post("/programmes/incubation/cohorts", cohort).status_code == 201
    assert limited.post("/startups/harbour/enrolments", {"cohort": "c", "on": "2026-03-02"}).status_code == 404


@ONE_DATABASE
def test_a_partners_viewer_reads_of_resources_and_partners_its_own_alone(nobody: Speaker, offered: None) -> None:
    factories.make_partner("law-firm")
    factories.make_resource("legal-hours", "hours", None, None)
    factories.make_pool("law", "10", "legal-hours", "law-firm")
    factories.make_person("p@law.example", "partner", partner_id=factories.partner_of("law-firm").id)
    viewer = nobody.bearing(new_token("p@law.example"))

    assert [one["key"] for one in viewer.get("/resources").json["items"]] == ["legal-hours"]
    assert viewer.get("/resources/azure-credit").status_code == viewer.get("/partners/microsoft").status_code == 404
    assert viewer.get("/pools/ms-azure").status_code == viewer.get("/pools/none").status_code == 404


def test_batches_and_the_trail_are_read_in_pages_newest_first(nobody: Speaker, manager: Speaker, offered: None) -> None:
    auditor = nobody.bearing(token_of("auditor@park.example", "auditor"))
    factories.make_grant("harbour", "ms-azure", "10", key="opened", opening_drawn="4")
    for amount in ("20", "30"):
        body = {"startup": "harbour", "pool": "ms-azure", "amount": amount, "effective": "2026-03-01"}
        assert manager.post("/grants", body).status_code == 201

    first = auditor.get("/batches", limit=2).json
    rest = auditor.get("/batches", limit=2, after=first["next"]).json
    numbers = [one["number"] for one in first["items"] + rest["items"]]
    one = auditor.get(f"/batches/{first['items'][0]['id']}").json
    made = auditor.get("/trail", action="programme.added").json["items"]

    assert (numbers, rest["next"]) == ([3, 2, 1], None)
    assert first["items"][0]["previous_hash"] == first["items"][1]["hash"] != ""
    assert (one["number"], one["postings"]) == (3, [])
    drawn = auditor.get(f"/batches/{rest['items'][0]['id']}").json["postings"]
    assert drawn == [{"charge_at": "2026-02-28T16:00:00Z", "kind": "drawn", "grant": "opened", "amount": "4"}]
    assert [(entry["subject"], entry["after"]["name"]) for entry in made] == [("programme:techconnect", "TechConnect")]
    assert auditor.get("/batches", startup="none").json["items"] == []
    assert auditor.get("/trail", since="2030-01-01").json["items"] == []
    assert len(auditor.get("/trail", until=NOW.date().isoformat(), subject="pool:").json["items"]) == 1
    assert auditor.get("/trail", until="2020-01-01", subject="pool:").json["items"] == []


@ONE_DATABASE
def test_an_administrator_asks_for_a_job_and_sends_a_failed_mail_again(nobody: Speaker) -> None:
    boss = nobody.bearing(token_of("boss@park.example", "administrator"))
    auditor = nobody.bearing(token_of("auditor@park.example", "auditor"))
    mail_id = transaction(_failed_mail)

    asked = boss.post("/jobs/delivery/run", {})
    seen = auditor.get("/mails", show="failed").json["items"]
    refused = boss.post(f"/mails/{mail_id}/send-again", {"reason": " "})
    again = boss.post(f"/mails/{mail_id}/send-again", {"reason": "They say it works now"})

    assert (asked.status_code, asked.json["job"], asked.json["asked_at"] is not None) == (200, "delivery", True)
    assert [(one["id"], one["to"], one["last_error"]) for one in seen] == [(mail_id, None, None)]
    assert boss.get(f"/mails/{mail_id}").json["to"] == "founder@harbour.example"
    assert (refused.status_code, field_of(refused)) == (422, "reason")
    assert (again.status_code, again.json["state"]) == (200, "queued")
    assert "founder" not in again.text
    assert boss.post(f"/mails/{mail_id}/dismiss", {"reason": "No more"}).json["dismissed_at"] is not None
    assert [job["job"] for job in auditor.get("/jobs").json["items"]] == ["nightly", "delivery"]


def _failed_mail() -> int:
    mail = OutboxMail(
        kind="digest", to_address="founder@harbour.example", subject="S", text="T", html="<p>T</p>",
        message_id="<1@park.example>", state=FAILED, tries=1, queued_at=NOW - timedelta(days=1),
        last_error="550 no such user",
    )
    db.session.add(mail)
    db.session.flush()
    return mail.id
