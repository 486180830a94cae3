"""What a night decides: readings against memory, alerts and memories out (A2 to A4). Deciding reads, storing writes.

The same deciding answers "what would tonight say" without a word written.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import exists, insert, select, update

from creditsvc.alerts import texts
from creditsvc.alerts.corrections import TakenBack, keep_taken_back, taken_back
from creditsvc.alerts.finding import Finding, Matter
from creditsvc.alerts.findings import ProgrammeSettings, Thresholds, find, programme_settings, severity, urgency
from creditsvc.alerts.models import DONE, Alert, AlertMemory, AlertTold, JobRun
from creditsvc.alerts.outlooks import RunOut, keep_outlooks, outlooks_of
from creditsvc.columns import bulk_parts
from creditsvc.core.due_alerts import (
    RULES,
    Decision,
    Mark,
    Memory,
    Rule,
    decide,
    forget_telling,
    night_due,
    take_back,
)
from creditsvc.db import db, table_of
from creditsvc.ledger.models import Account
from creditsvc.sets import among, chunks

NIGHTLY = "nightly"
"""The name of the night's job."""

ACCOUNTS_AT_ONCE = 7_000
"""More ask fewer statements, and take more memory: about 10 KiB for each account. They take some seconds (bound: the
lease of the night's run)."""

_LATER = ("id", "closed_on", "taken_back_on", "taken_back_to")
"""What of an alert is not known when it is decided."""


@dataclass(frozen=True)
class Night:
    """The business day, the instant as of which all is read, and when the night before looked: by its own clock, and
    by the real one, which is that of the book. `settings` are those of the programmes when it began: what is set since
    counts from the next night, and a programme that is new meanwhile has said nothing yet. `edition` is 2 where the
    night was made ahead of its day before."""

    day: date
    now: datetime
    last_night: datetime | None
    looked: datetime | None
    settings: ProgrammeSettings
    edition: int = 1


@dataclass(frozen=True)
class Decided:
    """What deciding some accounts came to. `alerts` are new and not yet kept; `closed` are ids of open ones;
    `outlooks` is what is forecast of those that run out; `taken_back` earlier ones that were not right. `remembered` is
    of which matters there is a memory that was kept before."""

    night: Night
    account_ids: list[int]
    alerts: list[Alert]
    memories: dict[Matter, Memory]
    closed: list[int]
    outlooks: list[RunOut]
    taken_back: list[TakenBack]
    remembered: Container[Matter]


@dataclass(frozen=True)
class Standing:
    """An alert of an earlier night that still stands, and whether anybody was told of it."""

    id: int
    threshold: int
    episode: int
    was_told: bool


class KeptAlert(NamedTuple):
    """What a document tells of an alert that was kept."""

    key: str
    params: Mapping[str, Any]
    holding: str
    rule: str
    threshold: int
    message: str
    severity: str


def night_of(day: date, now: datetime) -> Night:
    """The night of a business day, with the instant at which the last one before it looked."""
    last = db.session.execute(
        select(JobRun.as_of, JobRun.heartbeat_at)
        .where(JobRun.job == NIGHTLY, JobRun.state == DONE, JobRun.day < day, JobRun.as_of <= now)
        .order_by(JobRun.day.desc())
        .limit(1)
    ).first()
    run = db.session.execute(
        select(JobRun.edition, JobRun.state, JobRun.heartbeat_at).where(JobRun.job == NIGHTLY, JobRun.day == day)
    ).first()
    edition = 1 if run is None else run.edition
    if run is not None and run.state == DONE and run.heartbeat_at < night_due(day) <= now:
        edition += 1  # as the claim of a run that goes ahead has it by then
    looked_as_of, looked = last or (None, None)
    return Night(day, now, looked_as_of, looked, programme_settings(), edition)


def all_accounts() -> list[int]:
    """The accounts to be decided, by id."""
    return list(db.session.scalars(select(Account.id).order_by(Account.id)))


