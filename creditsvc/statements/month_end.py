"""A programme's month by the book: what its startups held at its beginning and at its end, by pool and by holding.

The figures are those of `balances` as of the month's two ends as they are known at one instant, so each can be read
again from the batch numbers that stand beside it. Of a lot awarded after an end and not begun by then nothing is told
there: it would stand in every month before its own.
"""

import hashlib
import json
import re
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, or_, select

from creditsvc.core.amounts import Unit, unit_named
from creditsvc.core.days import FIRST_YEAR, LAST_YEAR, ends_at, instant_text, starts_at, zone_named
from creditsvc.core.errors import NotFound
from creditsvc.db import db
from creditsvc.ledger.models import Batch, LotChange, LotFact, Pool, Resource
from creditsvc.ledger.reading import AccountView, LotView, balances
from creditsvc.parties.models import Startup, StartupProgramme
from creditsvc.programmes.models import Cohort, Enrolment, Programme
from creditsvc.sets import chunks

BECAME = ("drawn", "held", "expired", "voided", "returned", "not_yet", "remaining")
"""What became of what was awarded: their sum."""

FIGURES = ("awarded", *BECAME)
WITHOUT_POOL = (*FIGURES, "uncovered")
"""What is told of a holding and of a resource: what is uncovered no pool paid."""

_STANDING = tuple(word for word in BECAME if word != "returned")
_SAID = ("programme", "programme_name", "timezone", "edition", "follows")
_INSTANTS = ("opened_at", "as_of", "known_at")
_PARTS = ("resources", "pools", "holdings")
_ALWAYS = ("resource", "resource_name", "kind", "opening", "closing")
_WHERE_KNOWN = ("pool", "committed", "startup", "startup_name", "batch")
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
Amounts = Mapping[str, int]


@dataclass(frozen=True)
class Line:
    """A resource, a pool of one or a startup's holding of one, at the month's beginning and end; in steps of `unit`.

    `committed` is what the partner committed to the pool, for all programmes. `batch` is the newest of the holding's
    account that was known.
    """

    resource: str
    resource_name: str
    kind: str
    unit: Unit
    opening: Amounts
    closing: Amounts
    pool: str = ""
    committed: int | None = None
    startup: str = ""
    startup_name: str = ""
    batch: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What the line is of."""
        return self.startup, self.resource, self.pool

    def in_month(self, *words: str) -> int:
        """How much more the figures come to at the end than at the beginning."""
        return sum(self.closing[word] - self.opening[word] for word in words)


@dataclass(frozen=True)
class MonthEnd:
    """A month whole, or up to `as_of` while it runs. `edition` is None until it is frozen."""

    programme: str
    programme_name: str
    month: date
    timezone: str
    opened_at: datetime
    as_of: datetime
    known_at: datetime
    resources: tuple[Line, ...]
    pools: tuple[Line, ...]
    holdings: tuple[Line, ...]
    edition: int | None = None
    follows: str = ""

    @property
    def name(self) -> str:
        """The month as it is written: `2026-05`."""
        return f"{self.month:%Y-%m}"

    @property
    def is_over(self) -> bool:
        """Whether the month had ended when it was read."""
        return self.as_of == month_ends_at(self.month, self.timezone)

    @property
    def lines(self) -> tuple[Line, ...]:
        """All of its lines: resources, pools, holdings."""
        return self.resources + self.pools + self.holdings


def month_named(text: str) -> date:
    """The first day of a month written as `2026-05`. Raises NotFound("month")."""
    found = _MONTH.fullmatch(text)
    if found is None or not FIRST_YEAR < int(found[1]) < LAST_YEAR:
        raise NotFound("month", text)
    return date(int(found[1]), int(found[2]), 1)


def month_ends_at(month: date, timezone: str) -> datetime:
    """The cut-off of a month: the next local midnight after its last day."""
    return ends_at(_last_day(month), zone_named(timezone))


def read_month(programme: Programme, month: date, now: datetime) -> MonthEnd:
    """The month of a programme's startups as it is known now, in a fixed number of queries. Asks nobody's permission.

    They are those enrolled by its last day, with all that they hold. Raises NotFound("month") before it begins.
    """
    opened_at = starts_at(month, zone_named(programme.timezone))
    if opened_at > now:
        raise NotFound("month", f"{month:%Y-%m}")
    as_of = min(month_ends_at(month, programme.timezone), now)
    names = _startups(programme.id, _last_day(month))
    ids = list(names)
    after = [view for view in balances(as_of, startup_ids=ids, known_at=now) if view.batch]
    then = {view.id: view for view in balances(opened_at, startup_ids=ids, known_at=now)}
    before = [then[view.id] for view in after]
    back = _returned([view.id for view in after], now)
    holdings = tuple(
        Line(
            new.resource, new.resource_name, new.kind, new.unit, _holding(old, opened_at, back),
            _holding(new, as_of, back), startup=new.startup, startup_name=names[new.startup_id], batch=new.batch,
        )
        for old, new in zip(before, after, strict=True)
    )
    pools = _pools(_by_pool(before, opened_at, back), _by_pool(after, as_of, back))
    return MonthEnd(
        programme.key, programme.name, month, programme.timezone, opened_at, as_of, now, _resources(holdings), pools,
        holdings,
    )


def _last_day(month: date) -> date:
    return month.replace(day=monthrange(month.year, month.month)[1])


def _startups(programme_id: int, last: date) -> dict[int, str]:
    """The programme's startups with their names; one that is enrolled in it only later is left out."""
    enrolled = (
        select(Enrolment.id)
        .join(Cohort, Cohort.id == Enrolment.cohort_id)
        .where(Enrolment.startup_id == Startup.id, Cohort.programme_id == programme_id)
    )
    rows = db.session.execute(
        select(Startup.id, Startup.name)
        .join(StartupProgramme, StartupProgramme.startup_id == Startup.id)
        .where(
            StartupProgramme.programme_id == programme_id,
            or_(~enrolled.exists(), enrolled.where(Enrolment.enrolled_on <= last).exists()),
        )
    )
    return dict(rows.all())


