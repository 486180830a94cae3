"""What a person is mailed about, and how often."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from creditsvc.alerts.choices import choices_of, choose, rhythm_of
from creditsvc.alerts.periodic import STATEMENT, SUMMARY, mails_for, subscribe, subscriptions_of
from creditsvc.core.due_alerts import ALL_RULES, RHYTHMS
from creditsvc.web import session
from creditsvc.web.forms import Form, attempt

pages = session.private_pages("alert_choices", __name__)

RULE_WORDS: dict[str, Any] = {
    "uncovered": lazy_gettext("Usage that no grant pays has begun"),
    "spike": lazy_gettext("A day used far more than usual"),
    "running-out": lazy_gettext("Credit or hours run out before they end, by the forecast"),
    "expiry": lazy_gettext("Credit expires with something left in it"),
    "hours-unbooked": lazy_gettext("Consultant hours expire that nobody has booked"),
    "used": lazy_gettext("Much of the credit or of the hours is used"),
    "seats-mismatch": lazy_gettext("Seats do not fit what the publisher counts"),
    "not-activated": lazy_gettext("A grant is not activated yet"),
    "expiring-unused": lazy_gettext("Much will expire unused, by the forecast"),
    "seats-unused": lazy_gettext("Seats stay unused"),
    "idle": lazy_gettext("Nothing was used for some time"),
    "stale": lazy_gettext("Cost data is old"),
    "pool-low": lazy_gettext("Little is left to award of a pool"),
}
RHYTHM_WORDS: dict[str, Any] = {
    "nightly": lazy_gettext("Every night on which there is something to say"),
    "weekly": lazy_gettext("At most once a week"),
    "monthly": lazy_gettext("At most once a month"),
    "never": lazy_gettext("Never"),
}

PERIODIC_WORDS: dict[str, Any] = {
    SUMMARY: lazy_gettext("On Mondays a summary of your programmes: what began, ended and waits"),
    STATEMENT: lazy_gettext("On the first of a month the statement of the month before, as a PDF"),
}


@pages.get("/me/alerts")
def show() -> ResponseReturnValue:
    """The choices as they are, or as they were typed before the session ended."""
    form = _form()
    typed = dict(form.typed)
    form.fill(_stands())
    form.typed |= typed
    return _page(form)


@pages.post("/me/alerts")
def save() -> ResponseReturnValue:
    """Keeps the choices."""
    caller = session.caller()
    form = _form()
    wanted, rhythm = set(request.form.getlist("rules")) & set(ALL_RULES), request.form.get("rhythm", RHYTHMS[0])

    def act() -> bool:
        choose(caller, wanted=wanted, rhythm=rhythm, check=lambda: form.refuse_changed(_stands()))
        subscribe(caller, request.form.getlist("mails"))
        return True

    if not attempt(form, act):
        return _page(form)
    flash(_("Saved. It counts from tonight on."), "success")
    return redirect(url_for("alert_choices.show"), 303)


def _form() -> Form:
    """What was typed, where something was."""
    typed = {"rhythm": request.form["rhythm"], **{
        name: " ".join(sorted(request.form.getlist(name))) for name in ("rules", "mails")
    }} if "rhythm" in request.form else {}
    form = Form({"rhythm": _("How often")}, typed)
    form.seen = request.form.get("seen", "")
    return form


def _stands() -> dict[str, str]:
    """What the caller has chosen; ticks as the words that are ticked. What a programme makes mandatory is no choice."""
    caller = session.caller()
    wanted = sorted(one.rule for one in choices_of(caller) if one.is_wanted and not one.is_mandatory)
    return {
        "rhythm": rhythm_of(caller), "rules": " ".join(wanted), "mails": " ".join(sorted(subscriptions_of(caller))),
    }


def _page(form: Form) -> ResponseReturnValue:
    caller = session.caller()
    page = render_template(
        "alert_choices.html", form=form, choices=choices_of(caller),
        rule_words=RULE_WORDS, rhythms=RHYTHM_WORDS,
        periodic=[(mails, PERIODIC_WORDS[mails]) for mails in mails_for(caller)],
    )
    return page, form.status
