"""Cost exports: uploaded and kept, read and tried out, then applied or discarded; runs and taking them back."""

from collections.abc import Callable
from typing import Any, BinaryIO, cast

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.core.errors import FileRefused, RuleBroken
from creditsvc.core.file_names import file_name
from creditsvc.db import MAX_ID, transaction
from creditsvc.parties.access import Caller, may, require
from creditsvc.usage.effects import Effect, effects_of
from creditsvc.usage.files import Packed, pack
from creditsvc.usage.operations import (
    apply_run,
    confirm_run,
    discard_run,
    read_kept,
    receive_upload,
    record_refusal,
    reverse_run,
)
from creditsvc.usage.own import offered_by
from creditsvc.usage.reading import find_run, list_runs, sees_all_startups
from creditsvc.usage.reports import report_for
from creditsvc.web import session
from creditsvc.web.forms import Form, attempt, posted
from creditsvc.web.paging import asked_before

pages = session.private_pages("usage", __name__)

PAGE = 50
RUN = f"int(max={MAX_ID}):run_id"


@pages.get("/usage")
def runs() -> ResponseReturnValue:
    """The import runs, newest first."""
    caller = session.caller()
    found = list_runs(caller, limit=PAGE + 1, before=asked_before())
    return render_template(
        "runs.html", runs=found[:PAGE], before=found[PAGE - 1].id if len(found) > PAGE else None,
        shows_sums=sees_all_startups(caller),  # a run's page has those of the startups that one sees
    )


@pages.get("/usage/upload")
def upload_form() -> ResponseReturnValue:
    """The form to upload an export."""
    require(session.caller(), "usage.import")
    return _upload_page(_upload_form())


@pages.post("/usage/upload")
def upload() -> ResponseReturnValue:
    """Keeps the files, reads them, and goes to what they would do (or why they are refused)."""
    caller = session.caller()
    require(caller, "usage.import")
    form = _upload_form()
    given = [file for file in request.files.getlist("files") if file.filename]
    if not given:
        form.refuse("files", _("Choose the files of one export."))
        return _upload_page(form)
    try:
        packed = [pack(file_name(file.filename or ""), cast(BinaryIO, file.stream)) for file in given]
    except RuleBroken as error:
        form.show(error)
        return _upload_page(form)
    name = packed[0].name if len(packed) == 1 else _("%(first)s and %(more)d more", first=packed[0].name,
                                                     more=len(packed) - 1)
    run_id = _received(caller, name, packed)
    try:
        read_kept(run_id)
    except FileRefused as error:
        _refuse(caller, run_id, error)
    return redirect(url_for("usage.run", run_id=run_id), 303)


def _received(caller: Caller, name: str, packed: list[Packed]) -> int:
    run_id: int = transaction(lambda: receive_upload(caller, name[:300], packed).id)
    return run_id


def _refuse(caller: Caller, run_id: int, refusal: FileRefused) -> None:
    transaction(lambda: record_refusal(caller, run_id, refusal))


@pages.get(f"/usage/runs/<{RUN}>")
def run(run_id: int) -> ResponseReturnValue:
    """A run: what it did; for one that waits to be applied, what it would do, by doing it and taking it back."""
    caller = session.caller()
    found = find_run(caller, run_id)
    if found.status == "queued" and may(caller, "usage.import"):
        return _trial_page(caller, run_id)
    return render_template("run.html", run=found, report=report_for(caller, found.report), trial=False, form=Form({}),
                           effects=effects_of(caller, run_id), offered_by=offered_by(caller, found))


def _trial_page(caller: Caller, run_id: int) -> ResponseReturnValue:
    form = Form({})
    report, effects = _trial(caller, run_id, form) or ({}, [])
    page = render_template("run.html", run=find_run(caller, run_id), report=report, effects=effects, trial=True,
                           form=form)
    return page, form.status


def _trial(caller: Caller, run_id: int, form: Form) -> tuple[dict[str, Any], list[Effect]] | None:
    try:
        prepared = read_kept(run_id)

        def act() -> tuple[dict[str, Any], list[Effect]]:
            report = apply_run(caller, prepared, run_id=run_id)
            if report["status"] == "held":  # what it would do after a yes
                report = {**apply_run(caller, prepared, run_id=run_id, confirm=True), "status": "held"}
            return report_for(caller, report), effects_of(caller, run_id)

        return transaction(act, keep=False)
    except FileRefused as refusal:
        form.show_file(refusal)
    except RuleBroken as error:
        form.show(error)
    return None


@pages.post(f"/usage/runs/<{RUN}>/apply")
def apply(run_id: int) -> ResponseReturnValue:
    """Posts what the kept files say. A suspicious run is held unless the manager says yes at once."""
    caller = session.caller()
    require(caller, "usage.import")
    find_run(caller, run_id)
    confirm = bool(request.form.get("confirm"))
    try:
        prepared = read_kept(run_id)
    except FileRefused as error:
        _refuse(caller, run_id, error)
        return redirect(url_for("usage.run", run_id=run_id), 303)
    return _then_show(run_id, lambda: apply_run(caller, prepared, run_id=run_id, confirm=confirm), _("Done."))


@pages.post(f"/usage/runs/<{RUN}>/confirm")
def confirm(run_id: int) -> ResponseReturnValue:
    """A manager's yes to a held run."""
    caller = session.caller()
    return _then_show(run_id, lambda: confirm_run(caller, run_id), _("The run is confirmed and posted."))


@pages.post(f"/usage/runs/<{RUN}>/discard")
def discard(run_id: int) -> ResponseReturnValue:
    """Gives up a run that was not applied."""
    caller = session.caller()
    return _then_show(run_id, lambda: discard_run(caller, run_id), _("The run is discarded. Nothing was posted."))


@pages.post(f"/usage/runs/<{RUN}>/reverse")
def reverse(run_id: int) -> ResponseReturnValue:
    """Takes a run back whole, with a reason."""
    caller = session.caller()
    require(caller, "usage.import")
    reason = request.form.get("reason", "").strip()[:500]
    if not reason:
        flash(_("Nothing was changed: say why the run is taken back."), "danger")
        return redirect(url_for("usage.run", run_id=run_id), 303)
    done = _("The run is taken back. Its days fall back to the run before it, if there is one.")
    return _then_show(run_id, lambda: reverse_run(caller, run_id, reason), done)


def _then_show(run_id: int, act: Callable[[], object], done: str) -> ResponseReturnValue:
    form = Form({})

    def acted() -> bool:
        act()
        return True

    if attempt(form, acted):
        flash(done, "success")
    else:
        flash(" ".join(form.general), "danger")
    return redirect(url_for("usage.run", run_id=run_id), 303)


def _upload_form() -> Form:
    return posted({"files": _("Files of one export")})


def _upload_page(form: Form) -> ResponseReturnValue:
    return render_template("upload.html", form=form), form.status
