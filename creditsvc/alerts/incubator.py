"""Alerts of what is the incubator's own: decided, kept and closed as those of startups are (A2 to A4).

Neither a pool nor the incubator's own tenant belongs to a startup, so nothing here is ever read for a startup's people:
such alerts have a `subject` instead of a startup and an account. To watch another kind of subject, add its findings to
`find_own`, its words and its page to `own_words` and `own_page`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select

from creditsvc.alerts.findings import severity
from creditsvc.alerts.incubator_finding import IncubatorFinding, Matter
from creditsvc.alerts.models import Alert, AlertTold, IncubatorMemory
from creditsvc.alerts.next_pages import counts_page, pool_page
from creditsvc.alerts.night import Night, Standing, close, keep_closed, marks_kept, marks_of
from creditsvc.alerts.own_tenant import PRODUCT, own_tenant_findings, own_tenant_words
from creditsvc.alerts.pools import POOL, pool_findings, pool_words
from creditsvc.alerts.words import Words
from creditsvc.core.due_alerts import Decision, Memory, decide
from creditsvc.db import db
from creditsvc.parties.access import Caller, may


@dataclass(frozen=True)
class OwnDecided:
    """What deciding came to: new alerts, not yet kept; memories to keep; ids of open alerts to close."""

    night: Night
    alerts: list[Alert]
    memories: dict[Matter, Memory]
    closed: list[int]


def sees_own(caller: Caller) -> bool:
    """Whether what is the incubator's own is for the caller: staff who look after all programmes."""
    return may(caller, "alerts.see") and caller.programme_ids is None


def find_own(at: datetime) -> list[IncubatorFinding]:
    """Where each subject of the incubator's own stands, in a fixed number of statements."""
    return [*pool_findings(at), *own_tenant_findings(at)]


def own_words(subject: str, params: Mapping[str, Any], language: str) -> Words:
    """What is said of an alert."""
    return {POOL: pool_words, PRODUCT: own_tenant_words}[subject](params, language)


def own_page(subject: str, key: str, base_url: str, language: str) -> tuple[str, str]:
    """(address, name of the link) of the page with the next step."""
    return {POOL: pool_page, PRODUCT: counts_page}[subject](key, base_url, language)


def decide_own(night: Night) -> OwnDecided:
    """The alerts due of all subjects, in a fixed number of statements. Writes nothing."""
    memories = _memories()
    still_open = _open_alerts()
    decided = OwnDecided(night, [], {}, [])
    for finding in find_own(night.now):
        before = memories.get(finding.matter, Memory())
        decision = decide(finding.rule, finding.rule.defaults, finding.reading, before, night.day)
        after = close(decision, still_open.pop(finding.matter, []), decided.closed)
        if after != before and after.marks:
            decided.memories[finding.matter] = after
        if decision.due is not None:
            decided.alerts.append(_alert(finding, decision.due, after.episode_of(decision.due), night))
    for matter, alerts in still_open.items():  # the pool has ended, or nothing is counted any more
        before = memories.get(matter, Memory())
        after = close(Decision(None, None, before), alerts, decided.closed)
        if after != before:
            decided.memories[matter] = after
    return decided


def store_own(decided: OwnDecided) -> None:
    """Keeps what was decided; within the transaction in which it was decided."""
    keep_closed(decided.closed, decided.night.day)
    for (subject, subject_id, rule), memory in decided.memories.items():
        db.session.merge(IncubatorMemory(
            subject=subject, subject_id=subject_id, rule=rule, acts=memory.acts, level=memory.level,
            marks=marks_kept(memory), counted_on=memory.counted_on,
        ))
    db.session.add_all(decided.alerts)
    db.session.flush()


def own_document(alert: Alert) -> dict[str, Any]:
    """An alert as JSON: as one of a startup (CONTRACT: section 5), with its subject in place of the startup."""
    return {
        "key": alert.key, "startup": None, "subject": alert.subject, "resource": alert.params["resource_key"],
        "resource_name": alert.params["resource"], "holding": alert.holding, "rule": alert.rule,
        "threshold": alert.threshold, "message": alert.message, "severity": alert.severity,
    }


def own_decided_on(night: Night) -> Sequence[Alert]:
    """The alerts decided on the night's business day, by key."""
    return db.session.scalars(
        select(Alert).where(Alert.decided_on == night.day, Alert.subject.is_not(None)).order_by(Alert.key)
    ).all()


def _alert(finding: IncubatorFinding, threshold: int, episode: int, night: Night) -> Alert:
    rule = finding.rule.name
    return Alert(
        key=f"{finding.subject}:{finding.key}/{rule}/{threshold}/{episode}", subject=finding.subject,
        subject_id=finding.subject_id, rule=rule, holding=finding.key, threshold=threshold, episode=episode,
        severity=severity(rule, threshold), message=own_words(finding.subject, finding.params, "en").title,
        params=dict(finding.params), decided_on=night.day, decided_at=night.now, batch=0,
    )


def _memories() -> dict[Matter, Memory]:
    return {
        (row.subject, row.subject_id, row.rule): Memory(
            row.acts, row.level, marks_of(row.marks), row.counted_on,
        )
        for row in db.session.scalars(select(IncubatorMemory))
    }


def _open_alerts() -> dict[Matter, list[Standing]]:
    found: dict[Matter, list[Standing]] = defaultdict(list)
    rows: Sequence[Any] = db.session.execute(
        select(Alert, exists().where(AlertTold.alert_id == Alert.id))
        .where(Alert.subject.is_not(None), Alert.closed_on.is_(None))
    ).all()
    for alert, told in rows:
        found[alert.subject, alert.subject_id, alert.rule].append(
            Standing(alert.id, alert.threshold, alert.episode, told)
        )
    return found
