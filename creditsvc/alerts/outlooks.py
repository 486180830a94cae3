"""Which accounts run out before they end: forecast by the night for all of them, since no page could for 10,000."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete

from creditsvc.alerts.models import AccountOutlook
from creditsvc.columns import bulk_insert
from creditsvc.db import db, table_of
from creditsvc.ledger.outlook import Ahead
from creditsvc.ledger.reading import AccountView
from creditsvc.sets import among, chunks

_COLUMNS = ("account_id", "run_out", "daily", "remaining", "as_of")


@dataclass(frozen=True)
class RunOut:
    """An account that runs out before it ends; amounts in steps of its unit."""

    account_id: int
    run_out: date
    daily: int
    remaining: int


def outlooks_of(views: Iterable[AccountView], ahead: Mapping[int, Ahead]) -> list[RunOut]:
    """Those of the accounts that have something left and are forecast to run out."""
    found = []
    for view in views:
        outlook = ahead[view.id].forecast if view.id in ahead else None
        if view.remaining > 0 and outlook is not None and outlook.run_out is not None:
            found.append(RunOut(view.id, outlook.run_out, outlook.burn.daily, view.remaining))
    return found


def keep_outlooks(account_ids: Sequence[int], outlooks: Iterable[RunOut], now: datetime) -> None:
    """Keeps what is forecast of some accounts in the place of what was; within the caller's transaction."""
    for part in chunks(account_ids):
        db.session.execute(delete(table_of(AccountOutlook)).where(among(AccountOutlook.account_id, part)))
    bulk_insert(AccountOutlook, _COLUMNS, [
        (one.account_id, one.run_out, one.daily, one.remaining, now) for one in outlooks
    ])
