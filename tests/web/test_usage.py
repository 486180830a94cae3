"""Uploading exports, trying them out, applying and taking back; billing scopes."""

import gzip
import io
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from creditsvc.core.days import starts_at
from creditsvc.db import db, transaction
from creditsvc.ledger.models import Posting, UsageFact
from creditsvc.parties.models import StartupProgramme, TrailEntry
from tests import factories
from tests.conftest import NOW
from tests.usage.exports import focus_row, write_focus, write_with_manifest
from tests.usage.importing import assign
from tests.web.browsing import Browser, Page

SCOPE, UNKNOWN = "64e355d7-997c-491d-b0c1-8414dccfcf42", "1caaa5a3-2b66-438e-8ab4-bce37d518c5d"


@pytest.fixture
def manager(browse_as) -> Browser:
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_grant("harbour", amount="100", key="harbour-azure")
    assign(SCOPE, "harbour", starts_at(date(2026, 3, 1)), NOW)
    return browse_as(factories.make_person("lee@park.example", "manager"))


def content(folder: Path, cost: str = "30", scope: str = SCOPE, days: int = 4, **more: str) -> bytes:
    rows = [focus_row(date(2026, 6, 1) + timedelta(days=n), scope, cost, **more) for n in range(days)]
    return write_focus(folder / "made.csv", rows).read_bytes()


def upload(browser: Browser, *files: tuple[bytes, str]) -> Page:
    return browser.submit("/usage/upload", {"files": [(io.BytesIO(data), name) for data, name in files]})


def facts() -> int:
    db.session.rollback()
    return (db.session.scalar(select(func.count(UsageFact.id))) or 0) + (
        db.session.scalar(select(func.count(Posting.id))) or 0
    )


def press(browser: Browser, page: Page, button: str, **typed: str) -> Page:
    """Sends the form of the trial, or a form of a run, to what the button names."""
    form = next(form for form in page.forms if form.action.startswith(page.url) and form.method == "post")
    return browser.follow(browser.post(f"{page.url}/{button}", {**form.fields, **typed}))


def test_an_upload_shows_what_it_would_do_and_posts_nothing(manager: Browser, tmp_path: Path):
    page = manager.follow(upload(manager, (content(tmp_path), "june.csv")))

    assert page.status == 200
    assert "What june.csv would do" in page.text
    assert "Rows 4" in page.text
    assert "Usage USD 120.00" in page.text
    assert "of it uncovered USD 20.00" in page.text
    assert "Harbour Robotics azure-credit USD 100.00 USD 20.00" in page.text
    assert facts() == 0


def test_a_manager_of_other_programmes_sees_the_run_and_no_startup_in_it(manager: Browser, browse_as, tmp_path: Path):
    trial = manager.follow(upload(manager, (content(tmp_path), "june.csv")))
    applied = press(manager, trial, "apply")
    elsewhere = factories.make_cohort().programme_id
    limited = browse_as(factories.make_person("wong@park.example", "manager", programme_ids=[elsewhere]))

    page = limited.get(applied.url)

    assert "Harbour Robotics" in applied.text
    assert page.status == 200
    assert "Rows 4" in page.text
    assert "Harbour Robotics" not in page.text


def test_the_list_of_runs_tells_a_manager_of_other_programmes_no_sums_of_all_startups(
    manager: Browser, browse_as, tmp_path: Path
):
    press(manager, manager.follow(upload(manager, (content(tmp_path), "june.csv"))), "apply")
    elsewhere = factories.make_cohort().programme_id
    limited = browse_as(factories.make_person("wong@park.example", "manager", programme_ids=[elsewhere]))

    assert "USD 120.00" in manager.get("/usage").text
    assert "june.csv" in limited.get("/usage").text
    assert "120.00" not in limited.get("/usage").text
    harbour = factories.startup_id("harbour")
    transaction(lambda: db.session.add(StartupProgramme(startup_id=harbour, programme_id=elsewhere)))
    assert "USD 120.00" in limited.get("/usage").text


