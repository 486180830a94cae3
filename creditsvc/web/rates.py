"""Exchange rates: the list, stating one after a look at what it would settle, withdrawing one."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.core.days import parse_day
from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.db import transaction
from creditsvc.parties.access import Caller, require
from creditsvc.usage.rates import RateOutcome, add_rate, list_rates, withdraw_rate
from creditsvc.usage.schemas import RateShape, WithdrawRateShape
from creditsvc.web import session
from creditsvc.web.forms import Form, posted, shape, submit

pages = session.private_pages("rates", __name__)


@pages.get("/rates")
def listing() -> ResponseReturnValue:
    """The rates that stand, and all that was said before."""
    views = list_rates(session.caller())
    standing = [view for view in views if view.standing and view.rate is not None]
    former = [view for view in views if view not in standing]
    return render_template("rates.html", standing=standing, former=former)


@pages.get("/rates/new")
def new() -> ResponseReturnValue:
    """The form that states a rate; the address may fill it in."""
    require(session.caller(), "rate.state")
    return _page("rate_form.html", _filled(_labels()))


@pages.post("/rates/new")
def state() -> ResponseReturnValue:
    """States a rate, or shows what it would settle by stating it and taking it back."""
    caller = session.caller()
    require(caller, "rate.state")
    form = posted(_labels())
    if request.form.get("look"):
        return _page("rate_form.html", form, _trial(caller, form))
    outcome = submit(form, RateShape(), lambda values: _add(caller, values))
    if outcome is None:
        return _page("rate_form.html", form)
    _tell(outcome)
    return redirect(url_for("rates.listing"), 303)


def _trial(caller: Caller, form: Form) -> RateOutcome | None:
    values = shape(form, RateShape())
    if values is None:
        return None
    try:
        return transaction(lambda: _add(caller, values), keep=False)
    except RuleBroken as error:
        form.show(error)
        return None


def _add(caller: Caller, values: dict[str, Any]) -> RateOutcome:
    return add_rate(
        caller, from_currency=values["from_currency"], to_currency=values["to_currency"],
        day=parse_day(values["day"], "day"), rate=values["rate"], source=values["source"],
    )


def _tell(outcome: RateOutcome) -> None:
    if outcome.changed:
        flash(_("Done. Accounts that were posted anew: %(count)s.", count=outcome.accounts), "success")
    else:
        flash(_("That stands already: nothing was changed."), "success")


@pages.get("/rates/withdraw")
def withdraw_form() -> ResponseReturnValue:
    """The form that takes a rate back."""
    require(session.caller(), "rate.state")
    return _page("rate_withdraw.html", _filled(_withdraw_labels()))


@pages.post("/rates/withdraw")
def withdraw() -> ResponseReturnValue:
    """Takes a rate back."""
    caller = session.caller()
    require(caller, "rate.state")
    form = posted(_withdraw_labels())

    def act(values: dict[str, Any]) -> RateOutcome:
        try:
            return withdraw_rate(
                caller, from_currency=values["from_currency"], to_currency=values["to_currency"],
                day=parse_day(values["day"], "day"), reason=values["reason"],
            )
        except NotFound as error:
            raise RuleBroken("day", "not-stated", "no rate was stated for that pair and day") from error

    outcome = submit(form, WithdrawRateShape(), act)
    if outcome is None:
        return _page("rate_withdraw.html", form)
    _tell(outcome)
    return redirect(url_for("rates.listing"), 303)


def _labels() -> dict[str, str]:
    return {
        "from_currency": _("From currency"), "to_currency": _("To currency"), "day": _("First charge day"),
        "rate": _("Rate"), "source": _("Source"),
    }


def _withdraw_labels() -> dict[str, str]:
    labels = _labels()
    return {**{name: labels[name] for name in ("from_currency", "to_currency", "day")}, "reason": _("Reason")}


def _filled(labels: dict[str, str]) -> Form:
    return Form(labels, {name: request.args.get(name, "") for name in labels})


def _page(template: str, form: Form, trial: RateOutcome | None = None) -> ResponseReturnValue:
    return render_template(template, form=form, trial=trial), form.status
