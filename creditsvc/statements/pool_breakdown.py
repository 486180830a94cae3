"""What became of pools by cohort and by month: awarded, drawn, expired unused; no startup is named, no person."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import case, func, select

from creditsvc.core.days import day_of
from creditsvc.db import db
from creditsvc.grants.models import Activation, Grant
from creditsvc.grants.reading import PoolView, pools
from creditsvc.ledger.models import LotChange, LotFact, Pool, Posting
from creditsvc.ledger.reading import LotView, balances
from creditsvc.parties.access import Caller
from creditsvc.programmes.models import Cohort, Enrolment, Programme
from creditsvc.programmes.reading import looked_after


@dataclass
class Part:
    """What became of a part of a pool, in steps of its unit. `startups` are how many; `activated` how many grants."""

    awarded: int = 0
    drawn: int = 0
    expired: int = 0
    activated: int = 0
    startups: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Breakdown:
    """A pool by cohort (key None: awarded outside of one; empty: in those of programmes that the caller may not know
    of) and by month of the programme's calendar, oldest first.

    By cohort the amounts are what grants come to now; by month they are what happened then: awards with their top-ups
    and returns when they were stated, usage on its charge day, expiry on its last day. Both come to the same sums.
    """

    pool: PoolView
    cohorts: tuple[tuple[str | None, Part], ...]
    months: tuple[tuple[date, Part], ...]


def breakdowns(caller: Caller) -> list[Breakdown]:
    """The pools that the caller may see, by key, in a fixed number of queries. Raises Forbidden."""
    found = pools(caller)
    keys = [pool.key for pool in found]
    lots = _lots(keys, caller.now)
    cohorts: dict[str, dict[str | None, Part]] = defaultdict(lambda: defaultdict(Part))
    months: dict[str, dict[date, Part]] = defaultdict(lambda: defaultdict(Part))
    grants = _grants(caller, keys)
    for startup_id, lot in lots:
        cohort, is_activated = grants[lot.key]
        part = cohorts[lot.pool][cohort]
        part.awarded += lot.standing.granted
        part.drawn += lot.standing.drawn
        part.expired += lot.standing.expired
        part.activated += is_activated
        part.startups.add(startup_id)
        if lot.standing.expired and lot.expires is not None:
            months[lot.pool][_month(lot.expires - timedelta(microseconds=1))].expired += lot.standing.expired
    for pool, at, awarded, drawn in _happened(keys):
        part = months[pool][_month(at)]
        part.awarded += awarded
        part.drawn += drawn
    return [
        Breakdown(pool, _in_order(cohorts[pool.key]), tuple(sorted(months[pool.key].items()))) for pool in found
    ]


def _month(at: datetime) -> date:
    return day_of(at).replace(day=1)


def _in_order(cohorts: Mapping[str | None, Part]) -> tuple[tuple[str | None, Part], ...]:
    return tuple(sorted(cohorts.items(), key=lambda item: (not item[0], item[0] is None, item[0] or "")))


def _lots(keys: Sequence[str], now: datetime) -> list[tuple[int, LotView]]:
    """The lots of the pools as of now, with the id of whose they are."""
    accounts = sorted(set(db.session.scalars(
        select(LotFact.account_id).join(Pool, Pool.id == LotFact.pool_id).where(Pool.key.in_(keys))
    )))
    mine = set(keys)
    views = balances(now, account_ids=accounts) if accounts else []
    return [(view.startup_id, lot) for view in views for lot in view.lots if lot.pool in mine]


def _grants(caller: Caller, keys: Sequence[str]) -> dict[str, tuple[str | None, bool]]:
    """By grant, the cohort in which it was awarded and whether it is activated."""
    activated = set(db.session.scalars(select(Activation.grant_id)))
    rows = db.session.execute(
        select(Grant.id, LotFact.key, case((Cohort.id.is_(None), None), (looked_after(caller), Cohort.key), else_=""))
        .select_from(LotFact)
        .join(Pool, Pool.id == LotFact.pool_id)
        .outerjoin(Grant, Grant.lot_id == LotFact.id)
        .outerjoin(Enrolment, Enrolment.id == Grant.enrolment_id)
        .outerjoin(Cohort, Cohort.id == Enrolment.cohort_id)
        .outerjoin(Programme, Programme.id == Cohort.programme_id)
        .where(Pool.key.in_(keys))
    )
    return {key: (cohort, grant_id in activated) for grant_id, key, cohort in rows}


def _happened(keys: Sequence[str]) -> list[tuple[str, datetime, int, int]]:
    """What was awarded and drawn of each pool at each instant: (pool, at, awarded, drawn)."""
    of_pool = select(Pool.key).join(LotFact, LotFact.pool_id == Pool.id).where(Pool.key.in_(keys))
    awards = of_pool.add_columns(LotFact.awarded, func.sum(LotFact.amount)).group_by(Pool.key, LotFact.awarded)
    changes = (
        of_pool.add_columns(LotChange.kind, LotChange.stated_at, LotChange.instant, LotChange.amount)
        .join(LotChange, LotChange.lot_id == LotFact.id)
        .where(LotChange.kind.in_(("top_up", "return", "opening")))
    )
    drawn = (
        of_pool.add_columns(Posting.charge_at, func.sum(Posting.amount))
        .join(Posting, Posting.lot_id == LotFact.id)
        .where(Posting.kind == "drawn")
        .group_by(Pool.key, Posting.charge_at)
    )
    found = [(pool, at, int(amount), 0) for pool, at, amount in db.session.execute(awards)]
    for pool, kind, stated_at, instant, amount in db.session.execute(changes):
        if kind == "opening":
            found.append((pool, instant or stated_at, 0, amount))
        else:
            found.append((pool, stated_at, amount if kind == "top_up" else -amount, 0))
    found += [(pool, at, 0, int(amount)) for pool, at, amount in db.session.execute(drawn)]
    return found
