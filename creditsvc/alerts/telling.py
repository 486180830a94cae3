"""Who is told tonight: one digest per person and business day, of all that is open and not yet told (A4, A5)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, update

from creditsvc.alerts import corrections, texts
from creditsvc.alerts.choices import DIGEST
from creditsvc.alerts.corrections import Correction, TakenBack
from creditsvc.alerts.finding import About, Finding, Matter
from creditsvc.alerts.findings import Thresholds, find, is_for_member, is_for_staff, severity, urgency
from creditsvc.alerts.incubator import find_own
from creditsvc.alerts.incubator_finding import IncubatorFinding
from creditsvc.alerts.incubator_finding import Matter as OwnMatter
from creditsvc.alerts.incubator_telling import OwnOpen, own_open, own_section, own_snoozed
from creditsvc.alerts.models import Alert, AlertPreference, AlertRhythm, AlertSnooze, AlertTold, Digest
from creditsvc.alerts.next_pages import Place, next_page
from creditsvc.alerts.night import ACCOUNTS_AT_ONCE, Night
from creditsvc.columns import bulk_insert
from creditsvc.core.due_alerts import rhythm_begins
from creditsvc.core.forecast import Forecast
from creditsvc.db import db
from creditsvc.mail import outbox, render
from creditsvc.parties.models import ManagerProgramme, Membership, Person, Startup
from creditsvc.sets import among, chunks, insert_absent


@dataclass(frozen=True)
class Links:
    """How the signed addresses in a mail are made.

    `answers`: from (alert id, person id) those that acknowledge and snooze it; `unsubscribe`: from (kind of mail,
    person id) that which ends such mails.
    """

    answers: Callable[[int, int], tuple[str, str]]
    unsubscribe: Callable[[str, int], str]


@dataclass(frozen=True)
class Open(About):
    """An alert that still stands, as the choice of whom to tell needs it. `id` 0 stands for one not kept yet."""

    id: int
    key: str


@dataclass(frozen=True)
class Recipient:
    """A person to be told. `language` is None where the startup's decides."""

    id: int
    email: str
    name: str
    language: str | None
    is_staff: bool


@dataclass(frozen=True)
class Letter:
    """What one person is told tonight, the worst first; of the incubator's own (`own`); what was taken back.

    `is_mandatory` where a programme sends all of it in any case.
    """

    person: Recipient
    alerts: tuple[Open, ...]
    own: tuple[OwnOpen, ...] = ()
    is_mandatory: bool = False
    corrections: tuple[Correction, ...] = ()

    @property
    def startup_ids(self) -> list[int]:
        """The startups that it speaks of, the most pressing first."""
        return [one.startup_id for one in self.matters]

    @property
    def matters(self) -> list[Open | Correction]:
        """What it tells of startups, the most pressing first."""
        return _all(self.alerts, self.corrections)


@dataclass(frozen=True)
class Written:
    """A person's digest, written, and the ids of the alerts that it tells; of the alerts corrected."""

    draft: outbox.Draft
    alert_ids: tuple[int, ...]
    corrected_ids: tuple[int, ...] = ()


def opened(alert: Alert) -> Open:
    """The alert, kept or not yet, as a value."""
    assert alert.startup_id is not None
    assert alert.account_id is not None
    return Open(
        alert.startup_id, alert.account_id, alert.rule, alert.holding, alert.threshold, alert.id or 0, alert.key
    )


_OPEN: tuple[Any, ...] = (
    Alert.startup_id, Alert.account_id, Alert.rule, Alert.holding, Alert.threshold, Alert.id, Alert.key
)
_RECIPIENT = (Person.id, Person.email, Person.name, Person.language, Person.role)


