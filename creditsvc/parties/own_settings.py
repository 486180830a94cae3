"""What a person sets for themselves: the language and the time zone in which they read."""

from dataclasses import dataclass

from creditsvc.core.days import check_time_zone
from creditsvc.core.errors import Conflict, NotFound
from creditsvc.db import db
from creditsvc.parties import trail
from creditsvc.parties.access import Caller
from creditsvc.parties.models import Person
from creditsvc.parties.operations import check_language
from creditsvc.parties.reading import person_by_id


@dataclass(frozen=True)
class OwnSettings:
    """How a person reads; None where they have chosen nothing."""

    language: str | None
    time_zone: str | None

    @property
    def stamp(self) -> str:
        """What a form carries along, so that it can be told whether it still shows what stands."""
        return f"{self.language or ''}|{self.time_zone or ''}"


def own_settings(caller: Caller) -> OwnSettings:
    """What the caller has set. Raises NotFound("person") for a caller who is no person."""
    return _settings(_self(caller))


def change_own_settings(
    caller: Caller, *, language: str | None, time_zone: str | None, shown: str | None = None
) -> OwnSettings:
    """Sets how the caller reads; None: as if never chosen. `shown` is the stamp of what the form showed.

    Raises NotFound("person"), RuleBroken("language" | "time_zone", ...) and Conflict("", "changed-meanwhile") where
    what stands is not what was shown any more.
    """
    person = _self(caller, locked=True)
    before = _settings(person)
    if shown is not None and shown != before.stamp:
        raise Conflict(
            "", "changed-meanwhile",
            "These settings were changed meanwhile, in another window or on another device. Nothing of yours is saved; "
            "look at what stands now, and save again.",
        )
    after = OwnSettings(
        None if language is None else check_language(language),
        None if time_zone is None else check_time_zone(time_zone),
    )
    if after != before:
        person.language, person.time_zone = after.language, after.time_zone
        db.session.flush()
        trail.record(
            caller, "person.settings", f"person:{person.email}",
            before={"language": before.language, "time_zone": before.time_zone},
            after={"language": after.language, "time_zone": after.time_zone},
        )
    return after


def choose_language(caller: Caller, language: str) -> OwnSettings:
    """Sets the caller's language alone. Raises NotFound("person") and RuleBroken("language", ...)."""
    return change_own_settings(caller, language=language, time_zone=_self(caller, locked=True).time_zone)


def _self(caller: Caller, *, locked: bool = False) -> Person:
    if caller.person_id is None:
        raise NotFound("person", caller.actor)
    return person_by_id(caller.person_id, locked=locked)


def _settings(person: Person) -> OwnSettings:
    return OwnSettings(person.language, person.time_zone)
