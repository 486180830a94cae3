"""The words of alerts on what is used and forecast: what runs out, is left over, lies idle, or is used far too fast."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from creditsvc.alerts.words import Words
from creditsvc.core.forecast import Forecast
from creditsvc.mail.render import day, gettext_for, money


def running_out(params: Mapping[str, Any], outlook: Forecast | None, language: str) -> Words:
    """What runs out before it ends, and when."""
    _ = gettext_for(language)
    places = {
        "resource": params["resource"], "left": money(params["left"], params["unit"], language),
        "rate": money(params["daily"], params["unit"], language), "day": _day(params["run_out"], language),
        "last": _day(params["last_day"], language),
    }
    if params["is_over"]:
        title = _("%(resource)s has probably run out by now") % places
    else:
        title = _("%(resource)s runs out about %(day)s, if it is used as now") % places
    detail = _("%(left)s remains, and %(rate)s goes in a usual day.") % places
    if params["unit"] == "hour":
        detail = _("%(left)s remains, and %(rate)s goes in a usual week.") % {
            **places, "rate": money(params["weekly"], params["unit"], language),
        }
    if params["last_day"]:
        detail += " " + _("It was meant to last until %(last)s.") % places
    return Words(title, detail, lasts(outlook, language), ask_for_more(params, language))


def ask_for_more(params: Mapping[str, Any], language: str) -> str:
    """What a startup's people can do while something is left."""
    _ = gettext_for(language)
    if params["unit"] == "hour":
        return _("Keep the rest for what matters most, or ask the incubation manager for more in good time.")
    return _("Check what is using it; if it will not last, ask the incubation manager for more in good time.")


def lasts(outlook: Forecast | None, language: str) -> str | None:
    """When the rest runs out, as far as can be told."""
    _ = gettext_for(language)
    if outlook is None or not outlook.burn.weekly:
        return None
    if outlook.run_out is None:
        return _("nothing: it does not run out before it expires, if it is used as now")
    places = {"day": day(outlook.run_out, language), "early": day(outlook.early or outlook.run_out, language)}
    if outlook.late is None:
        return _("the rest runs out about %(day)s, if it is used as now; not before %(early)s") % places
    return _("the rest runs out about %(day)s, between %(early)s and %(late)s, if it is used as now") % {
        **places, "late": day(outlook.late, language),
    }


def expiring_unused(params: Mapping[str, Any], outlook: Forecast | None, language: str) -> Words:
    """What will be left when it ends, and how much."""
    _ = gettext_for(language)
    unused = money(params["unused"], params["unit"], language)
    places = {
        "resource": params["resource"], "unused": unused, "percent": params["percent"],
        "left": money(params["left"], params["unit"], language),
        "rate": money(params["daily"], params["unit"], language), "day": _day(params["last_day"], language),
    }
    if params["unit"] == "hour":
        action = _("Book sessions for what is coming up, or tell the incubation manager that fewer hours are needed.")
        places["rate"] = money(params["weekly"], params["unit"], language)
        detail = _("%(left)s remains, and %(rate)s goes in a usual week: %(percent)s %% of what was granted will be "
                   "left. The first of it expires after %(day)s.") % places
    else:
        detail = _("%(left)s remains, and %(rate)s goes in a usual day: %(percent)s %% of what was granted will be "
                   "left. The first of it expires after %(day)s.") % places
        action = _("Plan what else it can pay for, or tell the incubation manager that less is needed.")
    return Words(
        _("About %(unused)s of %(resource)s will expire unused, if it is used as now") % places,
        detail, unused, action,
    )


def idle(params: Mapping[str, Any], outlook: Forecast | None, language: str) -> Words:
    """What nobody uses."""
    _ = gettext_for(language)
    places = {
        "resource": params["resource"], "days": params["days"],
        "left": money(params["left"], params["unit"], language),
        "day": _day(params["last_use"] or params["since"], language),
    }
    if params["last_use"]:
        detail = _("It was last used on %(day)s. %(left)s remains.") % places
    else:
        detail = _("It could be used since %(day)s. %(left)s remains.") % places
    return Words(
        _("%(resource)s has not been used for %(days)s days") % places, detail, None,
        _("Use it for what helps you now, or tell the incubation manager what stands in the way."),
    )


def spike(params: Mapping[str, Any], outlook: Forecast | None, language: str) -> Words:
    """A day that used far more than usual."""
    _ = gettext_for(language)
    places = {
        "resource": params["resource"], "percent": params["percent"],
        "amount": money(params["amount"], params["unit"], language),
        "usual": money(params["usual"], params["unit"], language),
        "left": money(params["left"], params["unit"], language), "day": _day(params["day"], language),
    }
    return Words(
        _("%(amount)s of %(resource)s was used on %(day)s, far more than usual") % places,
        _("That is %(percent)s %% of a usual day of the weeks before, %(usual)s. %(left)s remains.") % places,
        lasts(outlook, language),
        _("Check what has run on that day, and stop what was not meant."),
    )


def _day(iso: str | None, language: str) -> str:
    return day(date.fromisoformat(iso), language) if iso else ""
