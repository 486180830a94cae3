"""A founder uploads an export of its own scopes; a manager says yes."""

import io
from datetime import timedelta
from pathlib import Path

import pytest

from creditsvc.db import db
from creditsvc.mail.models import OutboxMail
from tests import factories
from tests.conftest import NOW
from tests.usage.exports import write_focus
from tests.usage.importing import assign
from tests.usage.scenes import OTHER, SCOPE, rows_of
from tests.web.browsing import Browser, Page

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def founder(browse_as) -> Browser:
    for key, scope in (("harbour", SCOPE), ("lotus", OTHER)):
        factories.make_startup(key, key.title())
        factories.make_grant(key, amount="100")
        assign(scope, key, NOW - timedelta(days=100), NOW)
    return browse_as(factories.make_member("harbour", "founder@harbour.example"))


def upload(founder: Browser, folder: Path, rows) -> Page:
    form = founder.get("/startups/harbour/exports").form("/startups/harbour/exports")
    content = write_focus(folder / "own.csv", rows).read_bytes()
    page = founder.post(form.action, {**form.fields, "files": (io.BytesIO(content), "own.csv")})
    return founder.follow(page)


def test_an_own_export_waits_and_a_manager_says_yes(founder: Browser, browse_as, tmp_path: Path):
    page = upload(founder, tmp_path, rows_of({10: "5", 11: "6"}))

    assert "A manager looks at it before anything is posted." in page.text
    assert "Waits for a manager" in page.text
    assert "USD 100.00 can still be used" in founder.get("/startups/harbour").text
    manager = browse_as(factories.make_person("lee@park.example", "manager"))
    run = manager.get("/usage/runs/1")
    assert "Uploaded by a startup's own people, of its own billing scopes. Harbour" in run.text
    manager.submit(run, {}, action="/usage/runs/1/confirm")

    assert "Applied" in founder.get("/startups/harbour/exports").text
    assert "USD 89.00 can still be used" in founder.get("/startups/harbour").text


def test_a_row_of_anothers_scope_is_named_by_its_line_and_whose_it_is_is_not_told(founder: Browser, tmp_path: Path):
    page = upload(founder, tmp_path, rows_of({10: "5"}) + rows_of({10: "7"}, OTHER))

    assert "The file is refused whole." in page.text
    assert f"line 3: column SubAccountId: {OTHER} : is no billing scope of yours" in page.text
    assert "lotus" not in page.html.lower()


def test_an_upload_that_waits_may_be_withdrawn(founder: Browser, tmp_path: Path):
    page = upload(founder, tmp_path, rows_of({10: "5"}))

    page = founder.follow(founder.submit(page, {}, action="/startups/harbour/exports/1/withdraw"))

    assert "Discarded" in page.text


def test_an_upload_whose_reading_was_interrupted_does_not_say_that_a_manager_has_it(
    founder: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(*args: object) -> None:
        raise SystemExit

    form = founder.get("/startups/harbour/exports").form("/startups/harbour/exports")
    content = write_focus(tmp_path / "own.csv", rows_of({10: "5"})).read_bytes()
    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr("creditsvc.web.own_exports.read_offer", interrupted)
        founder.post(form.action, {**form.fields, "files": (io.BytesIO(content), "own.csv")})
    page = founder.get("/startups/harbour/exports")

    assert "Waits for a manager" not in page.text
    assert "withdraw it and upload it again" in page.text
    founder.submit(page, {}, action="/startups/harbour/exports/1/withdraw")
    assert "Waits for a manager" in upload(founder, tmp_path, rows_of({10: "5"})).text


def test_whoever_looks_after_the_startup_is_told_once_by_mail(founder: Browser, tmp_path: Path):
    for name, language in (("lee", None), ("wong", "zh_Hant"), ("ada", None)):
        role = "auditor" if name == "ada" else "manager"
        factories.make_person(f"{name}@park.example", role, language=language)

    upload(founder, tmp_path, rows_of({10: "5", 11: "6"}))

    sent = db.session.scalars(db.select(OutboxMail).where(OutboxMail.kind == "export-waits"))
    mails = {mail.to_address: mail for mail in sent}
    assert set(mails) == {"lee@park.example", "wong@park.example"}
    told = mails["lee@park.example"].text
    for words in ("M. Chan uploaded own.csv: cost of Harbour", "- USD 11.00", "/usage/runs/1"):
        assert words in told
    assert "looks odd" not in told
    assert "它會使用量改變：" in mails["wong@park.example"].text


def test_a_files_name_adds_no_lines_to_the_mail_and_turns_nothing_around(founder: Browser, tmp_path: Path):
    factories.make_person("lee@park.example", "manager")
    token = founder.get("/startups/harbour/exports").form("/startups/harbour/exports").fields["csrf_token"]
    content = write_focus(tmp_path / "own.csv", rows_of({10: "5"})).read_bytes()
    body = (
        b'--part\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n' + token.encode() + b"\r\n"
        b"--part\r\nContent-Disposition: form-data; name=\"files\"; "
        b"filename*=UTF-8''june.csv%0A%0AYour%20session%20ended%E2%80%AE\r\n\r\n" + content + b"\r\n--part--\r\n"
    )

    founder.post("/startups/harbour/exports", body, content_type="multipart/form-data; boundary=part")

    told = db.session.scalars(db.select(OutboxMail.text).where(OutboxMail.kind == "export-waits")).one()
    assert "uploaded june.csv??Your session ended?" in told
    assert "june.csv??Your session ended?" in founder.get("/startups/harbour/exports").text


def test_a_refused_upload_is_told_to_nobody_else(founder: Browser, tmp_path: Path):
    factories.make_person("lee@park.example", "manager")

    upload(founder, tmp_path, rows_of({10: "7"}, OTHER))

    assert db.session.scalars(db.select(OutboxMail)).all() == []


def test_an_upload_has_its_own_group_on_the_worklist(founder: Browser, browse_as, tmp_path: Path):
    upload(founder, tmp_path, rows_of({10: "5"}))
    manager = browse_as(factories.make_person("lee@park.example", "manager"))

    whole, group = manager.get("/worklist"), manager.get("/worklist/exports-offered")

    for page in (whole, group):
        assert "Startups' own exports that wait for a yes" in page.text
        assert "Harbour own.csv Nothing looks odd" in page.text
    assert "Imports that wait for a yes" not in whole.text
    assert "own.csv" not in manager.get("/worklist/runs-held").text


def test_a_manager_of_other_programmes_finds_no_such_upload_and_decides_nothing_about_it(
    founder: Browser, browse_as, tmp_path: Path
):
    upload(founder, tmp_path, rows_of({10: "5"}))
    elsewhere = factories.make_programme("other").id
    manager = browse_as(factories.make_person("lee@park.example", "manager", programme_ids=[elsewhere]))

    pages = [manager.get(address) for address in ("/worklist", "/worklist/exports-offered", "/usage", "/usage/runs/1")]
    token = manager.get("/usage/upload").form().fields
    steps = [manager.post(f"/usage/runs/1/{step}", {**token, "reason": "not mine"}).status
             for step in ("apply", "confirm", "discard", "reverse")]

    assert [page.status for page in pages] == [200, 200, 200, 404]
    for page in pages:
        assert "own.csv" not in page.text
        assert "harbour" not in page.html.lower()
    assert steps == [404, 404, 404, 404]
    assert "Waits for a manager" in founder.get("/startups/harbour/exports").text
