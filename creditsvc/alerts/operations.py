"""What people do with alerts: acknowledge, snooze, choose what is mailed; and what programmes ask for (A1, A5)."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, TypeVar

from sqlalchemy import select

from creditsvc.alerts.incubator import sees_own
from creditsvc.alerts.models import (
    Alert,
    AlertPreference,
    AlertSetting,
    AlertSnooze,
    AlertTold,
    IncubatorSnooze,
)
from creditsvc.core.due_alerts import ALL_RULES, RULES, Rule, Setting, business_day
from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require, require_person
from creditsvc.programmes.models import Programme

SNOOZE_DAYS = 7
MAX_SNOOZE_DAYS = 90

_Kept = TypeVar("_Kept", AlertSnooze, IncubatorSnooze)


def acknowledge(caller: Caller, alert_id: int) -> AlertTold:
    """Notes that the caller has seen an alert they were told of; a repeat is a no-op. Raises NotFound("alert")."""
    told = _told(caller, alert_id)
    if told.acknowledged_at is None:
        told.acknowledged_at = caller.now
        trail.record(caller, "alert.acknowledge", f"alert:{_key(alert_id)}")
        db.session.flush()
    return told


def snooze(caller: Caller, alert_id: int, days: int = SNOOZE_DAYS) -> date:
    """Mails the caller nothing about this matter for some days; what comes up meanwhile is told afterwards.

    Returns the first day with mail again. A longer snooze stands. Raises NotFound("alert") and
    RuleBroken("days", "out-of-range") outside 1 to 90.
    """
    _refuse_out_of_range(days)
    _told(caller, alert_id)
    alert = db.session.get_one(Alert, alert_id)
    if alert.account_id is None:
        matter = {
            "person_id": caller.person_id, "subject": alert.subject, "subject_id": alert.subject_id, "rule": alert.rule,
        }
        return _snooze(caller, IncubatorSnooze, matter, days, f"alert:{alert.key}", {})
    return snooze_matter(caller, alert.account_id, alert.rule, alert.holding, days, f"alert:{alert.key}")


def snooze_matter(caller: Caller, account_id: int, rule: str, holding: str, days: int, subject: str) -> date:
    """Snoozes a matter for the caller, who was allowed to; `subject` is what the trail names.

    Returns the first day with mail again; a longer snooze stands. Raises RuleBroken("days", "out-of-range") outside
    1 to 90, Forbidden for who is no person.
    """
    person_id = require_person(caller, "alerts.snooze")
    _refuse_out_of_range(days)
    matter = {"person_id": person_id, "account_id": account_id, "rule": rule, "holding": holding}
    named = {} if subject.startswith("alert:") else {"rule": rule, "holding": holding}
    return _snooze(caller, AlertSnooze, matter, days, subject, named)


def _snooze(
    caller: Caller, kept: type[_Kept], matter: Mapping[str, Any], days: int, subject: str, named: Mapping[str, str]
) -> date:
    """Keeps that a person hears nothing of a matter (the key of its row); `named` is what the trail says of it beside
    its subject."""
    until = business_day(caller.now) + timedelta(days=days)
    row = db.session.get(kept, matter, with_for_update=True)
    if row is None:
        row = kept(**matter, until=until)
        db.session.add(row)
    row.until = max(row.until, until)
    trail.record(caller, "alert.snooze", subject, after={"until": row.until.isoformat(), **named})
    db.session.flush()
    return row.until


def _refuse_out_of_range(days: int) -> None:
    if not 1 <= days <= MAX_SNOOZE_DAYS:
        raise RuleBroken(
            "days", "out-of-range", "%(value)s is out of range: 1 to %(most)s days is right",
            value=days, most=MAX_SNOOZE_DAYS,
        )


def set_preference(caller: Caller, rule: str, *, wanted: bool) -> None:
    """Whether the caller is mailed about a rule; what a programme makes mandatory comes all the same.

    Raises RuleBroken("rule", "unknown-rule"), and Forbidden for who is no person.
    """
    _rule_named(rule, ALL_RULES)
    person_id = require_person(caller, "alert.prefer")
    row = db.session.get(AlertPreference, (person_id, rule))
    if wanted == (row is None):
        return
    if row is None:
        db.session.add(AlertPreference(person_id=person_id, rule=rule))
    else:
        db.session.delete(row)
    trail.record(caller, "alert.prefer", f"person:{person_id}", after={"rule": rule, "wanted": wanted})
    db.session.flush()


def set_setting(
    caller: Caller,
    *,
    programme: str,
    rule: str,
    enabled: bool = True,
    thresholds: Sequence[int] = (),
    mandatory: bool = False,
) -> AlertSetting:
    """What a programme asks of a rule: on or off, its own thresholds (none: the usual), nobody may turn it off (A1).

    Thresholds are in the rule's measure, up to its `most`; what only begins has none. Raises
    NotFound("programme"), Forbidden, RuleBroken("rule", "unknown-rule") and RuleBroken("thresholds", "out-of-range").
    """
    require(caller, "programme.edit")
    found = db.session.scalar(select(Programme).where(Programme.key == programme))
    if found is None or (caller.programme_ids is not None and found.id not in caller.programme_ids):
        raise NotFound("programme", programme)
    kept = _checked(_rule_named(rule), thresholds)
    row = db.session.get(AlertSetting, (found.id, rule), with_for_update=True)
    before = None if row is None else _values(row)
    if row is None:
        row = AlertSetting(programme_id=found.id, rule=rule)
        db.session.add(row)
    row.enabled, row.thresholds, row.mandatory = enabled, kept, mandatory
    db.session.flush()
    if _values(row) != before:
        trail.record(caller, "alert.setting", f"programme:{programme}", before=before, after=_values(row))
    return row


def settings_of(programme: str) -> dict[str, Setting]:
    """What a programme asks of each rule; of one of which it says nothing, what is usual."""
    rows = db.session.scalars(
        select(AlertSetting).join(Programme, Programme.id == AlertSetting.programme_id)
        .where(Programme.key == programme)
    )
    said = {row.rule: Setting(row.enabled, tuple(row.thresholds), row.mandatory) for row in rows}
    return {name: said.get(name, Setting()) for name in RULES}


def _checked(rule: Rule, thresholds: Sequence[int]) -> list[int]:
    for threshold in thresholds:
        if rule.beginning:
            raise RuleBroken(
                "thresholds", "out-of-range",
                "%(value)s is no threshold of %(rule)s: it takes none", value=threshold, rule=rule.name,
            )
        if not 1 <= threshold <= rule.most:
            raise RuleBroken(
                "thresholds", "out-of-range",
                "%(value)s is no threshold of %(rule)s: a whole number from 1 to %(most)s is right",
                value=threshold, rule=rule.name, most=rule.most,
            )
    return sorted(set(thresholds))


def _values(row: AlertSetting) -> dict[str, object]:
    return {"rule": row.rule, "enabled": row.enabled, "thresholds": row.thresholds, "mandatory": row.mandatory}


def _rule_named(name: str, rules: Mapping[str, Rule] = RULES) -> Rule:
    if name not in rules:
        raise RuleBroken(
            "rule", "unknown-rule", "%(value)r is no rule: %(right)s are", value=name, right=", ".join(rules)
        )
    return rules[name]


def _told(caller: Caller, alert_id: int) -> AlertTold:
    """The telling of that alert to the caller; what they were not told of, or may not see any more, is as if it did not
    exist."""
    told = None
    if caller.person_id is not None:
        told = db.session.get(AlertTold, (alert_id, caller.person_id), with_for_update=True)
    if told is None or (db.session.get_one(Alert, alert_id).subject is not None and not sees_own(caller)):
        raise NotFound("alert", str(alert_id))
    return told


def _key(alert_id: int) -> str:
    return db.session.get_one(Alert, alert_id).key
