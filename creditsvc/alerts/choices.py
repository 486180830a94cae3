"""What a person is mailed about, and how often at most: their choice, within what programmes make mandatory (A5)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import select

from creditsvc.alerts.findings import is_for_member
from creditsvc.alerts.incubator import sees_own
from creditsvc.alerts.models import AlertPreference, AlertRhythm, AlertSetting
from creditsvc.alerts.operations import set_preference
from creditsvc.alerts.periodic import RHYTHM_OF, end_subscription
from creditsvc.core.due_alerts import INCUBATOR_RULES, NEVER, RHYTHMS, RULES
from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require_person
from creditsvc.parties.models import StartupProgramme
from creditsvc.parties.reading import person_by_id

NIGHTLY = RHYTHMS[0]
DIGEST = "digest"
"""The mails that a rhythm is about."""


@dataclass(frozen=True)
class Choice:
    """One rule: whether the person wants mail about it, and whether a programme sends it in any case."""

    rule: str
    is_wanted: bool
    is_mandatory: bool


def choices_of(caller: Caller) -> list[Choice]:
    """The rules that may concern the caller, the most pressing first. Raises Forbidden for who is no person."""
    person_id = require_person(caller, "alert.prefer")
    unwanted = set(
        db.session.scalars(select(AlertPreference.rule).where(AlertPreference.person_id == person_id))
    )
    mandatory = _mandatory(caller)
    roles = set(caller.memberships.values())
    return [
        Choice(rule, rule not in unwanted, rule in mandatory)
        for rule in RULES
        if caller.role is not None or any(is_for_member(rule, role) for role in roles)
    ] + [Choice(rule, rule not in unwanted, is_mandatory=False) for rule in INCUBATOR_RULES if sees_own(caller)]


def rhythm_of(caller: Caller) -> str:
    """How often the caller gets at most a digest. Raises Forbidden for who is no person."""
    person_id = require_person(caller, "alert.prefer")
    return db.session.scalar(select(AlertRhythm.rhythm).where(AlertRhythm.person_id == person_id)) or NIGHTLY


def choose(
    caller: Caller, *, wanted: Collection[str], rhythm: str, check: Callable[[], None] | None = None
) -> None:
    """Keeps about which rules the caller wants mail, of those that may concern them, and how often at most; `check` may
    refuse what stands, once the caller's choices are locked.

    What a programme makes mandatory comes all the same, and is kept as wanted. Raises Forbidden for who is no person,
    RuleBroken("rhythm", "unknown-rhythm").
    """
    person_id = require_person(caller, "alert.prefer")
    if rhythm not in RHYTHMS:
        raise RuleBroken("rhythm", "unknown-rhythm", "%(value)r is not how often: %(right)s are", value=rhythm,
                         right=", ".join(RHYTHMS))
    person_by_id(person_id, locked=True)
    if check is not None:
        check()
    for choice in choices_of(caller):
        set_preference(caller, choice.rule, wanted=choice.is_mandatory or choice.rule in wanted)
    _keep_rhythm(caller, person_id, rhythm)


def unsubscribe(caller: Caller, mails: str) -> None:
    """Ends one kind of mails to the caller, by the link in one of them; a repeat is a no-op.

    Raises NotFound("link") for mails that cannot be ended, Forbidden for who is no person.
    """
    if mails in RHYTHM_OF:
        end_subscription(caller, mails)
        return
    if mails != DIGEST:
        raise NotFound("link")
    _keep_rhythm(caller, require_person(caller, "alert.prefer"), NEVER)


def _keep_rhythm(caller: Caller, person_id: int, rhythm: str) -> None:
    row = db.session.get(AlertRhythm, person_id, with_for_update=True)
    before = NIGHTLY if row is None else row.rhythm
    if before == rhythm:
        return
    if row is None:
        db.session.add(AlertRhythm(person_id=person_id, rhythm=rhythm))
    elif rhythm == NIGHTLY:
        db.session.delete(row)
    else:
        row.rhythm = rhythm
    trail.record(
        caller, "alert.rhythm", f"person:{person_id}", before={"rhythm": before}, after={"rhythm": rhythm}
    )
    db.session.flush()


def _mandatory(caller: Caller) -> set[str]:
    """The rules that a programme of the caller's startups, or one that they look after, sends in any case."""
    statement = select(AlertSetting.rule).where(AlertSetting.mandatory)
    if caller.role is None:
        mine = select(StartupProgramme.programme_id).where(
            StartupProgramme.startup_id.in_(list(caller.memberships))
        )
        statement = statement.where(AlertSetting.programme_id.in_(mine))
    elif caller.programme_ids is not None:
        statement = statement.where(AlertSetting.programme_id.in_(caller.programme_ids))
    return set(db.session.scalars(statement))