def decide_accounts(night: Night, account_ids: Sequence[int]) -> Decided:
    """The alerts due for some accounts, in a fixed number of queries. Writes nothing."""
    found = find(account_ids, night.now, night.last_night)
    thresholds = Thresholds(night.settings, [view.startup_id for view in found.views])
    memories = _memories_of(account_ids)
    still_open = _open_alerts_of(account_ids)
    wrong = taken_back(found.views, night.looked)
    figures = {one.alert_id: one.value for one in wrong}
    decided = Decided(
        night, list(account_ids), [], {}, [], outlooks_of(found.views, found.ahead), wrong, memories,
    )
    for finding in found.findings:
        matter = finding.matter
        alerts = still_open.pop(matter, [])
        ladder = thresholds.of(finding.account.startup_id, finding.rule)
        if not alerts and matter not in memories and not finding.rule.reaches_any(ladder, finding.reading.value):
            continue  # of most there is nothing to say, and nothing was ever said
        before = memories.get(matter, Memory())
        corrected = _corrected(finding.rule, before, alerts, figures)
        decision = decide(finding.rule, ladder, finding.reading, corrected, night.day)
        after = close(decision, alerts, decided.closed, figures)
        if after != before and (after.marks or after.level):
            decided.memories[matter] = after
        if decision.due is not None:
            decided.alerts.append(_alert(finding, decision.due, after.episode_of(decision.due), night))
    for matter, alerts in still_open.items():  # nothing left to read: the lot was used up, the scope went elsewhere
        before = memories.get(matter, Memory())
        corrected = _corrected(RULES[matter[1]], before, alerts, figures)
        after = close(Decision(None, None, corrected), alerts, decided.closed)
        if after != before:
            decided.memories[matter] = after
    return decided


def store(decided: Decided) -> None:
    """Keeps what was decided, within the caller's transaction, in which no other night may keep anything: memories and
    alerts that another one kept since it was decided are not looked at."""
    keep_closed(decided.closed, decided.night.day)
    _keep_memories(decided)
    if decided.alerts:
        names = [column.key for column in Alert.__table__.columns if column.key not in _LATER]
        db.session.execute(
            insert(Alert), [{name: getattr(alert, name) for name in names} for alert in decided.alerts]
        )
    keep_taken_back(decided.taken_back, decided.night.day)
    keep_outlooks(decided.account_ids, decided.outlooks, decided.night.now)


def _keep_memories(decided: Decided) -> None:
    fresh: list[dict[str, Any]] = []
    known: list[dict[str, Any]] = []
    for matter, memory in decided.memories.items():
        values = {
            **dict(zip(("account_id", "rule", "holding"), matter, strict=True)), "acts": memory.acts,
            "level": memory.level, "marks": marks_kept(memory), "counted_on": memory.counted_on,
        }
        (known if matter in decided.remembered else fresh).append(values)
    if fresh:
        db.session.execute(insert(AlertMemory), fresh)
    if known:
        db.session.execute(update(AlertMemory), known)


def documents_of(day: date) -> list[dict[str, Any]]:
    """The alerts of startups decided on a business day as JSON, in order; of thousands no more is held than that."""
    statement = (
        select(*(getattr(Alert, name) for name in KeptAlert._fields))
        .where(Alert.decided_on == day, Alert.startup_id.is_not(None))
    )
    kept = (KeptAlert(*row) for columns in bulk_parts(statement, 500) for row in zip(*columns, strict=True))
    told = sorted(((_order(alert), document(alert)) for alert in kept), key=itemgetter(0))
    return [one for _, one in told]


def in_order(alerts: Iterable[Alert]) -> list[Alert]:
    """Alerts by startup, the worst first."""
    return sorted(alerts, key=_order)


def document(alert: Alert | KeptAlert) -> dict[str, Any]:
    """An alert as JSON (CONTRACT: section 5)."""
    return {
        "key": alert.key, "startup": alert.key.partition("/")[0], "resource": alert.params["resource_key"],
        "resource_name": alert.params["resource"],
        "holding": alert.holding, "rule": alert.rule, "threshold": alert.threshold, "message": alert.message,
        "severity": alert.severity,
    }


