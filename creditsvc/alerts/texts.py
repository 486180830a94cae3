"""The words of alerts, in any language: every sentence is a gettext msgid with named places."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from creditsvc.alerts import holding_texts, usage_texts
from creditsvc.alerts.holding_texts import percent
from creditsvc.alerts.words import Words
from creditsvc.core.due_alerts import (
    EXPIRING_UNUSED,
    EXPIRY,
    HOURS_UNBOOKED,
    IDLE,
    NOT_ACTIVATED,
    RUNNING_OUT,
    SEATS_MISMATCH,
    SEATS_UNUSED,
    SPIKE,
    STALE,
    UNCOVERED,
    USED,
)
from creditsvc.core.forecast import WEEK, Forecast
from creditsvc.mail.render import day, gettext_for, money


def words(
    rule: str, params: Mapping[str, Any], outlook: Forecast | None, language: str, *, for_staff: bool = False
) -> Words:
    """The words for one finding. `outlook` is what is forecast for its account; None when too little is known.

    Staff are told what they can do, a startup's people what they can.
    """
    written = _WRITERS[rule](params, outlook, language)
    return replace(written, action=_staff_action(rule, params, language)) if for_staff else written


def message(rule: str, params: Mapping[str, Any]) -> str:
    """One English sentence for lists and programs."""
    return words(rule, params, None, "en").title


def remaining(params: Mapping[str, Any], remaining_steps: int, language: str) -> str:
    """The balance of the account: `USD 1,200.00 of Azure credit`."""
    _ = gettext_for(language)
    return _("%(amount)s of %(resource)s") % {
        "amount": money(remaining_steps, params["unit"], language), "resource": params["resource"],
    }


def burn_rate(params: Mapping[str, Any], outlook: Forecast, language: str) -> str:
    """What is used in a usual day (of hours, week), and from how many complete days of data that is known."""
    _ = gettext_for(language)
    if params["unit"] == "hour":
        return _("%(amount)s in a usual week, from %(weeks)s weeks") % {
            "amount": money(outlook.burn.weekly, params["unit"], language), "weeks": outlook.burn.days // WEEK,
        }
    return _("%(amount)s in a usual day, from %(days)s days") % {
        "amount": money(outlook.burn.daily, params["unit"], language), "days": outlook.burn.days,
    }


def _expiry(params: Mapping[str, Any], outlook: Forecast | None, language: str) -> Words:
    if params["unit"] == "seat":
        return holding_texts.seats_ending(params, language)
    _ = gettext_for(language)
    places = {
        "amount": money(params["left"], params["unit"], language), "resource": params["resource"],
        "grant": params["grant"], "day": day(date.fromisoformat(params["last_day"]), language), "days": params["days"],
    }
    if params["over"]:
        return Words(
            _("%(amount)s of %(resource)s expired unused after %(day)s") % places,
            _("Grant %(grant)s ended on %(day)s with %(amount)s not used.") % places,
            places["amount"],
            _("If the credit is still needed, ask the incubation manager now whether the grant can be extended."),
        )
    if params["days"] <= 1:
        title = _("%(amount)s of %(resource)s expires tonight: %(day)s is the last day") % places
    else:
        title = _("%(amount)s of %(resource)s expires in %(days)s days: %(day)s is the last day") % places
    return Words(
        title,
        _("Grant %(grant)s pays for usage up to and including %(day)s. What is left then is lost.") % places,
        _will_be_lost(params, outlook, language),
        _("Use it before then, or ask the incubation manager for an extension."),
    )


def _will_be_lost(params: Mapping[str, Any], outlook: Forecast | None, language: str) -> str:
    """What the present rate of use leaves of a lot after its last day."""
    _ = gettext_for(language)
    if outlook is None:
        return money(params["left"], params["unit"], language)
    lost = outlook.unused.get(params["grant"], 0)
    if not lost:
        return _("nothing, if it is used as fast as now")
    return _("about %(amount)s, if it is used as fast as now") % {"amount": money(lost, params["unit"], language)}


def _used(params: Mapping[str, Any], outlook: Forecast | None, language: str) -> Words:
    if params["unit"] == "hour":
        return holding_texts.hours_used(params, language)
    _ = gettext_for(language)
    places = {
        "percent": percent(params["permille"]), "resource": params["resource"],
        "drawn": money(params["drawn"], params["unit"], language),
        "granted": money(params["granted"], params["unit"], language),
        "left": money(params["left"], params["unit"], language),
    }
    detail = _("%(drawn)s of %(granted)s is used; %(left)s remains.") % places
    if params["left"] <= 0:
        return Words(
            _("%(resource)s is used up") % places, detail, _("all further usage: it is on the startup's own bill"),
            _("Stop what is not needed, or ask the incubation manager for more before the next bill."),
        )
    return Words(
        _("%(percent)s %% of %(resource)s is used") % places, detail,
        usage_texts.lasts(outlook, language), usage_texts.ask_for_more(params, language),
    )


def _staff_action(rule: str, params: Mapping[str, Any], language: str) -> str:
    _ = gettext_for(language)
    is_hours = params["unit"] == "hour"
    actions = {
        EXPIRY.name: _("Extend the grant, or let the startup know that it ends."),
        SEATS_UNUSED.name: _(
            "Ask the startup whether it needs all its seats; what it does not need can go back to the pool."
        ),
        SEATS_MISMATCH.name: _(
            "Compare the counts with the seats, and set right what is wrong, here or at the publisher."
        ),
        NOT_ACTIVATED.name: _(
            "Ask the startup whether it has redeemed the credit, help if not, and enter on the grant's page when that "
            "was."
        ),
        RUNNING_OUT.name: _("Top up or award more in good time, or let the startup know that there is no more."),
        EXPIRING_UNUSED.name: _(
            "Ask the startup what it plans; extend the grant, or return what it does not need to the pool."
        ),
        IDLE.name: _("Ask the startup what stands in the way, and help."),
        SPIKE.name: _("Ask the startup whether that was meant."),
        STALE.name: _("Ask the startup or the provider why no export comes, and import the newest one."),
    }
    if rule == HOURS_UNBOOKED.name and params["over"]:
        return _("Extend the grant if the hours are still needed, or let the startup know.")
    if rule == HOURS_UNBOOKED.name:
        return _("Ask the startup what it needs help with, and book a session with it before then.")
    if rule == USED.name and is_hours:
        return _("Top up or award more hours, or let the startup know that there are no more.")
    if rule == UNCOVERED.name and is_hours:
        return _("Decide whether a grant is to cover it, and let the startup know.")
    if rule == USED.name:
        return _("Top up or award more, or let the startup know that further usage is on its own bill.")
    if rule == UNCOVERED.name:
        return _("Decide whether a grant is to cover it, and let the startup know: until then it is on its own bill.")
    return actions[rule]


def _not_activated(params: Mapping[str, Any], outlook: Forecast | None, language: str) -> Words:
    _ = gettext_for(language)
    amount = money(params["left"], params["unit"], language)
    places = {
        "amount": amount, "resource": params["resource"], "grant": params["grant"], "days": params["days"],
        "day": day(date.fromisoformat(params["since"]), language),
    }
    at_risk = amount
    if params["last_day"] is not None:
        at_risk = _("%(amount)s: what is not used by %(day)s is lost") % {
            "amount": amount, "day": day(date.fromisoformat(params["last_day"]), language),
        }
    return Words(
        _("%(amount)s of %(resource)s is not activated after %(days)s days") % places,
        _("Grant %(grant)s could have been redeemed since %(day)s. Nobody has entered that it was, and no usage was "
          "drawn from it.") % places,
        at_risk,
        _("Redeem it in the provider's portal, then enter at the grant when that was and by which subscription."),
    )


def _uncovered(params: Mapping[str, Any], outlook: Forecast | None, language: str) -> Words:
    if params["unit"] == "hour":
        return holding_texts.hours_uncovered(params, language)
    _ = gettext_for(language)
    places = {
        "amount": money(params["uncovered"], params["unit"], language), "resource": params["resource"],
        "left": money(params["left"], params["unit"], language),
    }
    return Words(
        _("%(amount)s of usage is not covered by %(resource)s") % places,
        _("No grant paid for it on its day, so the startup is billed for it. %(left)s remains for new usage.") % places,
        places["amount"] if params["left"] > 0 else _("all further usage: it is on the startup's own bill"),
        _("Stop what is not needed, and ask the incubation manager whether a grant can cover it."),
    )


def _stale(params: Mapping[str, Any], outlook: Forecast | None, language: str) -> Words:
    _ = gettext_for(language)
    newest = params["newest_day"]
    places = {
        "days": params["days"], "scope": params["scope"], "resource": params["resource"],
        "day": day(date.fromisoformat(newest or params["assigned"]), language),
    }
    return Words(
        _("No cost data for %(days)s days: %(scope)s") % places,
        _("The newest data of this billing scope is of %(day)s. What was used since is not in the balance.") % places
        if newest
        else _("This billing scope was assigned on %(day)s, and no data has come since.") % places,
        _("usage that nobody sees"),
        _("Check that your cost export still runs, and send its newest file to the incubation manager."),
    )


_WRITERS = {
    EXPIRY.name: _expiry, USED.name: _used, UNCOVERED.name: _uncovered, NOT_ACTIVATED.name: _not_activated,
    STALE.name: _stale, HOURS_UNBOOKED.name: holding_texts.hours_unbooked,
    SEATS_UNUSED.name: holding_texts.seats_unused, SEATS_MISMATCH.name: holding_texts.seats_mismatch,
    RUNNING_OUT.name: usage_texts.running_out, EXPIRING_UNUSED.name: usage_texts.expiring_unused,
    IDLE.name: usage_texts.idle, SPIKE.name: usage_texts.spike,
}
