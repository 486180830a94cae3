"""Month-end reports that are kept: freezing one, reading it again as it was, and what is known since."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import defer

from creditsvc.core.amounts import Unit
from creditsvc.core.days import day_of, zone_named
from creditsvc.core.errors import Conflict, NotFound
from creditsvc.db import db, wait_for_writers
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require
from creditsvc.programmes.models import Cohort, Programme
from creditsvc.programmes.reading import looked_after, programmes
from creditsvc.statements.models import MonthEndReport
from creditsvc.statements.month_end import (
    Line,
    MonthEnd,
    canonical,
    month_ends_at,
    month_named,
    read_month,
    report_of,
    sha256_of,
)

MONTHS_LISTED = 12
"""How many months are listed of a programme before the one that runs, from its first cohort on; and all frozen ones."""


@dataclass(frozen=True)
class Difference:
    """A figure that reads otherwise today: of a line, at the month's `opening` or `closing`; in steps of `unit`."""

    line: Line
    end: str
    word: str
    frozen: int
    today: int


@dataclass(frozen=True)
class Since:
    """What is known since a report was frozen: usage of the month by resource, then every figure that differs."""

    usage: tuple[tuple[str, Unit, int], ...]
    figures: tuple[Difference, ...]


@dataclass(frozen=True)
class MonthPage:
    """A month: an edition of its report as it was frozen, or (`kept` None) a preview of the next one.

    `text` is the canonical text of what is shown, `since` what today's knowledge makes of a frozen one.
    """

    report: MonthEnd
    text: str
    kept: MonthEndReport | None
    editions: Sequence[MonthEndReport]
    since: Since | None
    can_freeze: bool

    @property
    def sha256(self) -> str:
        """Of the text as it is now."""
        return sha256_of(self.text)

    @property
    def is_intact(self) -> bool:
        """Whether the text is still the one that was frozen."""
        return self.kept is None or self.kept.sha256 == self.sha256

    @property
    def newest(self) -> int:
        """The number of the newest edition, 0 before any."""
        return self.editions[0].edition if self.editions else 0


@dataclass(frozen=True)
class ListedMonth:
    """A month of a programme with its newest edition, if it was frozen."""

    month: date
    newest: MonthEndReport | None
    is_over: bool

    @property
    def name(self) -> str:
        """The month as it is written: `2026-05`."""
        return f"{self.month:%Y-%m}"


def listed_months(caller: Caller) -> list[tuple[Programme, list[ListedMonth]]]:
    """The months of each programme that the caller looks after, newest first, in three queries. Raises Forbidden."""
    require(caller, "month.see")
    found = programmes(caller)
    rows = db.session.scalars(
        select(MonthEndReport).options(defer(MonthEndReport.document))
        .where(MonthEndReport.programme_id.in_([programme.id for programme in found]))
        .order_by(MonthEndReport.edition)
    )
    newest = {(row.programme_id, row.month): row for row in rows}
    cohorts = select(Cohort.programme_id, func.min(Cohort.starts)).group_by(Cohort.programme_id)
    begun: dict[int, date] = dict(db.session.execute(cohorts).all())
    return [
        (programme, _months(programme, begun.get(programme.id, caller.now.date()), newest, caller.now))
        for programme in found
    ]


def _months(
    programme: Programme, begun: date, newest: dict[tuple[int, date], MonthEndReport], now: datetime
) -> list[ListedMonth]:
    month = day_of(now, zone_named(programme.timezone)).replace(day=1)
    months = {frozen for programme_id, frozen in newest if programme_id == programme.id} | {month}
    for _ in range(MONTHS_LISTED):
        if month <= begun:
            break
        month = (month - timedelta(days=1)).replace(day=1)
        months.add(month)
    return [
        ListedMonth(one, newest.get((programme.id, one)), month_ends_at(one, programme.timezone) <= now)
        for one in sorted(months, reverse=True)
    ]


