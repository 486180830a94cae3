"""What is forecast for accounts: their trailing usage and what their lots have left, read for `core.forecast`."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select

from creditsvc.core.burndown import Lot
from creditsvc.core.days import day_start
from creditsvc.core.forecast import LONGEST, Burn, Forecast, burn_of, forecast, last_complete_day
from creditsvc.db import db
from creditsvc.ledger.facts import chunks
from creditsvc.ledger.models import LotChange, LotFact, Posting
from creditsvc.ledger.reading import AccountView


def forecasts(views: Sequence[AccountView], now: datetime) -> dict[int, Forecast]:
    """The forecast of each account as of `now`, by account id, in a fixed number of queries.

    An account without data, or with less than a week of it, has none. Asks nobody's permission.
    """
    newest = {view.id: view.newest_charge_day for view in views if view.newest_charge_day is not None}
    known = [view for view in views if view.id in newest]
    if not known:
        return {}
    since = min(last_complete_day(day, now) for day in newest.values()) - timedelta(days=LONGEST)
    taken = _takings([view.id for view in known], since)
    found: dict[int, Forecast] = {}
    for view in known:
        usage: dict[date, int] = defaultdict(int)
        for (day, _), amount in taken[view.id].items():
            usage[day] += amount
        burn = burn_of(usage, newest[view.id], now)
        if burn is not None:
            found[view.id] = forecast(burn, [_lot(view, number) for number in range(len(view.lots))],
                                      _left(view, taken[view.id], burn))
    return found


def _lot(view: AccountView, number: int) -> Lot:
    lot = view.lots[number]
    return Lot(lot.key, lot.amount, lot.effective, lot.expires, lot.voided_at, lot.priority, lot.promotional)


def _left(view: AccountView, taken: dict[tuple[date, int | None], int], burn: Burn) -> dict[str, int]:
    """What each lot had left at the end of the last complete day: what later days took is expected anew."""
    later: dict[int | None, int] = defaultdict(int)
    for (day, lot_id), amount in taken.items():
        if day > burn.last:
            later[lot_id] += amount
    return {lot.key: lot.amount - lot.standing.drawn - lot.standing.held + later[lot.id] for lot in view.lots}


def _takings(account_ids: Sequence[int], since: date) -> dict[int, dict[tuple[date, int | None], int]]:
    """What usage took per account, by charge day and lot (None: uncovered); what was drawn before go-live is no usage
    of a day."""
    taken: dict[int, dict[tuple[date, int | None], int]] = {account_id: defaultdict(int) for account_id in account_ids}
    opened = func.coalesce(LotChange.instant, LotFact.effective)
    for part in chunks(account_ids):
        used = db.session.execute(
            select(Posting.account_id, Posting.charge_at, Posting.lot_id, func.sum(Posting.amount))
            .where(Posting.account_id.in_(part), Posting.kind.in_(("drawn", "uncovered")),
                   Posting.charge_at >= day_start(since))
            .group_by(Posting.account_id, Posting.charge_at, Posting.lot_id)
        ).all()
        before = db.session.execute(
            select(LotFact.account_id, opened, LotFact.id, LotChange.amount)
            .join(LotFact, LotFact.id == LotChange.lot_id)
            .where(LotFact.account_id.in_(part), LotChange.kind == "opening", opened >= day_start(since))
        ).all()
        for rows, sign in ((used, 1), (before, -1)):
            for account_id, at, lot_id, amount in rows:
                taken[account_id][at.astimezone(UTC).date(), lot_id] += sign * int(amount)
    return taken
