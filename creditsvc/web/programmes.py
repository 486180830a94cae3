"""Programmes: the list, one with the versions of its terms and packages, and every way to change it."""

from dataclasses import asdict
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.consulting.consultants import Policy, policy_of_programme, set_policy
from creditsvc.consulting.schemas import PolicyShape
from creditsvc.parties.access import require
from creditsvc.programmes import changes, operations
from creditsvc.programmes.models import Programme
from creditsvc.programmes.operations import own_programme
from creditsvc.programmes.overview import counted_cohorts, programme_page
from creditsvc.programmes.reading import cohorts, partners, programme_views, standing_terms
from creditsvc.programmes.schemas import CohortShape, ProgrammeFormShape, ProgrammeShape, TermsShape
from creditsvc.web import session
from creditsvc.web.forms import posted, submit, submit_once
from creditsvc.web.plain_forms import Piece, Way, form_page

pages = session.private_pages("programmes", __name__)


@pages.get("/programmes")
def listing() -> ResponseReturnValue:
    """The programmes that the caller looks after, with their cohorts."""
    caller = session.caller()
    found = programme_views(caller)
    return render_template("programmes.html", programmes=found, cohorts=counted_cohorts(cohorts(caller)))


@pages.get("/programmes/<key>")
def one(key: str) -> ResponseReturnValue:
    """A programme whole."""
    caller = session.caller()
    page = programme_page(caller, key)
    return render_template("programme.html", page=page, policy=policy_of_programme(key))


