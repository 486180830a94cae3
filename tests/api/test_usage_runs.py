import gzip
import io
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from creditsvc.db import db, transaction
from creditsvc.ledger.models import Posting, UsageFact
from creditsvc.parties.access import operator
from creditsvc.usage.files import pack
from creditsvc.usage.models import ImportRun
from creditsvc.usage.operations import receive_upload
from tests.api.speaking import ONE_DATABASE, Speaker
from tests.conftest import NOW
from tests.factories import make_grant, make_pool
from tests.usage.exports import focus_row, write_focus, write_with_manifest
from tests.usage.importing import assign

SCOPE = "aaaaaaaa-0000-4000-8000-000000000001"
UNKNOWN = "bbbbbbbb-0000-4000-8000-000000000002"


@pytest.fixture
def granted(startups: None) -> None:
    """harbour-robotics has USD 100 and a scope."""
    make_grant("harbour-robotics", make_pool("ms-azure").key, "100", key="hr-azure")
    assign(SCOPE, "harbour-robotics", NOW - timedelta(days=60), NOW)


def export(tmp_path: Path, *costs: str, scope: str = SCOPE) -> bytes:
    """A FOCUS file with a cost on each day from 1 June 2026 on."""
    rows = [focus_row(date(2026, 6, number), scope, cost) for number, cost in enumerate(costs, 1)]
    return write_focus(tmp_path / "export.csv", rows).read_bytes()


def upload(speaker: Speaker, *files: tuple[str, bytes], key: str | None = None, **fields: str) -> TestResponse:
    data: dict[str, Any] = {**fields, "files": [(io.BytesIO(content), name) for name, content in files]}
    return speaker.post("/usage-runs", key=key, data=data, content_type="multipart/form-data")


def rows_of(model: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def remaining(speaker: Speaker) -> str:
    account = speaker.get("/startups/harbour-robotics/balance").json["accounts"][0]
    return str(account["remaining"])


def test_an_upload_draws_the_credits_down(manager: Speaker, granted: None, tmp_path: Path) -> None:
    answer = upload(manager, ("june.csv", export(tmp_path, "10.25", "5")))

    run = answer.json
    assert (answer.status_code, run["status"]) == (201, "applied")
    assert answer.headers["Location"] == f"/api/v1/usage-runs/{run['id']}"
    assert (run["name"], run["rows"], run["counted_rows"]) == ("june.csv", 2, 2)
    assert run["cover"] == ["2026-06-01", "2026-06-02"]
    assert run["delta"] == {"USD": "15.25"}
    assert run["effects"] == [{
        "startup": "harbour-robotics", "resource": "azure-credit", "unit": "USD", "drawn": "15.25", "uncovered": "0",
        "uncredited_refund": "0",
    }]
    assert remaining(manager) == "84.75"
    assert manager.get(f"/usage-runs/{run['id']}").json == run


def test_a_dry_run_tells_the_same_and_does_nothing(manager: Speaker, granted: None, tmp_path: Path) -> None:
    content = export(tmp_path, "10.25", "105")

    tried = upload(manager, ("june.csv", content), dry_run="true", key="one")
    after_trial = rows_of(ImportRun), rows_of(Posting), rows_of(UsageFact)
    real = upload(manager, ("june.csv", content), key="one")

    assert (tried.status_code, tried.json["id"], tried.json["dry_run"]) == (200, None, True)
    assert tried.json["uncovered_delta"] == {"USD": "15.25"}
    assert after_trial == (0, 0, 0)
    assert (real.status_code, real.json["dry_run"]) == (201, False)
    assert {**tried.json, "id": 0, "dry_run": 0} == {**real.json, "id": 0, "dry_run": 0}


def test_an_upload_sent_twice_is_one_run(manager: Speaker, granted: None, tmp_path: Path) -> None:
    content = export(tmp_path, "10")

    first = upload(manager, ("june.csv", content), key="one")
    again = upload(manager, ("june.csv", content), key="one")
    other = upload(manager, ("june.csv", content + b"\n"), key="one")

    assert again.json == first.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json["code"]) == (409, "key-reused")
    assert rows_of(ImportRun) == 1


def test_the_same_file_again_is_unchanged(manager: Speaker, granted: None, tmp_path: Path) -> None:
    content = export(tmp_path, "10")
    upload(manager, ("june.csv", content), submitted_at="2026-06-14T00:00:00Z")
    posted = rows_of(Posting)

    again = upload(manager, ("june.csv.gz", gzip.compress(content)))

    assert again.json["status"] == "unchanged"
    assert rows_of(Posting) == posted


