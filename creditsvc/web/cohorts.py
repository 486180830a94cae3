"""Cohorts: who is enrolled, and the cohort's own name and dates."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.core.errors import NotFound
from creditsvc.grants.reading import has_award
from creditsvc.parties.access import require
from creditsvc.programmes import changes
from creditsvc.programmes.models import Cohort
from creditsvc.programmes.overview import counted_cohorts
from creditsvc.programmes.reading import cohorts, enrolments, find_cohort
from creditsvc.programmes.schemas import CohortFormShape
from creditsvc.web import session
from creditsvc.web.forms import posted, submit
from creditsvc.web.plain_forms import Piece, Way, form_page

pages = session.private_pages("cohorts", __name__)

PAGE = 100
"""How many enrolments a page shows."""


@pages.get("/cohorts/<key>")
def one(key: str) -> ResponseReturnValue:
    """A cohort and who is enrolled in it, by startup, a page at a time."""
    caller = session.caller()
    require(caller, "startups.list")
    found = [view for view in cohorts(caller) if view.key == key]
    if not found:
        raise NotFound("cohort", key)
    counted = counted_cohorts(found)[0]
    after, status = request.args.get("after", ""), request.args.get("status", "")
    rows = enrolments(
        caller, cohort=key, status=status or None, after=(after, key) if after else None, limit=PAGE + 1,
        awarded=has_award(),
    )
    more = rows[PAGE - 1].startup if len(rows) > PAGE else ""
    return render_template(
        "cohort.html", one=counted, rows=rows[:PAGE], more=more, status=status, paged=bool(after)
    )


@pages.route("/cohorts/<key>/edit", methods=["GET", "POST"])
def edit(key: str) -> ResponseReturnValue:
    """Says a cohort's name and dates anew."""
    caller = session.caller()
    require(caller, "programme.edit")
    cohort = find_cohort(caller, key)
    name = cohort.name  # a refusal ends what was read
    form = posted({"name": _("Name"), "starts": _("First day"), "ends": _("Last day"), "reason": _("Reason")})
    if request.method == "POST":

        def act(values: dict[str, Any]) -> bool:
            return changes.change_cohort(
                caller, key, **values, check=lambda there: form.refuse_changed(_stands(there))
            )

        if submit(form, CohortFormShape(), act) is not None:
            flash(_("Saved."), "success")
            return redirect(url_for("cohorts.one", key=key), 303)
    else:
        form.fill(_stands(cohort))
    pieces = [
        Piece("name", maxlength=200), Piece("starts", "date"), Piece("ends", "date", help=_("It counts whole.")),
        Piece("reason", required=False, maxlength=500, help=_("Needed where a day changes.")),
    ]
    return form_page(
        form, pieces, title=_("Change the cohort"), back=Way(url_for("cohorts.one", key=key), name),
        button=_("Save"), once=False,
        intro=[_("What was awarded already keeps its days; a package awarded from now on starts by the new ones.")],
    )


def _stands(cohort: Cohort) -> dict[str, str]:
    return {"name": cohort.name, "starts": cohort.starts.isoformat(), "ends": cohort.ends.isoformat()}
