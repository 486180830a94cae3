"""A startup's own pages: what it holds and why, usage by day, its statement."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.core.days import day_of, day_start, parse_day
from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.core.forecast import Forecast
from creditsvc.grants.reading import cohorts_awarded, grants_of
from creditsvc.ledger.outlook import forecasts
from creditsvc.ledger.reading import AccountView, balances, postings
from creditsvc.parties.access import Caller
from creditsvc.parties.models import Startup
from creditsvc.parties.reading import find_startup, members_of
from creditsvc.programmes.reading import enrolments_of
from creditsvc.statements.reading import burn_down_series, statement
from creditsvc.statements.reported import Reported, reported_balances
from creditsvc.usage.reading import Conversion, DayUsage, foreign_in_all, scopes_of, usage_by_day
from creditsvc.web import session
from creditsvc.web.charts import BurnDown, burn_down
from creditsvc.web.forms import Form

pages = session.private_pages("holdings", __name__)

CHART_DAYS = timedelta(days=365)
USAGE_DAYS = timedelta(days=30)
MOST_USAGE_DAYS = timedelta(days=800)


@dataclass(frozen=True)
class Card:
    """An account with its chart, what of its usage in other currencies waits or is converted, its forecast, and what
    its provider showed last."""

    view: AccountView
    chart: BurnDown | None
    waiting: dict[str, int]
    converted: tuple[Conversion, ...]
    outlook: Forecast | None
    reported: Reported | None


@dataclass(frozen=True)
class PaidDay:
    """A day's usage with what paid it; amounts in steps of the account's unit."""

    usage: DayUsage
    paid_from: tuple[tuple[str, int], ...]
    uncovered: int
    uncredited: int


@pages.get("/startups/<key>")
def one(key: str) -> ResponseReturnValue:
    """What the startup holds: balances, chart, grants, scopes."""
    caller = session.caller()
    startup = find_startup(caller, key)
    views = balances(caller.now, startup_ids=[startup.id])
    converted, waiting = foreign_in_all([view.id for view in views])
    outlooks = forecasts(views, caller.now)
    newest = {one.resource: one for one in reported_balances(views, most=1)}
    grants = grants_of(caller, key)
    return render_template(
        "startup.html", startup=startup, now=caller.now,
        cards=[
            Card(view, _chart(view, outlooks.get(view.id), caller.now), waiting.get(view.id, {}),
                 converted.get(view.id, ()), outlooks.get(view.id), newest.get(view.resource))
            for view in views
        ],
        grants=grants, enrolments=enrolments_of(caller, key), scopes=scopes_of(startup.id),
        members=members_of(caller, key), packages_awarded=cohorts_awarded(startup.id),
    )


def _chart(view: AccountView, outlook: Forecast | None, now: datetime) -> BurnDown | None:
    starts = [lot.effective for lot in view.lots if lot.effective <= now and not lot.worthless]
    if not starts:
        return None
    first = max(day_of(min(starts)), day_of(now - CHART_DAYS))
    ahead = outlook.ahead if outlook is not None and view.remaining else ()
    return burn_down(burn_down_series(view.id, first, now=now), view.unit, ahead)


@pages.get("/startups/<key>/usage")
def usage(key: str) -> ResponseReturnValue:
    """Usage by charge day, with what each day was paid from."""
    caller = session.caller()
    startup = find_startup(caller, key)
    views = balances(caller.now, startup_ids=[startup.id])
    view = _chosen(views, request.args.get("resource"))
    today = caller.now.astimezone(UTC).date()
    newest = view.newest_charge_day if view and view.newest_charge_day else today
    form, first, last = _period(min(newest, today) - USAGE_DAYS, today)
    days = [] if view is None or form.is_refused else _paid_days(view, first, last)
    page = render_template(
        "usage_by_day.html", startup=startup, views=views, view=view, days=days, form=form,
        total=sum(day.usage.amount for day in days), uncovered=sum(day.uncovered for day in days),
    )
    return page, form.status


def _chosen(views: Sequence[AccountView], resource: str | None) -> AccountView | None:
    if resource is None:
        return next((view for view in views if view.kind == "credit"), views[0] if views else None)
    for view in views:
        if view.resource == resource:
            return view
    raise NotFound("resource", resource)


def _paid_days(view: AccountView, first: date, last: date) -> list[PaidDay]:
    paid: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    others: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in postings([view.id], first=day_start(first), until=day_start(last)):
        day = row.charge_at.astimezone(UTC).date()
        if row.lot is None:
            others[day][row.kind] += row.amount
        else:
            paid[day][row.lot] += row.amount
    return [
        PaidDay(
            usage_of_day, tuple((lot, amount) for lot, amount in sorted(paid[usage_of_day.day].items()) if amount),
            others[usage_of_day.day]["uncovered"], others[usage_of_day.day]["uncredited"],
        )
        for usage_of_day in usage_by_day(view.id, first, last)
    ]


@pages.get("/startups/<key>/statement")
def show_statement(key: str) -> ResponseReturnValue:
    """Everything that happened in a period, with running balances."""
    caller = session.caller()
    startup = find_startup(caller, key)
    form, first, last = _period(day_of(caller.now - timedelta(days=30)), day_of(caller.now))
    told = None if form.is_refused else _statement(caller, startup, form, first, last)
    page = render_template("statement.html", startup=startup, told=told, form=form)
    return page, form.status


def _statement(caller: Caller, startup: Startup, form: Form, first: date, last: date) -> object | None:
    today = day_of(caller.now)
    try:
        return statement(caller, startup.key, first=first, last=None if last >= today else last)
    except RuleBroken as error:
        form.show(error)
        return None


def _period(first: date, last: date) -> tuple[Form, date, date]:
    """The days asked for (`from`, `to`), or those given; refusals in the form."""
    typed = {
        "from": request.args.get("from") or first.isoformat(), "to": request.args.get("to") or last.isoformat()
    }
    form = Form({"from": _("From"), "to": _("To")}, typed)
    try:
        first, last = parse_day(typed["from"], "from"), parse_day(typed["to"], "to")
    except RuleBroken as error:
        form.show(error)
        return form, first, last
    if last < first:
        form.refuse("to", _("The last day is before the first."))
    elif last - first > MOST_USAGE_DAYS:
        form.refuse("from", _("At most %(days)d days can be shown at once.", days=MOST_USAGE_DAYS.days))
    return form, first, last
