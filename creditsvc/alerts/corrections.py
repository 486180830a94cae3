"""Alerts that a restatement took back, and the correction that those get who had been told (A8).

A restatement moves what had been used by the night that decided an alert. Where its threshold had then not been
reached, by what is known now, the alert was not right. What a person does (a top-up, an extension, a void, a grant
dated back) makes no alert wrong: the measure is what was granted when it was decided.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import and_, case, func, or_, select, update

from creditsvc.alerts.finding import About, Finding
from creditsvc.alerts.holding_texts import percent
from creditsvc.alerts.models import Alert, AlertTold, Digest
from creditsvc.alerts.words import Words
from creditsvc.core.alert_readings import restated_permille
from creditsvc.core.due_alerts import UNCOVERED, USED
from creditsvc.db import db
from creditsvc.ledger.models import Batch, Posting
from creditsvc.ledger.reading import AccountView
from creditsvc.mail.render import day, gettext_for, money
from creditsvc.sets import among, chunks

CORRECTED = (USED.name, UNCOVERED.name)
"""The rules whose alerts a restatement can take back."""

RESTATING = ("usage", "reverse", "scope", "rate")
"""The causes of batches that move usage of days gone by: newer data, an import taken back, a scope or a rate."""

LONGEST_NIGHT = timedelta(days=1)
"""Of no night that ends did an account's deciding lie further back: what was posted since then is looked at again."""

_USAGE = ("drawn", "uncovered")
_BY_LOT = dict[tuple[str, int | None], int]


@dataclass(frozen=True)
class TakenBack:
    """An alert that was not right. `figure` is what it was instead: of *used* in thousandths of what was granted, of
    *uncovered* in steps."""

    alert_id: int
    startup_id: int
    key: str
    rule: str
    params: Mapping[str, Any]
    decided_on: date
    figure: int

    @property
    def value(self) -> Fraction:
        """What it was instead, in the rule's measure. What is cut off of a percent reaches no threshold."""
        return Fraction(self.figure, 10 if self.rule == USED.name else 1)


@dataclass(frozen=True)
class Correction(About):
    """What a person is to be told of an alert of which they were told on a day and which was taken back since."""

    alert_id: int
    params: Mapping[str, Any]
    figure: int
    person_id: int
    told_on: date


@dataclass
class _Moved:
    """What was used by the night of an alert, by kind and lot: in all as is known now, and of that restated since."""

    alert: Any
    used: _BY_LOT
    restated: _BY_LOT


def taken_back(views: Sequence[AccountView], looked: datetime | None) -> list[TakenBack]:
    """Alerts of the accounts that somebody was told of and that what was restated since takes back, in one statement
    for some thousand accounts. The views tell the lots as they are known now; `looked` is when the night before last
    gave a sign of life, by the clock that batches go by (None: there was none)."""
    lots = {view.id: view.lots for view in views if view.kind == "credit"}
    found = []
    for part in chunks(lots):
        for moved in _moved(part, looked).values():
            alert = moved.alert
            active = {lot.id for lot in lots[alert.account_id] if lot.is_active(alert.decided_at)}
            figure = _figure(moved, active)
            if figure is not None:
                found.append(TakenBack(
                    alert.id, alert.startup_id, alert.key, alert.rule, alert.params, alert.decided_on, figure
                ))
    return found


def _figure(moved: _Moved, active: set[int]) -> int | None:
    """What it was instead; None where the alert stands, or nothing was restated downwards."""
    if sum(moved.restated.values()) >= 0:
        return None
    said = moved.alert.params
    if moved.alert.rule == UNCOVERED.name:
        left = said["uncovered"] + moved.restated.get(("uncovered", None), 0)
        return max(left, 0) if left <= moved.alert.threshold else None
    used = sum(amount for (_, lot_id), amount in moved.used.items() if lot_id in active)
    return restated_permille(moved.alert.threshold, used + said["held"], said["granted"])


