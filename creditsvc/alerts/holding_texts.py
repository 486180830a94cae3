"""The words of alerts on hours and seats: which hours nobody booked, which seats nobody has or uses, what differs."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from creditsvc.alerts.usage_texts import ask_for_more
from creditsvc.alerts.words import Words
from creditsvc.core.forecast import Forecast
from creditsvc.mail.render import day, gettext_for, money, ngettext_for


def hours_unbooked(params: Mapping[str, Any], outlook: Forecast | None, language: str) -> Words:
    """Hours that end with their grant and that nobody has booked."""
    _ = gettext_for(language)
    places = {
        "amount": money(params["left"], params["unit"], language), "resource": params["resource"],
        "grant": params["grant"], "day": day(date.fromisoformat(params["last_day"]), language), "days": params["days"],
        "held": money(params["held"], params["unit"], language),
    }
    if params["over"]:
        title = _("%(amount)s of %(resource)s expired unbooked after %(day)s") % places
        detail = _("Grant %(grant)s ended on %(day)s with %(amount)s that nobody had booked.") % places
    else:
        if params["days"] <= 1:
            title = _("%(amount)s of %(resource)s will expire unbooked tonight: %(day)s is the last day") % places
        else:
            title = _("%(amount)s of %(resource)s will expire unbooked in %(days)s days: %(day)s is the last day")
            title %= places
        detail = _("Hours of grant %(grant)s are for sessions up to and including %(day)s. What nobody has booked then "
                   "is lost.") % places
    if params["held"] > 0:
        detail += " " + _("Booked, and not lost: %(held)s.") % places
    if params["begins"] is not None:
        detail += " " + _("The next %(amount)s will begin on %(day)s.") % {
            "amount": money(params["coming"], params["unit"], language),
            "day": day(date.fromisoformat(params["begins"]), language),
        }
    if params["over"]:
        action = _("If they are still needed, ask the incubation manager now whether the grant can be extended.")
    else:
        action = _("Book sessions that begin by then, or ask the incubation manager for an extension.")
    return Words(title, detail, places["amount"], action)


def hours_used(params: Mapping[str, Any], language: str) -> Words:
    """How much of the hours is used or booked."""
    _ = gettext_for(language)
    unit = params["unit"]
    places = {
        "percent": percent(params["permille"]), "resource": params["resource"],
        "drawn": money(params["drawn"], unit, language), "held": money(params["held"], unit, language),
        "granted": money(params["granted"], unit, language), "left": money(params["left"], unit, language),
    }
    detail = _("Used: %(drawn)s of %(granted)s. Booked: %(held)s. Still to be booked: %(left)s.") % places
    if params["left"] <= 0:
        return Words(
            _("All of %(resource)s is used or booked") % places, detail, None,
            _("If more sessions are needed, ask the incubation manager for more hours."),
        )
    return Words(
        _("%(percent)s %% of %(resource)s is used or booked") % places, detail, None,
        ask_for_more(params, language),
    )


def hours_uncovered(params: Mapping[str, Any], language: str) -> Words:
    """Sessions that took longer than the hours that there were."""
    _ = gettext_for(language)
    places = {
        "amount": money(params["uncovered"], params["unit"], language), "resource": params["resource"],
        "left": money(params["left"], params["unit"], language),
    }
    return Words(
        _("%(amount)s of sessions beyond what %(resource)s covers") % places,
        _("Sessions took longer than what was booked, and no grant pays for the rest. Still to be booked: %(left)s.")
        % places,
        places["amount"],
        _("Ask the incubation manager whether a grant can cover it."),
    )


def seats_ending(params: Mapping[str, Any], language: str) -> Words:
    """Seats that end with their grant, and how many people lose theirs."""
    _, ngettext = gettext_for(language), ngettext_for(language)
    people = ngettext("%(count)s person", "%(count)s people", params["people"]) % {"count": params["people"]}
    places = {
        "amount": money(params["left"], params["unit"], language), "resource": params["resource"], "people": people,
        "grant": params["grant"], "day": day(date.fromisoformat(params["last_day"]), language), "days": params["days"],
    }
    if params["over"]:
        return Words(
            _("%(amount)s of %(resource)s ended after %(day)s: %(people)s had one") % places,
            _("Grant %(grant)s ended on %(day)s, and with it the seats of all who sat there.") % places,
            people if params["people"] else None,
            _("If seats are still needed, ask the incubation manager now for a new grant."),
        )
    if not params["people"]:
        title = _("%(amount)s of %(resource)s will end after %(day)s: nobody has one then") % places
    elif params["days"] <= 1:
        title = _("%(amount)s of %(resource)s will end tonight, after %(day)s: %(people)s will lose theirs") % places
    else:
        title = _("%(amount)s of %(resource)s will end in %(days)s days, after %(day)s: %(people)s will lose theirs")
        title %= places
    return Words(
        title,
        _("Seats of grant %(grant)s can be used up to and including %(day)s.") % places,
        people if params["people"] else None,
        _("Save what people keep there, and ask the incubation manager for an extension or the next grant.")
        if params["people"] else _("Nothing, unless seats are still needed."),
    )


def seats_unused(params: Mapping[str, Any], outlook: Forecast | None, language: str) -> Words:
    """Seats that nobody has, or whose people do not use them."""
    _ = gettext_for(language)
    places = {
        "seats": money(params["count"], params["unit"], language),
        "of": params["of"], "resource": params["resource"], "grant": params["grant"], "days": params["days"],
    }
    if params["grant"] is None:
        return Words(
            _("%(seats)s of %(resource)s assigned and not used, for up to %(days)s days") % places,
            _("By the publisher's newest counts, of %(of)s people with a seat those did nothing with it.") % places,
            None,
            _("Ask them whether they need it; otherwise release the seat for somebody else."),
        )
    return Words(
        _("%(seats)s of %(resource)s free for %(days)s days") % places,
        _("Grant %(grant)s has %(of)s seats; since %(day)s not all of them are assigned.") % {
            **places, "day": day(date.fromisoformat(params["since"]), language),
        },
        None,
        _("Assign them to people who need them, or tell the incubation manager that they are not needed."),
    )


def seats_mismatch(params: Mapping[str, Any], outlook: Forecast | None, language: str) -> Words:
    """What differs between the publisher's counts and what was assigned."""
    return mismatch_words(params["resource"], params, language)


