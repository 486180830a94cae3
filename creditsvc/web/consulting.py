"""What the incubator sees of consulting: bookings, disputes, utilisation, hours that will expire unbooked."""

from datetime import datetime, timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.consulting.consultants import consultants
from creditsvc.consulting.letters import told
from creditsvc.consulting.models import DISPUTED
from creditsvc.consulting.reading import STATES, bookings_of, counts, lapsing
from creditsvc.consulting.schemas import UnbookedShape
from creditsvc.consulting.sessions import log_unbooked
from creditsvc.consulting.utilisation import utilisation
from creditsvc.core.days import DEFAULT_ZONE, day_of, ends_at, starts_at
from creditsvc.parties.access import require
from creditsvc.web import session
from creditsvc.web.forms import asked_period, posted, submit_once

pages = session.private_pages("consulting", __name__)

LAPSING_WITHIN = timedelta(days=60)
PAGE = 100
MOST_DAYS = timedelta(days=400)


@pages.get("/consulting")
def desk() -> ResponseReturnValue:
    """Disputes to decide, utilisation in a time, hours that will expire unbooked."""
    caller = session.caller()
    require(caller, "startups.list")
    today = day_of(caller.now)
    form, first, last = asked_period(today.replace(day=1), today, MOST_DAYS)
    begins, ends = starts_at(first), ends_at(last)
    told = None if form.is_refused else utilisation(caller, begins, ends)
    page = render_template(
        "consulting.html", now=caller.now, form=form, told=told, counts=counts(caller),
        disputes=bookings_of(caller, states=(DISPUTED,)), lapsing=lapsing(caller, caller.now + LAPSING_WITHIN),
        days=LAPSING_WITHIN.days,
    )
    return page, form.status


@pages.get("/consulting/bookings")
def listing() -> ResponseReturnValue:
    """All bookings, of a state, a startup or a consultant if that is asked."""
    caller = session.caller()
    require(caller, "startups.list")
    asked = {name: request.args.get(name, "").strip() for name in ("state", "startup", "consultant")}
    found = bookings_of(
        caller, startup=asked["startup"] or None, consultant=asked["consultant"] or None,
        states=(asked["state"],) if asked["state"] else (), after=request.args.get("after") or None, limit=PAGE + 1,
    )
    return render_template(
        "consulting_bookings.html", found=found[:PAGE], asked=asked, states=STATES,
        after=found[PAGE - 1].uid if len(found) > PAGE else None,
    )


@pages.route("/consulting/unbooked", methods=["GET", "POST"])
def unbooked() -> ResponseReturnValue:
    """The form for a session that nobody had booked."""
    caller = session.caller()
    require(caller, "booking.decide")
    form = posted({
        "startup": _("Startup's key"), "consultant": _("Consultant"), "topic": _("Topic"), "day": _("Day"),
        "time": _("Time, in Hong Kong"), "minutes": _("Minutes"), "resource": _("Kind of hours"), "note": _("Note"),
    })

    def act(values: dict[str, Any]) -> str:
        starts = datetime.combine(values.pop("day"), values.pop("time"), DEFAULT_ZONE)
        made = told(
            lambda: log_unbooked(caller, starts=starts, **values), caller, session.config()
        )
        return url_for("bookings.one", uid=made.uid)

    if request.method == "POST":
        onward = submit_once(form, UnbookedShape(), caller, act)
        if onward is not None:
            flash(_("The session is kept, and its minutes are used."), "success")
            return redirect(onward, 303)
    page = render_template(
        "consulting_unbooked.html", form=form, people=[(one.key, one.name) for one in consultants(caller)]
    )
    return page, form.status