def _order(alert: Alert | KeptAlert) -> tuple[str, tuple[int, int, int], str]:
    return (alert.key.partition("/")[0], urgency(alert.rule, alert.threshold), alert.key)


def _alert(finding: Finding, threshold: int, episode: int, night: Night) -> Alert:
    rule, account = finding.rule.name, finding.account
    params = {**finding.params, "resource_key": account.resource}
    return Alert(
        key=f"{account.startup}/{finding.holding}/{rule}/{threshold}/{episode}",
        startup_id=account.startup_id, account_id=account.id, rule=rule, holding=finding.holding,
        threshold=threshold, episode=episode, severity=severity(rule, threshold),
        message=texts.message(rule, params), params=params, decided_on=night.day, decided_at=night.now,
        batch=account.batch,
    )


def _corrected(
    rule: Rule, memory: Memory, alerts: Sequence[Standing], figures: Mapping[int, Fraction]
) -> Memory:
    """The memory once those of the open alerts are taken back of which there is a figure that it was instead."""
    for alert in alerts:
        if alert.id in figures:
            memory = take_back(rule, memory, alert.threshold, figures[alert.id])
    return memory


def close(
    decision: Decision, alerts: Sequence[Standing], closed: list[int], wrong: Container[int] = ()
) -> Memory:
    """Closes the alerts that a new one replaces, whose matter has passed or which were `wrong`; the memory as it is
    then to be kept.

    One that passed before anybody heard of it (the night died before its mails) counts as never told.
    """
    memory = decision.memory
    passed = [
        alert for alert in alerts
        if decision.due is not None or decision.standing is None or alert.id in wrong
        or memory.episode_of(alert.threshold) != alert.episode
    ]
    closed += [alert.id for alert in passed]
    if passed and decision.due is None and not any(alert.was_told for alert in alerts):
        return forget_telling(memory)
    return memory


def keep_closed(alert_ids: Sequence[int], day: date) -> None:
    """Keeps of those alerts that they were closed on a business day."""
    for part in chunks(alert_ids):
        db.session.execute(update(table_of(Alert)).where(among(Alert.id, part)).values(closed_on=day))


def marks_kept(memory: Memory) -> dict[str, list[int | None]]:
    """The marks of a memory as they are kept."""
    return {str(t): [mark.told, mark.back, mark.rearmed, mark.corrected] for t, mark in memory.marks.items()}


def marks_of(kept: Mapping[str, Sequence[int | None]]) -> dict[int, Mark]:
    """The marks as they were kept; earlier versions knew of no corrections."""
    return {int(t): Mark(told, *(count or 0 for count in counts)) for t, (told, *counts) in kept.items()}


def _memories_of(account_ids: Sequence[int]) -> dict[Matter, Memory]:
    return {
        (row.account_id, row.rule, row.holding): Memory(
            row.acts, row.level,
            marks_of(row.marks),
            row.counted_on,
        )
        for part in chunks(account_ids)
        for row in db.session.execute(select(*AlertMemory.__table__.columns).where(among(AlertMemory.account_id, part)))
    }


def _open_alerts_of(account_ids: Sequence[int]) -> dict[Matter, list[Standing]]:
    was_told = exists().where(AlertTold.alert_id == Alert.id)
    found: dict[Matter, list[Standing]] = defaultdict(list)
    for part in chunks(account_ids):
        rows: Sequence[Any] = db.session.execute(
            select(Alert.id, Alert.account_id, Alert.rule, Alert.holding, Alert.threshold, Alert.episode, was_told)
            .where(among(Alert.account_id, part), Alert.closed_on.is_(None))
        ).all()
        for alert_id, account_id, rule, holding, threshold, episode, told in rows:
            found[account_id, rule, holding].append(Standing(alert_id, threshold, episode, told))
    return found