def letters(
    night: Night, more: Sequence[Alert] = (), but_not: Sequence[int] = (), taken_back: Sequence[TakenBack] = (),
    more_own: Sequence[Alert] = (),
) -> list[Letter]:
    """Who is to be told of what in a night, in a fixed number of queries.

    `more` and `more_own` (of the incubator's own) are alerts not kept yet, `but_not` ids of those that would be closed
    and `taken_back` those that would be taken back, for asking what tonight would say. Whoever has a digest of this day
    and edition already is told the rest with the next.
    """
    left_out = set(but_not)
    alerts = [opened(alert) for alert in more]
    kept = db.session.execute(select(*_OPEN).where(Alert.closed_on.is_(None), Alert.startup_id.is_not(None)))
    alerts += [Open(*row) for row in kept if row.id not in left_out]
    own = own_open(more_own, but_not)
    wrong = corrections.corrections_due(taken_back)
    if not alerts and not own and not wrong:
        return []
    startups = {one.startup_id for one in _all(alerts, wrong)}
    thresholds = Thresholds(night.settings, list(startups))
    told = _told()
    served = set(db.session.scalars(
        select(Digest.person_id).where(Digest.day == night.day, Digest.edition == night.edition)
    ))
    unwanted = set(db.session.execute(select(AlertPreference.person_id, AlertPreference.rule)))
    resting = _resting(night)
    snoozed = _snoozed(night.day)
    audience = _Audience(thresholds, startups)
    chosen: dict[Recipient, list[Open]] = defaultdict(list)
    corrected: dict[Recipient, list[Correction]] = defaultdict(list)

    def hears(person: Recipient, one: Open | Correction) -> bool:
        if person.id in served or (person.id, *one.matter) in snoozed:
            return False
        is_left = person.id in resting or (person.id, one.rule) in unwanted
        return not is_left or thresholds.is_mandatory(one.startup_id, one.rule)

    for alert in alerts:
        for person in audience.of(alert):
            if hears(person, alert) and not (alert.id and (alert.id, person.id) in told):
                chosen[person].append(alert)
    for one in wrong:
        for person in audience.of(one):
            if person.id == one.person_id and hears(person, one):
                corrected[person].append(one)
    unheard = told | own_snoozed(night.day) | unwanted
    of_own: dict[Recipient, tuple[OwnOpen, ...]] = {}
    for person in audience.of_own if own else ():
        if person.id not in served | resting and (untold := tuple(
            one for one in own
            if unheard.isdisjoint({(one.id, person.id), (person.id, *one.matter), (person.id, one.rule)})
        )):
            of_own[person] = untold

    def letter(person: Recipient) -> Letter:
        mine = sorted(chosen[person], key=lambda alert: (urgency(alert.rule, alert.threshold), alert.key))
        right = tuple(corrected.get(person, ()))
        is_mandatory = person not in of_own and all(
            thresholds.is_mandatory(one.startup_id, one.rule) for one in _all(mine, right)
        )
        return Letter(person, tuple(mine), of_own.get(person, ()), is_mandatory, right)

    return [letter(person) for person in sorted({*chosen, *of_own, *corrected}, key=lambda person: person.id)]


def _all(alerts: Sequence[Open], wrong: Sequence[Correction]) -> list[Open | Correction]:
    return [*alerts, *wrong]


class _Audience:
    """The people of startups, and the managers of their programmes; `of_own` are those who look after all of them."""

    def __init__(self, thresholds: Thresholds, startup_ids: Iterable[int]) -> None:
        self._thresholds = thresholds
        self._members: dict[int, list[tuple[Recipient, str]]] = defaultdict(list)
        for ids in chunks(startup_ids):
            rows = db.session.execute(
                select(Membership.startup_id, Membership.role.label("membership"), *_RECIPIENT)
                .join(Person, Person.id == Membership.person_id)
                .where(Person.active, among(Membership.startup_id, ids))
            )
            for row in rows:
                self._members[row.startup_id].append((_recipient(row), row.membership))
        limits: dict[int, set[int]] = defaultdict(set)
        for person_id, programme_id in db.session.execute(
            select(ManagerProgramme.person_id, ManagerProgramme.programme_id)
        ):
            limits[person_id].add(programme_id)
        staff = db.session.execute(
            select(Person.limited_to_programmes, *_RECIPIENT)
            .where(Person.active, Person.role.in_(("manager", "administrator")))
        ).all()
        self._managers = [
            (_recipient(row), limits[row.id] if row.limited_to_programmes else None)
            for row in staff if row.role == "manager"
        ]
        self.of_own = [_recipient(row) for row in staff if not row.limited_to_programmes]

    def of(self, alert: Open | Correction) -> set[Recipient]:
        """Those who must know of it."""
        people = {person for person, role in self._members[alert.startup_id] if is_for_member(alert.rule, role)}
        if is_for_staff(alert.rule, alert.threshold):
            programmes = self._thresholds.programmes_of(alert.startup_id)
            people |= {
                person for person, limit in self._managers if limit is None or not limit.isdisjoint(programmes)
            }
        return people