@pages.route("/new-programme", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """Makes a programme with the first version of its terms."""
    caller = session.caller()
    require(caller, "programme.edit")
    form = posted({"name": _("Name"), **_names(), "key": _("Key"), "months": _("Months"), "partner": _("Partner"),
                   "timezone": _("Time zone")})
    if request.method == "POST":

        def act(values: dict[str, Any]) -> str:
            return url_for("programmes.one", key=operations.add_programme(caller, **values).key)

        onward = submit_once(form, ProgrammeShape(), caller, act)
        if onward is not None:
            flash(_("The programme is added."), "success")
            return redirect(onward, 303)
    else:
        form.typed = {"timezone": "Asia/Hong_Kong"}
    options = [(partner.key, partner.name) for partner in partners(caller)]
    pieces = [
        Piece("name", maxlength=200), Piece("name_zh_hant", required=False, maxlength=200),
        Piece("name_zh_hans", required=False, maxlength=200),
        Piece("key", help=_("Small letters, digits and hyphens; it stays as it is."), maxlength=100),
        Piece("months", help=_("How long an enrolment lasts by the first version of the terms."), inputmode="numeric"),
        Piece("partner", "choice", options=options, required=False, blank=_("none")),
        Piece("timezone", help=_("In it the programme's days begin and end, such as Asia/Hong_Kong."), maxlength=60),
    ]
    return form_page(form, pieces, title=_("New programme"), back=_all(), button=_("Add the programme"))


@pages.route("/programmes/<key>/edit", methods=["GET", "POST"])
def edit(key: str) -> ResponseReturnValue:
    """Says a programme's names anew."""
    caller = session.caller()
    programme = own_programme(caller, key)
    form = posted({"name": _("Name"), **_names()})

    def stands(there: Programme) -> dict[str, str]:
        return {name: getattr(there, name) or "" for name in form.labels}

    if request.method == "POST":

        def act(values: dict[str, Any]) -> bool:
            def check(there: Programme) -> None:
                form.refuse_changed(stands(there))

            return changes.change_programme(caller, key, **values, check=check)

        if submit(form, ProgrammeFormShape(), act) is not None:
            flash(_("Saved."), "success")
            return redirect(url_for("programmes.one", key=key), 303)
    else:
        form.fill(stands(programme))
    pieces = [Piece("name", maxlength=200), Piece("name_zh_hant", required=False, maxlength=200),
              Piece("name_zh_hans", required=False, maxlength=200)]
    return form_page(form, pieces, title=_("Names of the programme"), back=_back(key), button=_("Save"),
                     once=False)


@pages.route("/programmes/<key>/terms", methods=["GET", "POST"])
def terms(key: str) -> ResponseReturnValue:
    """States a new version of a programme's terms."""
    caller = session.caller()
    terms_now = standing_terms(own_programme(caller, key).id)
    version, months = terms_now.version, terms_now.months  # a refusal ends what was read
    form = posted({"months": _("Months"), "reason": _("Reason")})
    form.typed["version"] = request.form.get("version") or str(version)
    if request.method == "POST":

        def act(values: dict[str, Any]) -> int:
            return operations.state_terms(caller, programme=key, **values).version

        if submit(form, TermsShape(), act) is not None:
            flash(_("The new terms stand for enrolments made from now on."), "success")
            return redirect(url_for("programmes.one", key=key), 303)
    else:
        form.typed["months"] = str(months)
    intro = [_("Enrolments that stand keep the terms under which they were made. Version %(version)s says "
               "%(months)s months.", version=version, months=months)]
    pieces = [Piece("months", help=_("How long an enrolment made from now on lasts."), inputmode="numeric"),
              Piece("reason", maxlength=500)]
    return form_page(form, pieces, title=_("New version of the terms"), back=_back(key), button=_("State the terms"),
                     intro=intro, hidden={"version": form.typed["version"]}, once=False)


@pages.route("/programmes/<key>/consulting", methods=["GET", "POST"])
def consulting(key: str) -> ResponseReturnValue:
    """Says what holds of sessions booked from now on."""
    caller = session.caller()
    own_programme(caller, key)
    form = posted({
        "confirm_days": _("Days to dispute"), "excess": _("Minutes beyond those booked"),
        "no_show_percent": _("Percent used when nobody came"), "late_hours": _("Hours before the start"),
        "late_percent": _("Percent used when cancelled late"),
    })
    if request.method == "POST":

        def act(values: dict[str, Any]) -> bool:
            own_programme(caller, key, locked=True)
            form.refuse_changed(_policy(key))
            set_policy(caller, key, Policy(**values))
            return True

        if submit(form, PolicyShape(), act) is not None:
            flash(_("That holds of sessions booked from now on."), "success")
            return redirect(url_for("programmes.one", key=key), 303)
    else:
        form.fill(_policy(key))
    kinds = [("draw", _("are drawn from the startup's hours")), ("uncovered", _("are paid by nobody"))]
    pieces = [
        Piece("confirm_days", inputmode="numeric",
              help=_("Within so many days a startup disputes what its consultant noted; after them it counts.")),
        Piece("excess", "choice", options=kinds),
        Piece("no_show_percent", inputmode="numeric", help=_("Of the minutes booked, from 0 to 100.")),
        Piece("late_hours", inputmode="numeric",
              help=_("A startup that cancels less than so many hours before the start cancels late.")),
        Piece("late_percent", inputmode="numeric", help=_("Of the minutes booked, from 0 to 100.")),
    ]
    return form_page(form, pieces, title=_("What holds of sessions"), back=_back(key), button=_("Save"), once=False,
                     intro=[_("A session that is booked already keeps what held when it was booked.")])


def _policy(key: str) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(policy_of_programme(key)).items()}


@pages.route("/programmes/<key>/new-cohort", methods=["GET", "POST"])
def new_cohort(key: str) -> ResponseReturnValue:
    """Makes an intake of a programme."""
    caller = session.caller()
    own_programme(caller, key)
    form = posted({"name": _("Name"), "key": _("Key"), "starts": _("First day"), "ends": _("Last day")})
    if request.method == "POST":

        def act(values: dict[str, Any]) -> str:
            return url_for("cohorts.one", key=operations.add_cohort(caller, programme=key, **values).key)

        onward = submit_once(form, CohortShape(), caller, act)
        if onward is not None:
            flash(_("The cohort is added. Next: enrol its startups."), "success")
            return redirect(onward, 303)
    pieces = [
        Piece("name", maxlength=200), Piece("key", help=_("Small letters, digits and hyphens; it stays as it is.")),
        Piece("starts", "date"), Piece("ends", "date", help=_("It counts whole.")),
    ]
    return form_page(form, pieces, title=_("New cohort"), back=_back(key), button=_("Add the cohort"))


def _names() -> dict[str, str]:
    return {"name_zh_hant": _("Name in traditional Chinese"), "name_zh_hans": _("Name in simplified Chinese")}


def _all() -> Way:
    return Way(url_for("programmes.listing"), _("Programmes"))


def _back(key: str) -> Way:
    return Way(url_for("programmes.one", key=key), key)


