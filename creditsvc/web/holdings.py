"""A startup's own pages: what it holds and why, usage by day, its statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from flask import render_template, request
from flask.typing import ResponseReturnValue

from creditsvc.core.amounts import Unit
from creditsvc.core.days import day_of
from creditsvc.core.errors import RuleBroken
from creditsvc.core.forecast import Forecast
from creditsvc.grants.activation import activations_of_startup
from creditsvc.grants.models import Activation
from creditsvc.grants.reading import has_award
from creditsvc.ledger.models import Scope
from creditsvc.ledger.outlook import forecasts
from creditsvc.ledger.reading import AccountView, LotView, holdings_of
from creditsvc.ledger.timeline import Ownership
from creditsvc.parties.access import Caller, may_with
from creditsvc.parties.models import Startup
from creditsvc.parties.reading import find_startup, members_of
from creditsvc.programmes.reading import enrolments_of
from creditsvc.statements.holdings import Holding, holdings
from creditsvc.statements.reading import History, burn_downs, history_of, statement
from creditsvc.statements.reported import Reported, reported_balances
from creditsvc.statements.usage_days import account_of, paid_days
from creditsvc.usage.reading import (
    Conversion,
    foreign_in_all,
    scope_views,
    scopes_held,
)
from creditsvc.web import session
from creditsvc.web.charts import BurnDown, burn_down
from creditsvc.web.forms import Form, asked_period

pages = session.private_pages("holdings", __name__)

CHART_DAYS = timedelta(days=365)
USAGE_DAYS = timedelta(days=30)
MOST_USAGE_DAYS = timedelta(days=800)


@dataclass(frozen=True)
class Card:
    """An account, also in the shape of all kinds, with its chart, what of its usage in other currencies waits or is
    converted, its forecast, and what its provider showed last."""

    view: AccountView
    holding: Holding
    chart: BurnDown | None
    waiting: dict[str, int]
    converted: tuple[Conversion, ...]
    outlook: Forecast | None
    reported: Reported | None


@dataclass(frozen=True)
class Held:
    """A grant in the list of those held; amounts in steps of the unit."""

    key: str
    lot: LotView
    unit: Unit
    kind: str
    activation: Activation | None


@pages.get("/startups/<key>")
def one(key: str) -> ResponseReturnValue:
    """What the startup holds: balances, chart, grants, scopes."""
    caller = session.caller()
    startup, views = holdings_of(caller, key, caller.now)
    held = scopes_held(view.id for view in views)
    enrolments = enrolments_of(caller, startup, has_award())
    activated = activations_of_startup(startup.id)
    grants = [
        Held(lot.key, lot, view.unit, view.kind, activated.get(lot.key)) for view in views for lot in view.lots
    ]
    return render_template(
        "startup.html", startup=startup, now=caller.now, cards=_cards(views, held, caller.now),
        grants=sorted(grants, key=lambda one: one.lot.id),
        enrolments=enrolments, scopes=scope_views(held, {view.id: view.resource for view in views}),
        may_activate=may_with(caller, "grant.activate", startup), own_scopes={one.external_id for one in held},
        members=members_of(startup), packages_awarded={one.cohort for one in enrolments if one.is_awarded},
    )


def _cards(views: Sequence[AccountView], held: Mapping[Scope, Sequence[Ownership]], now: datetime) -> list[Card]:
    """The accounts' cards; their history is read once for all that is told of it."""
    history = history_of([view for view in views if view.kind != "seats"], now)  # what has a chart
    outlooks = forecasts(views, now)
    converted, waiting = foreign_in_all(
        {view.id: view.unit.name for view in views}, {scope.id: owners for scope, owners in held.items()}
    )
    newest = {one.resource: one for one in reported_balances(views, 1, history)}
    charts = _charts(views, history, outlooks, now)
    return [
        Card(view, shape, charts.get(view.id), waiting.get(view.id, {}), converted.get(view.id, ()),
             outlooks.get(view.id), newest.get(view.resource))
        for view, shape in zip(views, holdings(views, outlooks, now, {}), strict=True)
    ]


def _charts(
    views: Sequence[AccountView], history: History, outlooks: Mapping[int, Forecast], now: datetime
) -> dict[int, BurnDown | None]:
    first: dict[int, date] = {}
    for view in views:
        if view.kind == "seats":
            continue
        starts = [lot.effective for lot in view.lots if lot.effective <= now and not lot.worthless]
        if starts:
            first[view.id] = max(day_of(min(starts)), day_of(now - CHART_DAYS))
    series = burn_downs(views, history, first, now)
    ahead = {view.id: outlooks[view.id].ahead for view in views if view.id in outlooks and view.remaining}
    return {
        view.id: burn_down(series[view.id], view.unit, ahead.get(view.id, ())) for view in views if view.id in series
    }


@pages.get("/startups/<key>/usage")
def usage(key: str) -> ResponseReturnValue:
    """Usage by charge day, with what each day was paid from."""
    caller = session.caller()
    startup, views = holdings_of(caller, key, caller.now)
    view = account_of(views, request.args.get("resource"))
    today = caller.now.astimezone(UTC).date()
    newest = view.newest_charge_day if view and view.newest_charge_day else today
    form, first, last = asked_period(min(newest, today) - USAGE_DAYS, today, MOST_USAGE_DAYS)
    days = [] if view is None or form.is_refused else paid_days(view, first, last)
    page = render_template(
        "usage_by_day.html", startup=startup, views=views, view=view, days=days, form=form,
        total=sum(day.usage.amount for day in days), uncovered=sum(day.uncovered for day in days),
    )
    return page, form.status


@pages.get("/startups/<key>/statement")
def show_statement(key: str) -> ResponseReturnValue:
    """Everything that happened in a period, with running balances."""
    caller = session.caller()
    startup = find_startup(caller, key)
    form, first, last = asked_period(day_of(caller.now - timedelta(days=30)), day_of(caller.now), MOST_USAGE_DAYS)
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