def test_a_file_that_is_refused_is_kept_as_a_refused_run(manager: Speaker, granted: None, tmp_path: Path) -> None:
    content = export(tmp_path, "10").replace(b",USD,", b",,") + b"what,is,this\n"

    answer = upload(manager, ("june.csv", content), key="one")
    again = upload(manager, ("june.csv", content), key="one")
    runs = manager.get("/usage-runs").json["items"]

    assert (answer.status_code, answer.json["type"]) == (422, "/api/v1/docs#file-refused")
    assert answer.json["errors"][0]["file"] == "june.csv"
    assert answer.json["errors"][0]["message"]
    assert again.json == answer.json
    assert [(run["id"], run["status"]) for run in runs] == [(answer.json["run"], "refused")]
    assert manager.get(f"/usage-runs/{answer.json['run']}").json["errors"] == answer.json["errors"]
    assert (rows_of(Posting), rows_of(UsageFact)) == (0, 0)


def test_a_dry_run_of_a_bad_file_keeps_nothing(manager: Speaker, granted: None) -> None:
    answer = upload(manager, ("june.csv", b"\x00\x01"), dry_run="1")

    assert answer.status_code == 422
    assert rows_of(ImportRun) == 0


def test_files_of_a_manifest_come_together(manager: Speaker, granted: None, tmp_path: Path) -> None:
    rows = [focus_row("2026-06-01", SCOPE, "7")]
    folder = write_with_manifest(tmp_path / "june", rows, NOW - timedelta(hours=2), "2026-06-01", "2026-06-02")
    manifest, part = (folder / "manifest.json").read_bytes(), (folder / "part_0_0001.csv").read_bytes()

    without = upload(manager, ("manifest.json", manifest))
    twice = upload(manager, ("manifest.json", manifest), ("manifest.json", manifest), ("part_0_0001.csv", part))
    whole = upload(manager, ("part_0_0001.csv", part), ("manifest.json", manifest))

    assert (without.status_code, twice.status_code) == (422, 422)
    assert (whole.status_code, whole.json["status"]) == (201, "applied")
    assert whole.json["submitted_at"] == "2026-06-15T02:00:00Z"
    assert whole.json["cover"] == ["2026-06-01", "2026-06-02"]


def test_the_newest_submitted_run_decides(manager: Speaker, granted: None, tmp_path: Path) -> None:
    newer = export(tmp_path, "10")
    upload(manager, ("newer.csv", newer), submitted_at="2026-06-14T00:00:00Z")

    late = upload(manager, ("older.csv", export(tmp_path, "11")), submitted_at="2026-06-13")

    assert (late.json["status"], late.json["submitted_at"]) == ("stale", "2026-06-13T16:00:00Z")
    assert late.json["stale"] == [{"scope": SCOPE, "days": ["2026-06-01"]}]
    assert remaining(manager) == "90"


def test_a_run_is_taken_back_whole(manager: Speaker, granted: None, tmp_path: Path) -> None:
    run = upload(manager, ("june.csv", export(tmp_path, "10"))).json["id"]

    reversal = manager.post(f"/usage-runs/{run}/reverse")
    again = manager.post(f"/usage-runs/{run}/reverse")

    assert (reversal.status_code, reversal.json["status"], reversal.json["delta"]) == (200, "reversed", {"USD": "-10"})
    assert again.json["delta"] == {}
    assert manager.get(f"/usage-runs/{run}").json["reversed_by"] == "manager@park.example"
    assert remaining(manager) == "100"


def test_a_suspicious_run_is_held_until_a_manager_says_yes(manager: Speaker, granted: None, tmp_path: Path) -> None:
    upload(manager, ("june.csv", export(tmp_path, "500")), submitted_at="2026-06-14T00:00:00Z")

    held = upload(manager, ("less.csv", export(tmp_path, "1")))
    before = remaining(manager)
    confirmed = manager.post(f"/usage-runs/{held.json['id']}/confirm")
    again = manager.post(f"/usage-runs/{held.json['id']}/confirm")

    assert (held.status_code, held.json["status"], before) == (201, "held", "0")
    assert held.json["suspicions"]
    assert (confirmed.status_code, confirmed.json["status"], remaining(manager)) == (200, "applied", "99")
    assert (again.status_code, again.json["code"]) == (409, "not-held")


def waiting_upload(content: bytes) -> int:
    """The id of a run that a page received and nobody has applied yet."""
    packed = [pack("june.csv", io.BytesIO(content))]
    run_id: int = transaction(lambda: receive_upload(operator(NOW), "june.csv", packed).id)
    return run_id


