"""Which accounts run out before they end: forecast by the night for all of them, since no page could for 10,000."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete

from creditsvc.alerts.models import AccountOutlook
from creditsvc.db import bulk_insert, db
from creditsvc.ledger.outlook import forecasts
from creditsvc.ledger.reading import balances

_COLUMNS = ("account_id", "run_out", "daily", "remaining", "as_of")


def renew_outlooks(account_ids: Sequence[int], now: datetime) -> int:
    """Forecasts some accounts anew, in a fixed number of queries; how many of them run out before they end."""
    views = [view for view in balances(now, account_ids=account_ids) if view.kind == "credit" and view.remaining > 0]
    outlooks = forecasts(views, now, ranged=False)
    db.session.execute(delete(AccountOutlook).where(AccountOutlook.account_id.in_(account_ids)))
    rows = [
        (view.id, outlook.run_out, outlook.burn.daily, view.remaining, now)
        for view in views
        if (outlook := outlooks.get(view.id)) is not None and outlook.run_out is not None
    ]
    bulk_insert(AccountOutlook, _COLUMNS, rows)
    return len(rows)