def _returned(account_ids: Sequence[int], known_at: datetime) -> dict[int, int]:
    """What of each lot was returned to its pool, as far as it was recorded by then."""
    found: dict[int, int] = {}
    for part in chunks(account_ids):
        rows = db.session.execute(
            select(LotChange.lot_id, func.sum(LotChange.amount))
            .join(LotFact, LotFact.id == LotChange.lot_id)
            .join(Batch, Batch.id == LotChange.batch_id)
            .where(LotFact.account_id.in_(part), LotChange.kind == "return", Batch.recorded_at <= known_at)
            .group_by(LotChange.lot_id)
        )
        found.update((lot_id, int(amount)) for lot_id, amount in rows)
    return found


def _lots(view: AccountView, at: datetime) -> list[LotView]:
    """The lots of an account that were awarded or begun by an instant."""
    return [lot for lot in view.lots if lot.awarded <= at or lot.standing.not_yet != lot.standing.granted]


def _figures(lots: Iterable[LotView], back: Mapping[int, int]) -> dict[str, int]:
    """What was awarded, returns and all, and what became of it."""
    sums = dict.fromkeys(FIGURES, 0)
    for lot in lots:
        returned = back.get(lot.id, 0)
        sums["awarded"] += lot.standing.granted + returned
        sums["returned"] += returned
        for word in _STANDING:
            sums[word] += getattr(lot.standing, word)
    return sums


def _holding(view: AccountView, at: datetime, back: Mapping[int, int]) -> dict[str, int]:
    return {**_figures(_lots(view, at), back), "uncovered": view.uncovered}


def _by_pool(views: Iterable[AccountView], at: datetime, back: Mapping[int, int]) -> dict[str, dict[str, int]]:
    lots = defaultdict(list)
    for view in views:
        for lot in _lots(view, at):
            lots[lot.pool].append(lot)
    return {pool: _figures(of_pool, back) for pool, of_pool in lots.items()}


def _pools(opening: Mapping[str, Amounts], closing: Mapping[str, Amounts]) -> tuple[Line, ...]:
    rows = db.session.execute(
        select(Pool, Resource).join(Resource, Resource.id == Pool.resource_id)
        .where(Pool.key.in_(list(closing))).order_by(Resource.key, Pool.key)
    )
    nothing = dict.fromkeys(FIGURES, 0)
    return tuple(
        Line(resource.key, resource.name, resource.kind, unit_named(resource.unit), opening.get(pool.key, nothing),
             closing[pool.key], pool=pool.key, committed=pool.amount)
        for pool, resource in rows
    )


def _resources(holdings: Iterable[Line]) -> tuple[Line, ...]:
    by_resource = defaultdict(list)
    for line in holdings:
        by_resource[line.resource].append(line)
    return tuple(
        Line(resource, lines[0].resource_name, lines[0].kind, lines[0].unit, _sum(line.opening for line in lines),
             _sum(line.closing for line in lines))
        for resource, lines in sorted(by_resource.items())
    )


def _sum(amounts: Iterable[Amounts]) -> dict[str, int]:
    sums = dict.fromkeys(WITHOUT_POOL, 0)
    for one in amounts:
        for word in sums:
            sums[word] += one[word]
    return sums


def canonical(report: MonthEnd) -> str:
    """The report as its one text: JSON with sorted keys and no spaces, in ASCII; amounts are integers, of which
    `units` says how many make one of a unit. `batches` has the batch number of each account, which each figure of its
    resource rests on.
    """
    document = {
        "report": "month-end", "version": 1, "month": report.name,
        **{name: getattr(report, name) for name in _SAID},
        **{name: instant_text(getattr(report, name)) for name in _INSTANTS},
        "units": {line.unit.name: line.unit.steps for line in report.resources},
        "batches": {f"{line.startup}/{line.resource}": line.batch for line in report.holdings},
        **{name: [_line_document(line) for line in getattr(report, name)] for name in _PARTS},
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def _line_document(line: Line) -> dict[str, Any]:
    said = {name: getattr(line, name) for name in _ALWAYS} | {"unit": line.unit.name}
    return said | {name: getattr(line, name) for name in _WHERE_KNOWN if getattr(line, name) not in ("", None)}


def report_of(text: str) -> MonthEnd:
    """The report that a canonical text tells."""
    document = json.loads(text)
    said: dict[str, Any] = {name: document[name] for name in _SAID}
    said |= {name: datetime.fromisoformat(document[name]) for name in _INSTANTS}
    said |= {name: tuple(_line_of(line) for line in document[name]) for name in _PARTS}
    return MonthEnd(month=month_named(document["month"]), **said)


def _line_of(document: Mapping[str, Any]) -> Line:
    return Line(**{**document, "unit": unit_named(document["unit"])})


def sha256_of(text: str) -> str:
    """What stands on every page and file of a report, and proves its canonical text."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()