def _moved(account_ids: Sequence[int], looked: datetime | None) -> dict[int, _Moved]:
    """Of alerts told and not corrected yet, of accounts of which usage of a day before was restated downwards since."""
    newly = (
        select(Batch.account_id, func.min(Posting.charge_at).label("first"))
        .join(Posting, Posting.batch_id == Batch.id)
        .where(among(Batch.account_id, account_ids), Batch.cause.in_(RESTATING), Posting.kind.in_(_USAGE),
               Posting.amount < 0)
        .group_by(Batch.account_id)
    )
    if looked is not None:
        newly = newly.where(Batch.recorded_at > looked - LONGEST_NIGHT)
    restated = newly.subquery()
    is_since = and_(Batch.cause.in_(RESTATING), Batch.number > Alert.batch)
    by_then = and_(
        Posting.account_id == Alert.account_id, Posting.charge_at <= Alert.decided_at, Posting.kind.in_(_USAGE)
    )
    rows: Sequence[Any] = db.session.execute(
        select(
            Alert.id, Alert.startup_id, Alert.account_id, Alert.key, Alert.rule, Alert.threshold, Alert.params,
            Alert.decided_on, Alert.decided_at, Posting.kind, Posting.lot_id, func.sum(Posting.amount).label("used"),
            func.sum(case((is_since, Posting.amount), else_=0)).label("restated"),
        )
        .join(restated, and_(restated.c.account_id == Alert.account_id, restated.c.first <= Alert.decided_at))
        .join(Posting, by_then).join(Batch, Batch.id == Posting.batch_id)
        .where(Alert.rule.in_(CORRECTED), Alert.taken_back_on.is_(None),
               select(AlertTold.alert_id).where(AlertTold.alert_id == Alert.id).exists())
        .group_by(Alert.id, Posting.kind, Posting.lot_id)
    ).all()
    found: dict[int, _Moved] = {}
    for row in rows:
        one = found.setdefault(row.id, _Moved(row, defaultdict(int), defaultdict(int)))
        one.used[row.kind, row.lot_id] += int(row.used)
        one.restated[row.kind, row.lot_id] += int(row.restated)
    return found


def keep_taken_back(taken: Iterable[TakenBack], on: date) -> None:
    """Keeps with the alerts that they were taken back, within the caller's transaction."""
    values = [{"id": one.alert_id, "taken_back_on": on, "taken_back_to": one.figure} for one in taken]
    if values:
        db.session.execute(update(Alert), values)


def corrections_due(more: Iterable[TakenBack] = ()) -> list[Correction]:
    """Who was told of alerts that were taken back, and has had no correction; `more` are those not kept as such yet."""
    figures = {one.alert_id: one.figure for one in more}
    rows = db.session.execute(
        select(
            Alert.startup_id, Alert.account_id, Alert.rule, Alert.holding, Alert.threshold, Alert.id, Alert.params,
            Alert.taken_back_to, AlertTold.person_id, Digest.day,
        )
        .join(AlertTold, AlertTold.alert_id == Alert.id).join(Digest, Digest.id == AlertTold.digest_id)
        .where(or_(Alert.taken_back_on.is_not(None), Alert.id.in_(figures)), AlertTold.corrected_in.is_(None))
        .order_by(Alert.id)
    )
    return [
        Correction(
            row.startup_id, row.account_id, row.rule, row.holding, row.threshold, row.id, row.params,
            figures.get(row.id, 0) if row.taken_back_to is None else row.taken_back_to, row.person_id, row.day,
        )
        for row in rows
    ]


def keep_corrected(rows: Iterable[tuple[int, int, int]]) -> None:
    """Keeps that (alert, person) were told of the correction in that digest, within the caller's transaction."""
    values = [
        {"alert_id": alert_id, "person_id": person_id, "corrected_in": digest_id}
        for alert_id, person_id, digest_id in rows
    ]
    if values:
        db.session.execute(update(AlertTold), values)


def correction_text(rule: str, params: Mapping[str, Any], figure: int, told_on: date, language: str) -> str:
    """What was said on a day, and what it was as is known now."""
    _ = gettext_for(language)
    if rule == UNCOVERED.name:
        return _(
            "On %(day)s we told you that %(amount)s of usage was not covered. The figures were corrected since: all of "
            "it was covered."
        ) % {"day": day(told_on, language), "amount": money(params["uncovered"], params["unit"], language)}
    return _(
        "On %(day)s we told you that %(said)s %% was used. The figures were corrected since: it was %(percent)s %%."
    ) % {"day": day(told_on, language), "said": percent(params["permille"]), "percent": percent(figure)}


def correction_words(one: Correction, finding: Finding | None, language: str) -> Words:
    """What is said of an alert that was taken back, with where the account stands tonight."""
    _ = gettext_for(language)
    params = one.params
    detail = correction_text(one.rule, params, one.figure, one.told_on, language)
    if finding is not None and one.rule == USED.name:
        detail += " " + _("Now %(percent)s %% is used.") % {"percent": percent(finding.params["permille"])}
    if finding is not None and one.rule == UNCOVERED.name and finding.params["uncovered"] > 0:
        detail += " " + _("Now %(amount)s is not covered.") % {
            "amount": money(finding.params["uncovered"], params["unit"], language),
        }
    return Words(
        _("Corrected: what we told you of %(resource)s") % {"resource": params["resource"]}, detail, None,
        _("Nothing for this: what we told you then no longer holds."),
    )