def test_applying_does_what_the_trial_said(manager: Browser, tmp_path: Path):
    trial = manager.follow(upload(manager, (content(tmp_path), "june.csv")))

    page = press(manager, trial, "apply")

    assert "Applied" in page.text
    assert "Harbour Robotics azure-credit USD 100.00 USD 20.00" in page.text
    assert "USD 0.00 can still be used, of USD 100.00 granted" in manager.get("/startups/harbour").text


def test_applying_twice_posts_once(manager: Browser, tmp_path: Path):
    trial = manager.follow(upload(manager, (content(tmp_path), "june.csv")))
    press(manager, trial, "apply")
    before = facts()

    press(manager, trial, "apply")

    assert facts() == before


def test_a_discarded_upload_never_counts(manager: Browser, tmp_path: Path):
    trial = manager.follow(upload(manager, (content(tmp_path), "june.csv")))

    page = press(manager, trial, "discard")

    assert "Discarded" in page.text
    assert facts() == 0


def test_parts_and_gzip_are_read_as_one_export(manager: Browser, tmp_path: Path):
    folder = write_with_manifest(
        tmp_path / "export", [focus_row("2026-06-01", SCOPE, "5")], NOW - timedelta(hours=1), "2026-06-01", "2026-06-30"
    )
    files = [(path.read_bytes(), path.name) for path in sorted(folder.iterdir())]

    parts = manager.follow(upload(manager, *files))
    packed = manager.follow(upload(manager, (gzip.compress(content(tmp_path)), "june.csv.gz")))

    assert "Usage USD 5.00" in parts.text
    assert "Usage USD 120.00" in packed.text


def test_a_file_that_is_no_export_is_refused_with_what_would_be_right(manager: Browser):
    page = manager.follow(upload(manager, (b"a,b\n1,2\n", "other.csv")))

    assert "The file is refused whole. Nothing was posted." in page.text
    assert "other.csv" in page.text
    assert "Refused" in page.text
    assert facts() == 0


def test_a_refusal_names_line_column_and_value(manager: Browser, tmp_path: Path):
    page = manager.follow(upload(manager, (content(tmp_path, cost="lots"), "june.csv")))

    assert "june.csv, line 2, column BilledCost : lots" in page.text
    assert facts() == 0


def test_no_file_is_refused_at_the_field(manager: Browser):
    page = manager.submit("/usage/upload", {})

    assert page.status == 422
    assert "Choose the files of one export." in page.text


def test_rows_left_out_and_scopes_unknown_are_listed(manager: Browser, tmp_path: Path):
    rows = [focus_row("2026-06-01", UNKNOWN, "7"), focus_row("2026-06-02", UNKNOWN, "1", ChargeCategory="Tax")]
    data = write_focus(tmp_path / "made.csv", rows).read_bytes()

    page = manager.follow(upload(manager, (data, "june.csv")))

    assert "Tax 1 USD 1.00" in page.text
    assert f"{UNKNOWN} USD 7.00 the scope belongs to no startup" in page.text