def test_a_run_that_waits_since_its_upload_on_a_page_is_applied(
    manager: Speaker, granted: None, tmp_path: Path
) -> None:
    run = waiting_upload(export(tmp_path, "10.25", "5"))

    tried = manager.post(f"/usage-runs/{run}/apply", {"dry_run": True}, key="")
    before = remaining(manager)
    applied = manager.post(f"/usage-runs/{run}/apply", key="once")
    repeated = manager.post(f"/usage-runs/{run}/apply", key="once")

    assert (tried.status_code, tried.json["status"], tried.json["delta"]) == (200, "applied", {"USD": "15.25"})
    assert (tried.json["dry_run"], before) == (True, "100")
    assert (applied.status_code, applied.json["status"], remaining(manager)) == (200, "applied", "84.75")
    assert (applied.json["id"], applied.json["effects"]) == (run, tried.json["effects"])
    assert (repeated.headers["Idempotency-Replayed"], repeated.json) == ("true", applied.json)


def test_a_suspicious_run_that_waits_is_held_unless_it_is_confirmed(
    manager: Speaker, granted: None, tmp_path: Path
) -> None:
    upload(manager, ("june.csv", export(tmp_path, "500")), submitted_at="2026-06-14T00:00:00Z")
    run = waiting_upload(export(tmp_path, "1"))

    held = manager.post(f"/usage-runs/{run}/apply")
    confirmed = manager.post(f"/usage-runs/{run}/apply", {"confirm": True})

    assert (held.json["status"], confirmed.status_code, confirmed.json["code"]) == ("held", 409, "not-queued")
    assert manager.post(f"/usage-runs/{run}/confirm").json["status"] == "applied"
    again = manager.post(f"/usage-runs/{run}/apply")
    assert (again.status_code, again.json["status"], remaining(manager)) == (200, "applied", "99")


def test_a_run_that_waits_and_whose_file_is_no_export_becomes_a_refused_one(manager: Speaker, granted: None) -> None:
    run = waiting_upload(b"no export at all")

    tried = manager.post(f"/usage-runs/{run}/apply", {"dry_run": True}, key="")
    status = manager.get(f"/usage-runs/{run}").json["status"]
    answer = manager.post(f"/usage-runs/{run}/apply")

    assert (tried.status_code, status) == (422, "queued")
    assert (answer.status_code, answer.json["run"], answer.json["errors"]) == (422, run, tried.json["errors"])
    assert manager.get(f"/usage-runs/{run}").json["status"] == "refused"


def test_runs_come_in_pages_newest_first(manager: Speaker, granted: None, tmp_path: Path) -> None:
    made = [upload(manager, ("june.csv", export(tmp_path, cost))).json["id"] for cost in ("1", "2", "3")]

    first = manager.get("/usage-runs", limit=2).json
    second = manager.get("/usage-runs", limit=2, after=first["next"]).json

    assert [run["id"] for run in first["items"] + second["items"]] == made[::-1]
    assert second["next"] is None
    assert [run["id"] for run in manager.get("/usage-runs", status="stale").json["items"]] == made[2:] == [
        run["id"] for run in first["items"] if run["status"] == "stale"]
    assert manager.get("/usage-runs", status="lost").status_code == 422
    assert manager.get("/usage-runs", after="newest").status_code == 422


@ONE_DATABASE
@pytest.mark.parametrize(
    "fields, field",
    [({"submitted_at": "soon"}, "submitted_at"), ({"submitted_at": "2026-07-01"}, "submitted_at"),
     ({"dry_run": "perhaps"}, "dry_run"), ({"speed": "high"}, "speed")],
)
def test_a_wrong_field_is_refused_by_name(
    manager: Speaker, granted: None, tmp_path: Path, fields: dict[str, str], field: str
) -> None:
    answer = upload(manager, ("june.csv", export(tmp_path, "10")), **fields)

    assert answer.status_code == 422
    assert answer.json["detail"].startswith(field) or answer.json["field"] == field
    assert rows_of(ImportRun) == 0


@ONE_DATABASE
def test_an_upload_without_a_file_is_refused(manager: Speaker) -> None:
    nothing = upload(manager)
    text = manager.post("/usage-runs", data={"files": "june.csv"}, content_type="multipart/form-data")

    assert (nothing.status_code, text.status_code) == (422, 422)
    assert rows_of(ImportRun) == 0


@ONE_DATABASE
def test_an_upload_that_is_too_large_is_refused(manager: Speaker) -> None:
    answer = upload(manager, ("june.csv", b"x" * (64 * 1024 * 1024)))

    assert answer.status_code == 413
    assert rows_of(ImportRun) == 0


def test_an_upload_without_a_key_is_refused_before_it_is_read(manager: Speaker) -> None:
    answer = upload(manager, ("june.csv", b"no export at all"), key="")

    assert (answer.status_code, answer.json["type"]) == (400, "/api/v1/docs#key-missing")