def month_page(caller: Caller, programme: str, month: str, edition: int | None = None) -> MonthPage:
    """An edition of a month's report, the newest unless one is named; without any, or for 0, a preview.

    Raises Forbidden, NotFound("programme" | "month" | "edition").
    """
    of, first = programme_for(caller, "month.see", programme), month_named(month)
    today = read_month(of, first, caller.now)
    editions = _editions(of.id, first)
    kept = next((row for row in editions if edition in (None, row.edition)), None)
    if edition and kept is None:
        raise NotFound("edition", str(edition))
    if kept is None:
        return MonthPage(today, canonical(today), None, editions, None, today.is_over and _is_new(today, editions))
    report = report_of(kept.document)
    return MonthPage(report, kept.document, kept, editions, since(report, today), _is_new(today, editions))


def freeze_month(caller: Caller, programme: str, month: str, *, follows: int) -> MonthEndReport:
    """Keeps a month that is over, as it is known now, as its next edition.

    `follows` is the newest edition that the caller knows of, 0 for none: so it is done once. Raises Forbidden,
    NotFound("programme" | "month"), Conflict("", "not-over" | "edition-moved" | "nothing-new").
    """
    require(caller, "month.freeze")
    wait_for_writers("batch")  # whatever is recorded by now can be read, so that `known_at` repeats
    of, first = programme_for(caller, "month.freeze", programme, locked=True), month_named(month)
    report = read_month(of, first, caller.now)
    if not report.is_over:
        raise Conflict("", "not-over", "%(month)s is not over yet: it can be frozen from its end on", month=month)
    editions = _editions(of.id, first)
    newest = editions[0].edition if editions else 0
    if newest != follows:
        raise Conflict("", "edition-moved", "Somebody froze edition %(edition)s meanwhile: look at it first",
                       edition=newest)
    if not _is_new(report, editions):
        raise Conflict("", "nothing-new", "Edition %(edition)s says all that is known: there is nothing to freeze anew",
                       edition=newest)
    report = replace(report, edition=newest + 1, follows=editions[0].sha256 if editions else "")
    text = canonical(report)
    row = MonthEndReport(
        programme_id=of.id, month=first, edition=newest + 1, follows=report.follows, as_of=report.as_of,
        known_at=report.known_at, frozen_by=caller.actor, document=text, sha256=sha256_of(text),
    )
    db.session.add(row)
    db.session.flush()
    trail.record(caller, "month.frozen", f"programme:{programme}",
                 after={"month": month, "edition": row.edition, "sha256": row.sha256})
    return row


def since(frozen: MonthEnd, today: MonthEnd) -> Since:
    """What today's reading of a month says otherwise than a frozen one."""
    then = {line.key: line for line in frozen.lines}
    now = {line.key: line for line in today.lines}
    usage = []
    for line in (*today.resources, *(line for line in frozen.resources if line.key not in now)):
        more = _used(now.get(line.key)) - _used(then.get(line.key))
        if more and line.kind != "seats":
            usage.append((line.resource_name, line.unit, more))
    figures = [
        Difference(line, end, word, old, new)
        for key, line in {**then, **now}.items() if line.startup
        for end in ("opening", "closing") for word in line.closing
        if (old := _figure(then.get(key), end, word)) != (new := _figure(now.get(key), end, word))
    ]
    return Since(tuple(usage), tuple(figures))


def _used(line: Line | None) -> int:
    return 0 if line is None else line.in_month("drawn", "uncovered")


def _figure(line: Line | None, end: str, word: str) -> int:
    return 0 if line is None else getattr(line, end)[word]


def _is_new(today: MonthEnd, editions: Sequence[MonthEndReport]) -> bool:
    """Whether today's knowledge makes another report than the newest edition."""
    return not editions or bool(since(report_of(editions[0].document), today).figures)


def programme_for(caller: Caller, action: str, key: str, *, locked: bool = False) -> Programme:
    """The programme of that key, if the caller looks after it and may do the action; `locked`, it is held.

    Raises Forbidden, NotFound("programme").
    """
    require(caller, action)
    wanted = select(Programme).where(Programme.key == key, looked_after(caller))
    found = db.session.scalar(wanted.with_for_update(of=Programme) if locked else wanted)
    if found is None:
        raise NotFound("programme", key)
    return found


def _editions(programme_id: int, month: date) -> Sequence[MonthEndReport]:
    """The editions of a month, newest first."""
    return db.session.scalars(
        select(MonthEndReport)
        .where(MonthEndReport.programme_id == programme_id, MonthEndReport.month == month)
        .order_by(MonthEndReport.edition.desc())
    ).all()
