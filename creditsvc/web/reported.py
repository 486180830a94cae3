"""The provider's own figure beside ours."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.ledger.reading import balances
from creditsvc.parties.access import may_with, require_startup
from creditsvc.parties.reading import find_startup
from creditsvc.statements.reported import SHOWN, report_balance, reported_of
from creditsvc.statements.schemas import ReportShape
from creditsvc.web import session
from creditsvc.web.forms import Form, posted, submit_once
from creditsvc.web.paging import asked_before

pages = session.private_pages("reported", __name__)


@pages.get("/startups/<key>/reported")
def history(key: str) -> ResponseReturnValue:
    """What the provider's portal showed, with ours of the same instants, and a form to enter more."""
    return _page(key, _form())


@pages.post("/startups/<key>/reported")
def enter(key: str) -> ResponseReturnValue:
    """Keeps a figure."""
    caller = session.caller()
    require_startup(caller, "balance.report", key)
    form = _form()

    def act(values: dict[str, object]) -> str:
        report_balance(caller, startup=key, **values)  # type: ignore[arg-type]
        return url_for("reported.history", key=key)

    onward = submit_once(form, ReportShape(), caller, act)
    if onward is None:
        return _page(key, form)
    flash(_("Noted. It stands beside our estimate, which stays as it is."), "success")
    return redirect(onward, 303)


def _form() -> Form:
    return posted({"amount": _("Left, as the portal shows it"), "seen_at": _("Seen at"), "resource": _("Credit")})


def _page(key: str, form: Form) -> ResponseReturnValue:
    caller = session.caller()
    startup = find_startup(caller, key)
    views = balances(caller.now, startup_ids=[startup.id])
    of_credit = [view for view in views if view.kind == "credit"]
    found = reported_of(caller, key, before=asked_before(), limit=SHOWN + 1)
    return render_template(
        "reported.html", startup=startup, form=form, of_credit=of_credit,
        choices=[(view.resource, view.resource_name) for view in of_credit], found=found[:SHOWN],
        before=found[SHOWN - 1].id if len(found) > SHOWN else None,
        may_enter=may_with(caller, "balance.report", startup),
    ), form.status