def test_who_may_see_and_who_may_import(
    manager: Speaker, auditor: Speaker, founder: Speaker, granted: None, tmp_path: Path
) -> None:
    run = upload(manager, ("june.csv", export(tmp_path, "10"))).json["id"]

    reads = [who.get(path).status_code for who in (auditor, founder) for path in ("/usage-runs", f"/usage-runs/{run}")]
    writes = [
        answer.status_code
        for who in (auditor, founder)
        for answer in (upload(who, ("june.csv", b"x")), who.post(f"/usage-runs/{run}/reverse"),
                       who.post(f"/usage-runs/{run}/confirm"))
    ]

    assert reads == [200, 200, 403, 403]
    assert writes == [403] * 6
    assert remaining(manager) == "90"


def test_usage_of_an_unknown_scope_waits_until_it_is_assigned(
    manager: Speaker, founder: Speaker, granted: None, tmp_path: Path
) -> None:
    run = upload(manager, ("june.csv", export(tmp_path, "40", scope=UNKNOWN)))
    waiting = manager.get("/scopes").json

    assigned = manager.post("/scopes/assign", {
        "provider": "azure", "id": f"/subscriptions/{UNKNOWN.upper()}", "startup": "harbour-robotics",
        "starts": "2026-06-01", "ends": "2026-12-31",
    })

    assert run.json["unknown_scopes"] == [UNKNOWN]
    assert waiting == {"next": None, "items": [{
        "provider": "azure", "id": UNKNOWN, "first_day": "2026-06-01", "last_day": "2026-06-01",
        "amounts": {"USD": "40"},
    }]}
    assert assigned.status_code == 200
    assert assigned.json == {
        "provider": "azure", "id": UNKNOWN, "startup": "harbour-robotics", "resource": "azure-credit",
        "starts_at": "2026-05-31T16:00:00Z", "ends_at": "2026-12-31T16:00:00Z", "newest_charge_day": "2026-06-01",
        "data_at": "2026-06-15T04:00:00Z",
    }
    assert manager.get("/scopes").json["items"] == []
    assert remaining(founder) == "60"
    assert founder.get("/startups/harbour-robotics/scopes").json["items"][-1] == assigned.json


def test_a_scope_ends_and_its_later_usage_waits(manager: Speaker, granted: None, tmp_path: Path) -> None:
    upload(manager, ("june.csv", export(tmp_path, "10", "20")))

    ended = manager.post("/scopes/end", {"provider": "azure", "id": SCOPE, "ends": "2026-06-01"})

    assert ended.json == {"provider": "azure", "id": SCOPE, "ends_at": "2026-06-01T16:00:00Z"}
    assert remaining(manager) == "90"
    assert [scope["amounts"] for scope in manager.get("/scopes").json["items"]] == [{"USD": "20"}]


@pytest.mark.parametrize(
    "change, status, field",
    [
        ({"id": "no guid"}, 422, "id"),
        ({"starts": "soon"}, 422, "starts"),
        ({"ends": "2026-05-01"}, 422, "ends"),
        ({"resource": "no-such-resource"}, 422, "resource"),
        ({"startup": "lotus-health", "id": SCOPE}, 409, "startup"),
    ],
)
def test_an_assignment_against_the_rules_names_the_field(
    manager: Speaker, granted: None, change: dict[str, str], status: int, field: str
) -> None:
    body = {"provider": "azure", "id": UNKNOWN, "startup": "harbour-robotics", "starts": "2026-06-01", **change}

    answer = manager.post("/scopes/assign", body)

    assert (answer.status_code, answer.json["field"]) == (status, field)


def test_a_scope_is_handed_over_when_said_so(manager: Speaker, granted: None, tmp_path: Path) -> None:
    upload(manager, ("june.csv", export(tmp_path, "10", "20")))
    body = {"provider": "azure", "id": SCOPE, "startup": "lotus-health", "starts": "2026-06-02", "hand_over": True}

    answer = manager.post("/scopes/assign", body)

    account = manager.get("/startups/lotus-health/balance").json["accounts"][0]
    assert (answer.status_code, account["uncovered"]) == (200, "20")
    assert remaining(manager) == "90"


def test_only_managers_assign_scopes(auditor: Speaker, founder: Speaker, granted: None) -> None:
    body = {"provider": "azure", "id": UNKNOWN, "startup": "harbour-robotics", "starts": "2026-06-01"}
    end = {"provider": "azure", "id": SCOPE, "ends": "2026-06-01"}

    answers = [
        answer.status_code
        for who in (auditor, founder)
        for answer in (who.post("/scopes/assign", body), who.post("/scopes/end", end))
    ]

    assert answers == [403] * 4
    assert founder.get("/scopes").status_code == 403
    assert auditor.get("/scopes").status_code == 200