def _recipient(row: Any) -> Recipient:
    return Recipient(row.id, row.email, row.name, row.language, row.role is not None)


def _told() -> set[tuple[int, int]]:
    return set(
        db.session.execute(
            select(AlertTold.alert_id, AlertTold.person_id)
            .join(Alert, Alert.id == AlertTold.alert_id)
            .where(Alert.closed_on.is_(None))
        )
    )


def _resting(night: Night) -> set[int]:
    """Who wants no digest, or one a week or a month at most and has had that of this week or month before that night.
    """
    is_before = or_(Digest.day < night.day, and_(Digest.day == night.day, Digest.edition < night.edition))
    rows = db.session.execute(
        select(AlertRhythm.person_id, AlertRhythm.rhythm, func.coalesce(func.max(Digest.day), date.min))
        .outerjoin(Digest, (Digest.person_id == AlertRhythm.person_id) & is_before)
        .group_by(AlertRhythm.person_id, AlertRhythm.rhythm)
    )
    return {person_id for person_id, rhythm, last in rows if last >= rhythm_begins(rhythm, night.day)}


def _snoozed(day: date) -> set[tuple[int, int, str, str]]:
    return set(
        db.session.execute(
            select(AlertSnooze.person_id, AlertSnooze.account_id, AlertSnooze.rule, AlertSnooze.holding).where(
                AlertSnooze.until > day
            )
        )
    )


@dataclass(frozen=True)
class Facts:
    """The figures of tonight behind what is told: findings that still stand, forecasts by account, names; findings of
    the incubator's own."""

    findings: Mapping[Matter, Finding]
    outlooks: Mapping[int, Forecast]
    startups: Mapping[int, tuple[str, str, str]]
    own: Mapping[OwnMatter, IncubatorFinding]


def facts_for(night: Night, told: Sequence[Letter]) -> Facts:
    """Reads anew what the letters speak of, accounts in sets, so that a mail never quotes an older night."""
    asked = {one.matter for letter in told for one in letter.matters}
    accounts = sorted({account_id for account_id, _, _ in asked})
    findings: dict[Matter, Finding] = {}
    outlooks: dict[int, Forecast] = {}
    for part in chunks(accounts, ACCOUNTS_AT_ONCE):
        found = find(part, night.now, night.last_night, ranged=True)
        findings.update({one.matter: one for one in found.findings if one.matter in asked})
        outlooks.update({key: one.forecast for key, one in found.ahead.items() if one.forecast is not None})
    startups: dict[int, tuple[str, str, str]] = {}
    for ids in chunks({startup_id for letter in told for startup_id in letter.startup_ids}):
        rows = select(Startup.id, Startup.key, Startup.name, Startup.language).where(among(Startup.id, ids))
        startups.update({row[0]: (row[1], row[2], row[3]) for row in db.session.execute(rows)})
    own = {one.matter: one for one in find_own(night.now)} if any(letter.own for letter in told) else {}
    return Facts(findings, outlooks, startups, own)