def test_a_suspicious_run_is_held_until_a_manager_says_yes(
    manager: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    trial = manager.follow(upload(manager, (content(tmp_path, cost="60"), "june.csv")))
    press(manager, trial, "apply")
    monkeypatch.setattr("creditsvc.clock.now", lambda: NOW + timedelta(hours=1))

    less = manager.follow(upload(manager, (content(tmp_path, cost="1"), "june-2.csv")))
    held = press(manager, less, "apply")
    posted = press(manager, held, "confirm")

    assert "held until a manager says yes" in less.text
    assert "Held" in held.text
    assert "The run is confirmed and posted." in posted.text
    assert "Drawn USD 4.00" in manager.get("/startups/harbour").text


def test_a_suspicious_run_can_be_confirmed_while_it_is_tried_out(
    manager: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    press(manager, manager.follow(upload(manager, (content(tmp_path, cost="60"), "june.csv"))), "apply")
    monkeypatch.setattr("creditsvc.clock.now", lambda: NOW + timedelta(hours=1))
    less = manager.follow(upload(manager, (content(tmp_path, cost="1"), "june-2.csv")))

    form = less.form(f"{less.url}/apply")
    page = manager.follow(manager.post(form.action, {**form.fields, "confirm": "yes"}))

    assert "Applied" in page.text


def test_a_run_is_taken_back_whole(manager: Browser, tmp_path: Path):
    page = press(manager, manager.follow(upload(manager, (content(tmp_path), "june.csv"))), "apply")

    unsaid = press(manager, page, "reverse")
    back = press(manager, page, "reverse", reason="the wrong month")
    entry = db.session.scalars(select(TrailEntry).where(TrailEntry.action == "usage.reverse")).one()

    assert "say why" in unsaid.text
    assert "Applied" in unsaid.text
    assert "Taken back" in back.text
    assert entry.after == {"reason": "the wrong month"}
    assert "USD 100.00 can still be used" in manager.get("/startups/harbour").text


def test_an_auditor_sees_runs_and_can_do_nothing_with_them(manager: Browser, browse_as, tmp_path: Path):
    trial = manager.follow(upload(manager, (content(tmp_path), "june.csv")))
    auditor = browse_as(factories.make_person("u@park.example", "auditor"))

    page = auditor.get(trial.url)

    assert "Not applied yet" in page.text
    assert [form.action for form in page.forms] == ["/sign-out", "/language"]
    assert "june.csv" in auditor.get("/usage").text


def test_a_scope_that_waits_is_assigned_and_its_usage_settled(manager: Browser, tmp_path: Path):
    data = content(tmp_path, scope=UNKNOWN, cost="10")
    press(manager, manager.follow(upload(manager, (data, "june.csv"))), "apply")
    waiting = manager.get("/scopes")
    address = f"/scopes/assign?provider=azure&id={UNKNOWN}&starts=2026-06-01"

    done = manager.submit(address, {"startup": "harbour"})

    assert f"azure {UNKNOWN} USD 40.00 1 Jun 2026 4 Jun 2026" in waiting.text
    assert "Drawn USD 40.00" in manager.follow(done).text
    assert "None: all usage has a startup." in manager.get("/scopes").text


def test_a_scope_that_belongs_to_another_is_handed_over_only_when_it_is_said(manager: Browser):
    factories.make_startup("peak", "Peak Genomics")
    typed = {"provider": "azure", "id": SCOPE, "startup": "peak", "starts": "2026-06-01"}

    refused = manager.submit("/scopes/assign", typed)
    done = manager.submit(refused, {"hand_over": "true"})

    assert refused.status == 409
    assert "belongs to another startup" in refused.text
    assert refused.form().fields["startup"] == "peak"
    assert SCOPE in manager.follow(done).text
    assert "31 May 2026" in manager.get("/startups/harbour").text


@pytest.mark.parametrize(
    "typed, message",
    [
        ({"id": "not-a-guid"}, "is no billing scope"),
        ({"starts": "soon"}, "is no day"),
        ({"startup": ""}, "Fill this in."),
        ({"ends": "2026-02-01"}, "the last day is before the first"),
        ({"resource": "gold"}, "is no credit resource"),
    ],
)
def test_what_is_wrong_with_an_assignment_is_said_and_kept(manager: Browser, typed: dict, message: str):
    right = {"provider": "azure", "id": UNKNOWN, "startup": "harbour", "starts": "2026-06-01"}

    page = manager.submit("/scopes/assign", {**right, **typed})

    assert page.status == 422
    assert message.lower() in page.text.lower()
    assert page.form("/scopes/assign").fields["provider"] == "azure"


def test_a_scope_ends(manager: Browser):
    page = manager.submit("/scopes/end", {"provider": "azure", "id": SCOPE, "ends": "2026-05-31"})

    assert page.status == 303
    assert "31 May 2026" in manager.get("/startups/harbour").text
