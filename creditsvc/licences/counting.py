"""Publishers' counts, kept as they were read: one report for each file, whose tenant it counts, and on which day."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, or_, select

from creditsvc.core.days import day_of, instant_text
from creditsvc.core.errors import Forbidden, RuleBroken
from creditsvc.db import db, table_of
from creditsvc.licences.counts.files import CountFile
from creditsvc.licences.models import CountReport, SeatSighting, SkuCount
from creditsvc.parties.access import Caller, require, require_startup, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.parties.trail import record
from creditsvc.sets import insert_absent, send

_SKUS, _SIGHTINGS = (insert(table_of(model)) for model in (SkuCount, SeatSighting))


@dataclass(frozen=True)
class ReportView:
    """A report that was imported; `startup` None: of the incubator's own tenant."""

    id: int
    kind: str
    name: str
    startup: str | None
    person: str | None
    counted_on: date
    received_at: datetime
    actor: str


@dataclass(frozen=True)
class CountOutcome:
    """A report, and whether it is new: the same counts of the same day are `unchanged`."""

    report: ReportView
    changed: bool
    skus: int
    people: int


def import_counts(
    caller: Caller, file: CountFile, *, startup: str | None = None, counted_on: date | None = None
) -> CountOutcome:
    """Keeps what a file counts of a startup's tenant, or of the incubator's own; on the day that the file states, else
    the one that is given, else today.

    Raises RuleBroken("counted_on", "another-day" | "in-the-future"), NotFound("startup"), Forbidden.
    """
    require(caller, "licence.edit")
    if startup is None and caller.programme_ids is not None:  # the incubator's own tenant is of all programmes
        raise Forbidden("licence.edit")
    owner = require_startup(caller, "licence.edit", startup) if startup is not None else None
    day = _day(caller, file, counted_on)
    said = repr((owner and owner.id, file.person, day, file.skus, file.sightings, file.people))
    digest = hashlib.sha256(said.encode()).hexdigest()
    added = insert_absent(CountReport, [{
        "kind": file.kind, "name": file.name[:200], "digest": digest, "startup_id": owner.id if owner else None,
        "person": file.person, "counted_on": day, "received_at": caller.now, "actor": caller.actor,
    }])
    report = db.session.execute(
        select(CountReport).where(CountReport.kind == file.kind, CountReport.digest == digest)
    ).scalar_one()
    if not added:
        return CountOutcome(_view(report, startup), False, len(file.skus), file.people)
    send(_SKUS, [{"report_id": report.id, **vars(sku)} for sku in file.skus])
    send(_SIGHTINGS, [{"report_id": report.id, **vars(seen)} for seen in file.sightings])
    record(caller, "licence.counts-imported", f"startup:{startup}" if startup else "licence-counts",
           after={"report": report.id, "kind": file.kind, "counted_on": day.isoformat(), "file": report.name})
    return CountOutcome(_view(report, startup), True, len(file.skus), file.people)


def reports(
    caller: Caller, *, startup: str | None = None, before: int | None = None, limit: int | None = None
) -> list[ReportView]:
    """The reports that the caller may see, newest first: those of a startup's tenant, or all with the incubator's own.

    From below the number `before`. Raises NotFound("startup"), Forbidden.
    """
    if startup is not None:
        condition = CountReport.startup_id == require_startup(caller, "licence.see", startup).id
    else:
        require(caller, "licence.see")
        condition = visible_startups(caller)
        if caller.programme_ids is None:
            condition = or_(CountReport.startup_id.is_(None), condition)
    statement = (
        select(CountReport, Startup.key).outerjoin(Startup, Startup.id == CountReport.startup_id)
        .where(condition).order_by(CountReport.id.desc()).limit(limit)
    )
    if before is not None:
        statement = statement.where(CountReport.id < before)
    return [_view(report, key) for report, key in db.session.execute(statement)]


def report_document(view: ReportView) -> dict[str, Any]:
    """A report as JSON."""
    return {
        "id": view.id, "kind": view.kind, "name": view.name, "startup": view.startup, "person": view.person,
        "counted_on": view.counted_on.isoformat(), "received_at": instant_text(view.received_at),
        "received_from": view.actor,
    }


def outcome_document(outcome: CountOutcome) -> dict[str, Any]:
    """What an import came to, as JSON."""
    return {
        **report_document(outcome.report), "status": "imported" if outcome.changed else "unchanged",
        "skus": outcome.skus, "people": outcome.people,
    }


def _view(report: CountReport, startup: str | None) -> ReportView:
    return ReportView(report.id, report.kind, report.name, startup, report.person, report.counted_on,
                      report.received_at, report.actor)


def _day(caller: Caller, file: CountFile, stated: date | None) -> date:
    if file.counted_on is not None and stated is not None and file.counted_on != stated:
        raise RuleBroken("counted_on", "another-day", "%(file)s says itself that it is of %(day)s: leave the day out",
                         file=file.name, day=file.counted_on.isoformat())
    day = file.counted_on or stated or day_of(caller.now)
    if day > day_of(caller.now):
        raise RuleBroken("counted_on", "in-the-future", "%(day)s is still to come", day=day.isoformat())
    return day