def written(letter: Letter, facts: Facts, day: date, base_url: str, links: Links | None = None) -> Written | None:
    """The mail of one person with the alerts it tells; None when nothing of it stands any more."""
    standing = [alert for alert in letter.alerts if alert.matter in facts.findings]
    own = [one for one in letter.own if one.matter in facts.own]
    told = _all(standing, letter.corrections)
    if not told and not own:
        return None
    language = letter.person.language or (facts.startups[told[0].startup_id][2] if told else "en")
    sections: dict[int, render.DigestSection] = {}
    for startup_id, items in _by_startup(told):
        key, name, _language = facts.startups[startup_id]
        sections[startup_id] = {
            "startup_name": name,
            "startup_url": f"{base_url}/startups/{key}",
            "items": [
                _item(one, letter.person, facts, base_url, language, links) if isinstance(one, Open)
                else _correction(one, facts, language)
                for one in items
            ],
        }
    answers = None if links is None else lambda alert_id: links.answers(alert_id, letter.person.id)
    end = None if links is None or letter.is_mandatory else links.unsubscribe(DIGEST, letter.person.id)
    values: render.Digest = {
        "person_name": letter.person.name, "business_day": day, "base_url": base_url, "unsubscribe_url": end,
        "sections": [*sections.values(), *own_section(own, facts.own, base_url, language, answers)],
    }
    content = render.render_digest(values, language)
    draft = outbox.Draft("digest", letter.person.email, content, letter.person.id, unsubscribe_url=end)
    return Written(
        draft, (*(alert.id for alert in standing), *(one.id for one in own)),
        tuple(one.alert_id for one in letter.corrections),
    )


def _by_startup(alerts: Sequence[Open | Correction]) -> Iterator[tuple[int, list[Open | Correction]]]:
    grouped: dict[int, list[Open | Correction]] = defaultdict(list)
    for alert in alerts:
        grouped[alert.startup_id].append(alert)
    yield from grouped.items()


def _item(
    alert: Open, person: Recipient, facts: Facts, base_url: str, language: str, links: Links | None
) -> render.DigestItem:
    finding = facts.findings[alert.matter]
    outlook = facts.outlooks.get(alert.account_id)
    words = texts.words(alert.rule, finding.params, outlook, language, for_staff=person.is_staff)
    place = Place(base_url, facts.startups[alert.startup_id][0], finding.account.resource)
    url, name = next_page(alert.rule, finding.params, place, language, for_staff=person.is_staff)
    item: render.DigestItem = {
        "severity": severity(alert.rule, alert.threshold), "title": words.title, "detail": words.detail,
        "action": words.action, "at_risk": words.at_risk,
        "balance": texts.remaining(finding.params, finding.account.remaining, language),
        "burn_rate": None if outlook is None else texts.burn_rate(finding.params, outlook, language),
        "next_url": url, "next_name": name,
    }
    if links is not None:
        item["ack_url"], item["snooze_url"] = links.answers(alert.id, person.id)
    return item


def _correction(one: Correction, facts: Facts, language: str) -> render.DigestItem:
    finding = facts.findings.get(one.matter)
    words = corrections.correction_words(one, finding, language)
    return {"severity": "notice", "title": words.title, "detail": words.detail, "action": words.action}


def tell(night: Night, told: Sequence[Written], mail_from: str, now: datetime) -> int:
    """Queues digests with what each tells, in the caller's one transaction, in a fixed number of statements.

    Whoever had one of this day and edition already gets none; how many were queued. Raises RuleBroken as
    `outbox.check` does, with nothing kept.
    """
    added = insert_absent(Digest, [
        {"person_id": one.draft.person_id, "day": night.day, "edition": night.edition} for one in told
    ])
    digests: dict[int | None, int] = {
        person_id: digest_id
        for part in chunks([digest_id for (digest_id,) in added])
        for digest_id, person_id in db.session.execute(
            select(Digest.id, Digest.person_id).where(among(Digest.id, part)))
    }
    queued = [one for one in told if one.draft.person_id in digests]
    if not queued:
        return 0
    mails = zip(queued, outbox.queue_all([one.draft for one in queued], mail_from, now), strict=True)
    db.session.execute(
        update(Digest), [{"id": digests[one.draft.person_id], "outbox_id": mail_id} for one, mail_id in mails]
    )
    bulk_insert(
        AlertTold, ("alert_id", "person_id", "digest_id"),
        [(alert_id, one.draft.person_id, digests[one.draft.person_id]) for one in queued for alert_id in one.alert_ids],
    )
    corrections.keep_corrected(
        (alert_id, one.draft.person_id, digests[one.draft.person_id])
        for one in queued if one.draft.person_id is not None for alert_id in one.corrected_ids
    )
    return len(queued)
