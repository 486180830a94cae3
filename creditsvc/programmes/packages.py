"""Packages as they are stated: the lines of each version, and who stated it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from creditsvc.core.amounts import parse_amount, unit_named
from creditsvc.core.errors import RuleBroken
from creditsvc.db import db
from creditsvc.ledger.models import Pool, Resource
from creditsvc.parties.access import Caller
from creditsvc.parties.operations import check_key
from creditsvc.programmes.models import Package, PackageLine, PackageVersion
from creditsvc.programmes.reading import by_key

LONGEST_MONTHS = 120
"""Beyond ten years a number of months is a slip of the hand."""


@dataclass(frozen=True)
class LineTerms:
    """One line of a package as stated: keys of the resource and pool, a decimal string, a number of months.

    `monthly`: the amount comes anew each month, and lapses with it.
    """

    resource: str
    pool: str
    amount: str
    months: int
    monthly: bool = False


def write_lines(caller: Caller, package: Package, lines: Sequence[LineTerms], reason: str) -> None:
    """Adds the lines of the package's version as it stands, and who stated it. Raises as `add_package`."""
    if not lines:
        raise RuleBroken("lines", "no-lines", "a package has one line or more")
    db.session.add_all([
        PackageLine(
            package_id=package.id, version=package.version, position=at, **line_values(line, f"lines[{at}].")
        )
        for at, line in enumerate(lines)
    ])
    db.session.add(PackageVersion(
        package_id=package.id, version=package.version, stated_at=caller.now, stated_by=caller.actor, reason=reason
    ))
    db.session.flush()


def line_values(line: LineTerms, at: str = "") -> dict[str, Any]:
    """The stored values of a package's line; `at` goes before the names of fields in refusals."""
    resource = by_key(Resource, "resource", line.resource)
    check_key(line.pool, f"{at}pool")
    pool = db.session.scalar(select(Pool).where(Pool.key == line.pool))
    if pool is None and resource.kind == "credit":
        raise RuleBroken(f"{at}pool", "unknown-pool", "there is no pool %(pool)s", pool=line.pool)
    if pool is not None and pool.resource_id != resource.id:
        raise RuleBroken(
            f"{at}pool", "other-resource", "pool %(pool)s is of another resource than %(resource)s",
            pool=line.pool, resource=line.resource,
        )
    amount = parse_amount(line.amount, unit_named(resource.unit), f"{at}amount")
    if amount <= 0:
        raise RuleBroken(f"{at}amount", "not-positive", "%(value)s: a line brings more than 0", value=line.amount)
    check_months(line.months, f"{at}months")
    return {
        "resource_id": resource.id, "pool_id": pool.id if pool is not None else None, "pool_key": line.pool,
        "amount": amount, "months": line.months, "monthly": line.monthly,
    }


def check_months(months: int, field: str = "months") -> int:
    """The number itself. Raises RuleBroken(field, "out-of-range") unless it is 1 to 120."""
    if not 1 <= months <= LONGEST_MONTHS:
        raise RuleBroken(
            field, "out-of-range", "%(value)s months: from 1 to %(longest)s is right",
            value=months, longest=LONGEST_MONTHS,
        )
    return months
