"""A small model of bookings, minute by minute, that imports nothing of the product.

Slow and plain on purpose: each minute that is promised or used is paid one at a time by the best grant of that moment.
Grants, consultants and bookings go by short names; instants are datetimes.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

OPEN = ("booked", "logged", "disputed", "confirmed")
"""States in which a booking takes its consultant's time."""


@dataclass
class Grant:
    """Some minutes from an instant to another one."""

    minutes: int
    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class Session:
    """A booking as the model has it. `held` are minutes that wait, `kept` what the hold was confirmed with at most;
    of what was used, `paid` come from the hold, `more` from whatever is free, `own` from nobody."""

    consultant: str
    at: datetime
    length: int
    state: str = "booked"
    held: int = 0
    kept: int = 0
    paid: int = 0
    more: int = 0
    own: int = 0
    logged: int = 0
    logged_at: datetime | None = None

    @property
    def used(self) -> int:
        """All minutes used, whoever pays."""
        return self.paid + self.more + self.own

    @property
    def ends(self) -> datetime:
        """When it ends as booked."""
        return self.at + timedelta(minutes=self.length)


@dataclass(frozen=True)
class Paid:
    """Who pays what: minutes by grant, those no grant pays, and whether every hold is whole."""

    by_grant: dict[str, int]
    uncovered: int
    whole: bool


@dataclass
class Model:
    """One startup's grants and bookings, and the policy that all its bookings have."""

    confirm_days: int
    draws_excess: bool
    no_show_percent: int
    late_hours: int
    late_percent: int
    grants: dict[str, Grant] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)

    def paid(self, sessions: dict[str, Session] | None = None) -> Paid:
        """Who pays what, minute by minute: promises by their instants, then what is used beyond them."""
        found = list((self.sessions if sessions is None else sessions).values())
        taken = dict.fromkeys(self.grants, 0)
        uncovered, whole = 0, True
        for one in sorted(found, key=lambda one: one.at):
            for _ in range(one.held):
                whole &= self._take(taken, one.at)
            for _ in range(one.paid):
                uncovered += not self._take(taken, one.at)
        for one in sorted(found, key=lambda one: one.at):
            for _ in range(one.more):
                uncovered += not self._take(taken, one.at)
            uncovered += one.own
        return Paid(taken, uncovered, whole)

    def _take(self, taken: dict[str, int], at: datetime) -> bool:
        able = [
            name for name, grant in self.grants.items()
            if grant.begins <= at < grant.ends and taken[name] < grant.minutes
        ]
        if not able:
            return False
        best = min(able, key=lambda name: (self.grants[name].ends, self.grants[name].begins, name))
        taken[best] += 1
        return True

    def fits(self, name: str, wanted: Session) -> bool:
        """Whether a booking can be held: whole, with nothing else short and no more uncovered, its consultant free."""
        others = {key: one for key, one in self.sessions.items() if key != name}
        if any(
            one.consultant == wanted.consultant and one.state in OPEN and one.at < wanted.ends and wanted.at < one.ends
            for one in others.values()
        ):
            return False
        after = self.paid({**others, name: wanted})
        return after.whole and after.uncovered <= self.paid().uncovered

    def most(self, name: str, wanted: Session) -> int:
        """The minutes that a booking could have at its instant, whoever is free."""
        minutes = wanted.held
        while minutes and not self.fits(name, replace(wanted, consultant="", held=minutes)):
            minutes -= 1
        return minutes

    def settle(self, name: str, minutes: int, state: str) -> None:
        """A hold ends with some minutes used; what is beyond it is paid as the policy says."""
        one = self.sessions[name]
        kept = min(minutes, one.held)
        rest = minutes - kept
        self.sessions[name] = replace(
            one, state=state, held=0, kept=kept, paid=kept, more=rest if self.draws_excess else 0,
            own=0 if self.draws_excess else rest,
        )

    def log(self, name: str, minutes: int, now: datetime) -> None:
        """A consultant says how long it was."""
        self.sessions[name] = replace(self.sessions[name], state="logged", logged=minutes, logged_at=now)

    def mark(self, name: str, state: str) -> None:
        """Another state, and nothing else."""
        self.sessions[name] = replace(self.sessions[name], state=state)

    def is_settled_by_silence(self, name: str, now: datetime) -> bool:
        """Whether nobody disputed it in time."""
        logged_at = self.sessions[name].logged_at
        return logged_at is not None and now >= logged_at + timedelta(days=self.confirm_days)

    def share(self, name: str, percent: int) -> int:
        """A share of what was booked, up to the next whole minute."""
        return -(-self.sessions[name].length * percent // 100)

    def corrected(self, name: str, minutes: int) -> Session:
        """The booking after it is said that so many minutes were used in all.

        What was booked is never its startup's own bill, also where the hold was confirmed with less.
        """
        one = self.sessions[name]
        paid = min(minutes, one.kept)
        within = max(min(minutes, one.length) - paid, 0)
        rest = minutes - paid - within
        return replace(
            one, paid=paid, more=within + (rest if self.draws_excess else 0), own=0 if self.draws_excess else rest,
        )

    def is_whole(self, sessions: dict[str, Session]) -> bool:
        """Whether every hold could be kept if these were the bookings."""
        return self.paid(sessions).whole
