"""What became of what partners gave: pools with what is granted, used and left, and of how many startups; no names."""

from dataclasses import dataclass

from creditsvc.grants.reading import PoolView, pools
from creditsvc.ledger.pool_sums import pool_sums
from creditsvc.parties.access import Caller


@dataclass(frozen=True)
class PoolReport:
    """A pool with what its grants come to now, in steps of its unit.

    `used` is credit drawn, hours used, seats assigned; `reserved` hours that are held for sessions.
    """

    pool: PoolView
    used: int
    reserved: int
    startups: int


def pool_reports(caller: Caller, key: str | None = None) -> list[PoolReport]:
    """The pools that the caller may see (or the one of that key), by key, in a fixed number of queries. Raises
    Forbidden."""
    found = [pool for pool in pools(caller) if key in (None, pool.key)]
    sums = pool_sums([pool.id for pool in found], caller.now)
    return [
        PoolReport(pool, sums[pool.id].used, sums[pool.id].reserved, sums[pool.id].startups) for pool in found
    ]
