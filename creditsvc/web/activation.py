"""When a grant's credit was redeemed, and by which subscription."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.core.days import start_text
from creditsvc.grants.activation import activate_grant, activation_history
from creditsvc.grants.reading import find_grant
from creditsvc.grants.schemas import ActivateShape
from creditsvc.parties.access import may_with, require_startup
from creditsvc.programmes.reading import zone_of_startup
from creditsvc.web import session
from creditsvc.web.forms import Form, posted, submit_once

pages = session.private_pages("activation", __name__)


@pages.get("/grants/<key>/activation")
def history(key: str) -> ResponseReturnValue:
    """What was entered of a grant's activation, and a form to enter or correct it."""
    found = find_grant(session.caller(), key)
    typed = {}
    if found.activation is not None:
        zone = zone_of_startup(found.grant.startup_id)
        typed = {
            "on": start_text(found.activation.activated_at, zone), "subscription": found.activation.subscription
        }
    return _page(key, Form(_labels(), typed))


@pages.post("/grants/<key>/activation")
def enter(key: str) -> ResponseReturnValue:
    """Keeps an activation, or corrects it."""
    caller = session.caller()
    require_startup(caller, "grant.activate", find_grant(caller, key).startup)
    form = posted(_labels())

    def act(values: dict[str, object]) -> str:
        activate_grant(caller, key, **values)  # type: ignore[arg-type]
        return url_for("activation.history", key=key)

    onward = submit_once(form, ActivateShape(), caller, act)
    if onward is None:
        return _page(key, form)
    flash(_("Noted. The balance does not depend on it."), "success")
    return redirect(onward, 303)


def _labels() -> dict[str, str]:
    return {"on": _("Activated on"), "subscription": _("Subscription"), "reason": _("Reason of a correction")}


def _page(key: str, form: Form) -> ResponseReturnValue:
    caller = session.caller()
    found = find_grant(caller, key)
    startup = require_startup(caller, "startup.see", found.startup)
    page = render_template(
        "activation.html", found=found, startup=startup, form=form, entered=activation_history(found.grant),
        may_enter=may_with(caller, "grant.activate", startup),
    )
    return page, form.status
