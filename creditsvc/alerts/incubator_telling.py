"""Who is told of what is the incubator's own, and how it stands in their digest (A5)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from creditsvc.alerts.findings import severity, urgency
from creditsvc.alerts.incubator import own_page, own_words
from creditsvc.alerts.incubator_finding import IncubatorFinding, Matter
from creditsvc.alerts.models import Alert, IncubatorSnooze
from creditsvc.alerts.own_tenant import PRODUCT
from creditsvc.alerts.pools import POOL
from creditsvc.db import db
from creditsvc.mail import render


@dataclass(frozen=True)
class OwnOpen:
    """An alert of the incubator's own that still stands. `id` 0 stands for one not kept yet."""

    id: int
    key: str
    subject: str
    subject_id: int
    rule: str
    threshold: int

    @property
    def matter(self) -> Matter:
        """What it is about, whatever its threshold."""
        return (self.subject, self.subject_id, self.rule)


_OWN: tuple[Any, ...] = (Alert.id, Alert.key, Alert.subject, Alert.subject_id, Alert.rule, Alert.threshold)


def own_open(more: Sequence[Alert], but_not: Iterable[int]) -> list[OwnOpen]:
    """The alerts that stand, the worst first; `more` are such as are not kept yet, `but_not` ids of those to close."""
    left_out = set(but_not)
    found = [
        OwnOpen(*row) for row in db.session.execute(
            select(*_OWN).where(Alert.subject.is_not(None), Alert.closed_on.is_(None))
        ) if row.id not in left_out
    ]
    for alert in more:
        assert alert.subject is not None
        assert alert.subject_id is not None
        found.append(OwnOpen(0, alert.key, alert.subject, alert.subject_id, alert.rule, alert.threshold))
    return sorted(found, key=lambda one: (urgency(one.rule, one.threshold), one.key))


def own_snoozed(day: date) -> set[tuple[int, str, int, str]]:
    """(person, subject, its id, rule) of what somebody wants to hear nothing of on a day."""
    return set(db.session.execute(
        select(IncubatorSnooze.person_id, IncubatorSnooze.subject, IncubatorSnooze.subject_id, IncubatorSnooze.rule)
        .where(IncubatorSnooze.until > day)
    ))


def own_section(
    told: Sequence[OwnOpen], findings: Mapping[Matter, IncubatorFinding], base_url: str, language: str,
    answers: Callable[[int], tuple[str, str]] | None,
) -> list[render.DigestSection]:
    """The parts of a digest, with tonight's figures; `answers` makes the signed addresses from an alert's id."""
    _ = render.gettext_for(language)
    heads = {POOL: (_("Pools"), "/pools"), PRODUCT: (_("The incubator's own tenant"), "/publishers-counts")}
    parts: list[render.DigestSection] = []
    for subject, (name, path) in heads.items():
        if mine := [one for one in told if one.subject == subject]:
            parts.append({
                "startup_name": name, "startup_url": base_url + path, "is_of_no_startup": True,
                "items": [_item(one, findings[one.matter], base_url, language, answers) for one in mine],
            })
    return parts


def _item(
    one: OwnOpen, finding: IncubatorFinding, base_url: str, language: str,
    answers: Callable[[int], tuple[str, str]] | None,
) -> render.DigestItem:
    words = own_words(one.subject, finding.params, language)
    url, name = own_page(one.subject, finding.key, base_url, language)
    item: render.DigestItem = {
        "severity": severity(one.rule, one.threshold), "title": words.title, "detail": words.detail,
        "action": words.action, "at_risk": words.at_risk, "next_url": url, "next_name": name,
    }
    if answers is not None:
        item["ack_url"], item["snooze_url"] = answers(one.id)
    return item