def mismatch_words(name: str, counts: Mapping[str, Any], language: str, *first: str) -> Words:
    """That the counts of what is so named do not fit: what comes first, and the kinds of difference."""
    _ = gettext_for(language)
    return Words(
        _("The publisher's counts of %(resource)s do not fit the seats assigned") % {"resource": name},
        " ".join([*first, *_mismatches_said(counts, language)]), None,
        _("Compare who has a licence with who has a seat, and set right what is wrong, here or at the publisher."),
    )


def _mismatches_said(counts: Mapping[str, Any], language: str) -> list[str]:
    """A sentence for each kind of difference that there is, by how many there are."""
    _, ngettext = gettext_for(language), ngettext_for(language)
    told = []
    if counts["unknown"]:
        told.append(ngettext(
            "%(count)s person has a licence and no seat of ours.",
            "%(count)s people have a licence and no seat of ours.", counts["unknown"],
        ) % {"count": counts["unknown"]})
    if counts["over-assigned"]:
        told.append(_("More seats are assigned than the publisher has enabled."))
    if counts["over-consumed"]:
        told.append(_("More licences are in use than the publisher has enabled."))
    if counts["suspended"]:
        told.append(_("The publisher says that the plan is suspended or about to end."))
    return told


def percent(permille: int) -> str:
    """Percent to one place, cut off rather than rounded: 74.96 is not 75 yet."""
    return f"{permille // 10}.{permille % 10}".removesuffix(".0")
