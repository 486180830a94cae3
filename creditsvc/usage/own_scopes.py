"""Which billing scopes are a startup's own, on which charge days (U8, U12)."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from creditsvc.core.days import day_start
from creditsvc.core.errors import Conflict
from creditsvc.db import db
from creditsvc.ledger.models import Account, Scope
from creditsvc.ledger.timeline import Ownership
from creditsvc.usage.models import ImportRun, RunScope
from creditsvc.usage.readers.own import OwnScopes, is_own
from creditsvc.usage.reading import scopes_held


def own_scopes(startup_id: int) -> OwnScopes:
    """The charge days on which each scope is the startup's. Asks nobody's permission."""
    accounts = set(db.session.scalars(select(Account.id).where(Account.startup_id == startup_id)))
    return {
        (scope.provider, scope.external_id): mine
        for scope, owned in scopes_held(accounts).items()
        if (mine := tuple(_days(own) for own in owned if own.account_id in accounts))
    }


def check_still_own(run: ImportRun) -> None:
    """Refuses to post what a startup uploaded where one of its scopes is no longer its own on the days it covers.

    For a run of nobody in particular there is nothing to check. Raises Conflict("run", "not-own").
    """
    if run.startup_id is None or run.cover_first is None or run.cover_last is None:
        return
    own = own_scopes(run.startup_id)
    covered = db.session.execute(
        select(Scope.provider, Scope.external_id)
        .join(RunScope, RunScope.scope_id == Scope.id)
        .where(RunScope.run_id == run.id)
    )
    if not all(is_own(own, provider, scope, run.cover_first, run.cover_last) for provider, scope in covered):
        raise Conflict(
            "run", "not-own",
            "run %(run)s was uploaded by a startup whose scopes were handed over since: discard it and import an "
            "export of your own", run=run.id,
        )


def _days(own: Ownership) -> tuple[date, date]:
    """The charge days whose 00:00Z lies in the time of an ownership."""
    first = own.starts.astimezone(UTC).date()
    if day_start(first) < own.starts:
        first += timedelta(days=1)
    return first, _last(own.ends)


def _last(ends: datetime) -> date:
    return (ends - timedelta(microseconds=1)).astimezone(UTC).date()
