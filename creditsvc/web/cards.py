"""What pages show of each account of a startup: its figures, chart, forecast, and what its provider showed last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from creditsvc.core.amounts import Unit
from creditsvc.core.days import day_of
from creditsvc.core.forecast import Forecast
from creditsvc.grants.models import Activation
from creditsvc.ledger.models import Scope
from creditsvc.ledger.reading import AccountView, LotView
from creditsvc.ledger.seat_outlook import Outlook, all_forecasts
from creditsvc.ledger.timeline import Ownership
from creditsvc.statements.holdings import Holding, holdings
from creditsvc.statements.reading import History, burn_downs
from creditsvc.statements.reported import Reported, newest_reported
from creditsvc.usage.reading import Conversion, foreign_in_all
from creditsvc.web.charts import BurnDown, burn_down

CHART_DAYS = timedelta(days=365)


@dataclass(frozen=True)
class Card:
    """An account, also in the shape of all kinds, with its chart, what of its usage in other currencies waits or is
    converted, its forecast, and what its provider showed last."""

    view: AccountView
    holding: Holding
    chart: BurnDown | None
    waiting: dict[str, int]
    converted: tuple[Conversion, ...]
    outlook: Outlook | None
    reported: Reported | None


@dataclass(frozen=True)
class Held:
    """A grant in the list of those held; amounts in steps of the unit."""

    key: str
    lot: LotView
    unit: Unit
    kind: str
    activation: Activation | None


def cards_of(
    views: Sequence[AccountView], held: Mapping[Scope, Sequence[Ownership]], now: datetime, history: History
) -> list[Card]:
    """The accounts' cards; `history` is that of the accounts, of those with a chart at least."""
    outlooks = all_forecasts(views, now)
    converted, waiting = foreign_in_all(
        {view.id: view.unit.name for view in views}, {scope.id: owners for scope, owners in held.items()}
    )
    newest = {one.resource: one for one in newest_reported(views, history)}
    charts = _charts(views, history, outlooks, now)
    return [
        Card(view, shape, charts.get(view.id), waiting.get(view.id, {}), converted.get(view.id, ()),
             outlooks.get(view.id), newest.get(view.resource))
        for view, shape in zip(views, holdings(views, outlooks, now, {}), strict=True)
    ]


def _charts(
    views: Sequence[AccountView], history: History, outlooks: Mapping[int, Outlook], now: datetime
) -> dict[int, BurnDown | None]:
    first: dict[int, date] = {}
    for view in views:
        if view.kind == "seats":
            continue
        starts = [lot.effective for lot in view.lots if lot.effective <= now and not lot.worthless]
        if starts:
            first[view.id] = max(day_of(min(starts)), day_of(now - CHART_DAYS))
    series = burn_downs(views, history, first, now)
    ahead = {
        view.id: outlook.ahead for view in views
        if isinstance(outlook := outlooks.get(view.id), Forecast) and view.remaining
    }
    return {
        view.id: burn_down(series[view.id], view.unit, ahead.get(view.id, ())) for view in views if view.id in series
    }


def grants_held(views: Sequence[AccountView], activated: Mapping[str, Activation]) -> list[Held]:
    """The grants of the accounts, in the order of their award; `activated` by the key of the grant."""
    found = [Held(lot.key, lot, view.unit, view.kind, activated.get(lot.key)) for view in views for lot in view.lots]
    return sorted(found, key=lambda one: one.lot.id)
