"""The page of jobs: last and next run, outcome, duration, and a way to run one now."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.administration.jobs import ask_to_run, list_jobs, list_runs
from creditsvc.db import transaction
from creditsvc.ledger.verified import last_verification
from creditsvc.web import session

pages = session.private_pages("runs_of_jobs", __name__)


@pages.get("/jobs")
def listing() -> ResponseReturnValue:
    """Each job with its last and next run, and the newest runs."""
    caller = session.caller()
    return render_template(
        "jobs.html", jobs=list_jobs(caller), runs=list_runs(caller), verified=last_verification(caller), now=caller.now
    )


@pages.post("/jobs/<job>/run")
def run(job: str) -> ResponseReturnValue:
    """Asks a scheduler to run the job now."""
    caller = session.caller()
    is_new = transaction(lambda: ask_to_run(caller, job))
    flash(
        _("Asked for: the scheduler takes it within seconds.") if is_new
        else _("This was asked for already and waits for the scheduler."), "success",
    )
    return redirect(url_for("runs_of_jobs.listing"), 303)
