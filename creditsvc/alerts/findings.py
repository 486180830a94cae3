"""From balances to readings: where each holding of an account stands in the measure of each rule (A1, A3).

Expiry, hours unbooked and not activated watch a lot, stale a billing scope, all others an account.
"""

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy import func, select

from creditsvc.alerts.finding import Acts, Finding, ended_unseen, expiry_figures
from creditsvc.alerts.models import AlertSetting
from creditsvc.alerts.seat_findings import seat_findings
from creditsvc.alerts.usage_findings import usage_findings
from creditsvc.core.days import day_of, last_day
from creditsvc.core.due_alerts import (
    ALL_RULES,
    EXPIRING_UNUSED,
    EXPIRY,
    HOURS_UNBOOKED,
    IDLE,
    NOT_ACTIVATED,
    POOL_LOW,
    RUNNING_OUT,
    SEATS_MISMATCH,
    SEATS_UNUSED,
    SPIKE,
    STALE,
    UNCOVERED,
    USED,
    Reading,
    Rule,
    Setting,
    days_not_activated,
    days_until,
    thresholds_for,
)
from creditsvc.db import db
from creditsvc.grants.activation import activated_lots
from creditsvc.ledger.facts import owned_by
from creditsvc.ledger.models import LotChange, LotFact, Scope
from creditsvc.ledger.outlook import Ahead, look_ahead
from creditsvc.ledger.reading import AccountView, LotView, balances
from creditsvc.ledger.timeline import owner_at
from creditsvc.mail.render import SEVERITIES
from creditsvc.parties.models import StartupProgramme
from creditsvc.sets import among, chunks

ARMING_ACTS = ("top_up", "extend")
"""The changes of a lot that arm its alerts again at once (A3)."""


@dataclass(frozen=True)
class ScopeState:
    """A billing scope that belongs to an account now, since an instant."""

    account_id: int
    provider: str
    external_id: str
    since: datetime
    newest_charge_day: date | None
    data_at: datetime | None


@dataclass(frozen=True)
class Found:
    """The readings of accounts, and the balances and forecasts from which they come.

    There are some seven readings of an account, of which most say nothing: but for those of seats each is made when it
    is asked for, once.
    """

    findings: Iterator[Finding]
    views: list[AccountView]
    ahead: Mapping[int, Ahead]


def find(
    account_ids: Sequence[int], now: datetime, last_night: datetime | None, *, ranged: bool = False
) -> Found:
    """The readings of all rules for some accounts, in a fixed number of queries; `ranged` as `ledger.outlook` has it.

    `last_night` is when the night before looked: what ended since then, while no night ran, is still found (A4).
    """
    views = balances(now, account_ids=account_ids)
    ahead = look_ahead(views, now, ranged=ranged)
    acts = _acts_of(account_ids)
    activated = activated_lots(account_ids)
    scopes: dict[int, list[ScopeState]] = defaultdict(list)
    for state in _scopes_now(account_ids, now):
        scopes[state.account_id].append(state)
    findings = chain(
        (finding for view in views for finding in (
            *_expiries(view, acts, now, last_night),
            *_unbooked(view, acts, now, last_night),
            *_used(view, acts, now),
            *_not_activated(view, activated, now),
            *_uncovered(view, acts, now),
            *(_stale(view, state, now) for state in scopes[view.id]),
        )),
        usage_findings(views, ahead, acts, now),
        seat_findings(views, acts, now, last_night),
    )
    return Found(findings, views, ahead)


def _expiries(view: AccountView, acts: Acts, now: datetime, last_night: datetime | None) -> list[Finding]:
    """Lots of credit that end with something left in them, and those that did so while no night ran."""
    found = []
    for lot in view.lots if view.kind == "credit" else ():
        if lot.expires is None:
            continue
        over = ended_unseen(lot.expires, now, last_night)
        left = lot.standing.expired if over else lot.standing.remaining
        if left <= 0:
            continue
        found.append(
            Finding(
                view, EXPIRY, lot.key, Reading(days_until(lot.expires, now), acts.of_lot.get(lot.key, 0)),
                partial(expiry_figures, lot.key, left, lot.expires, now, over),
            )
        )
    return found


def _unbooked(view: AccountView, acts: Acts, now: datetime, last_night: datetime | None) -> list[Finding]:
    """Lots of hours that end with some that nobody booked. In the first half of a lot's time that is no news: a month
    of an allowance would be told of on the day on which it begins."""
    found = []
    for lot in view.lots if view.kind == "hours" else ():
        if lot.expires is None:
            continue
        over = ended_unseen(lot.expires, now, last_night)
        left = lot.standing.expired if over else lot.standing.remaining
        if left <= 0 or now - lot.effective < (lot.expires - lot.effective) / 2:
            continue
        found.append(
            Finding(
                view, HOURS_UNBOOKED, lot.key, Reading(days_until(lot.expires, now), acts.of_lot.get(lot.key, 0)),
                partial(_unbooked_figures, view, lot, left, now, over),
            )
        )
    return found


def _unbooked_figures(view: AccountView, lot: LotView, left: int, now: datetime, over: bool) -> dict[str, Any]:
    assert lot.expires is not None
    later = [other for other in view.lots if other.standing.not_yet > 0]
    begins = min((other.effective for other in later), default=None)
    return {
        **expiry_figures(lot.key, left, lot.expires, now, over), "held": lot.standing.held,
        "begins": day_of(begins).isoformat() if begins else None,
        "coming": sum(other.standing.not_yet for other in later if other.effective == begins),
    }


@dataclass(frozen=True)
class Counted:
    """What counts now of an account, in steps of its unit: granted, and of it drawn and held."""

    granted: int
    drawn: int
    held: int


def counted_now(view: AccountView, now: datetime) -> Counted | None:
    """How much of what counts now is drawn: the lots that are active, or last year's would weigh on this year's.

    Of hours what is booked counts with it. None for seats, which are there to be taken, and where nothing counts.
    """
    active = [lot for lot in view.lots if lot.is_active(now)]
    granted = sum(lot.standing.granted for lot in active)
    if granted <= 0 or view.kind == "seats":
        return None
    return Counted(
        granted, sum(lot.standing.drawn for lot in active), sum(lot.standing.held for lot in active)
    )


def _used(view: AccountView, acts: Acts, now: datetime) -> list[Finding]:
    counted = counted_now(view, now)
    if counted is None:
        return []
    granted, drawn, held = counted.granted, counted.drawn, counted.held
    used = drawn + held
    return [
        Finding(
            view, USED, view.resource, Reading(Fraction(used * 100, granted), _account_acts(view, acts, now)),
            lambda: {
                "drawn": drawn, "held": held, "granted": granted, "left": granted - used,
                "permille": used * 1000 // granted,
            },
        )
    ]


def _not_activated(view: AccountView, activated: Container[str], now: datetime) -> list[Finding]:
    """Grants of credit that could be used and that nobody has redeemed, as far as is known.

    What was drawn upon is activated in effect, whatever was entered; what is ended, or void one day, needs it no more.
    """
    found = []
    for lot in view.lots if view.kind == "credit" else ():
        standing = lot.standing
        if standing.remaining <= 0 or standing.drawn or lot.voided_at is not None or lot.key in activated:
            continue
        found.append(
            Finding(
                view, NOT_ACTIVATED, lot.key, Reading(days_not_activated(lot.awarded, lot.effective, now)),
                partial(_not_activated_figures, lot, now),
            )
        )
    return found


def _not_activated_figures(lot: LotView, now: datetime) -> dict[str, Any]:
    since = day_of(max(lot.awarded, lot.effective))
    return {
        "grant": lot.key, "left": lot.standing.remaining, "since": since.isoformat(),
        "days": (day_of(now) - since).days, "last_day": last_day(lot.expires).isoformat() if lot.expires else None,
    }


def _uncovered(view: AccountView, acts: Acts, now: datetime) -> list[Finding]:
    """Usage that no lot paid, ever; that it has begun is told again only when it has grown in a new episode."""
    return [
        Finding(
            view, UNCOVERED, view.resource, Reading(Fraction(view.uncovered), _account_acts(view, acts, now)),
            lambda: {"uncovered": view.uncovered, "left": view.remaining},
        )
    ]


def _stale(view: AccountView, state: ScopeState, now: datetime) -> Finding:
    """Days since the newest charge day, or since the scope was assigned when no data ever came (U10).

    Data that was fresh when it came is as good as a human act: silence after it is a new silence. Data that was
    already old when it came is not, or a feed that always lags would be told every day.
    """
    assigned = state.since.astimezone(UTC).date()
    newest = state.newest_charge_day if (state.newest_charge_day or assigned) >= assigned else None
    reference = newest or assigned
    was_fresh = (
        newest is not None
        and state.data_at is not None
        and (state.data_at.astimezone(UTC).date() - newest).days < min(STALE.defaults)
    )
    days = (now.astimezone(UTC).date() - reference).days
    return Finding(
        view, STALE, f"{state.provider}:{state.external_id}",
        Reading(Fraction(days), reference.toordinal() if was_fresh else 0),
        lambda: {
            "scope": state.external_id, "provider": state.provider, "days": days, "left": view.remaining,
            "newest_day": newest.isoformat() if newest else None, "assigned": assigned.isoformat(),
        },
    )


def _account_acts(view: AccountView, acts: Acts, now: datetime) -> int:
    """Awards that have taken effect and top-ups. An extension alone moves neither what is used nor what is not paid."""
    return sum(lot.effective <= now for lot in view.lots) + acts.top_ups.get(view.id, 0)


def _acts_of(account_ids: Sequence[int]) -> Acts:
    of_lot: dict[str, int] = defaultdict(int)
    top_ups: dict[int, int] = defaultdict(int)
    for part in chunks(account_ids):
        rows = db.session.execute(
            select(LotFact.account_id, LotFact.key, LotChange.kind, func.count())
            .join(LotChange, LotChange.lot_id == LotFact.id)
            .where(among(LotFact.account_id, part), LotChange.kind.in_(ARMING_ACTS))
            .group_by(LotFact.account_id, LotFact.key, LotChange.kind)
        )
        for account_id, lot, kind, count in rows:
            of_lot[lot] += count
            if kind == "top_up":
                top_ups[account_id] += count
    return Acts(of_lot, top_ups)


def _scopes_now(account_ids: Sequence[int], now: datetime) -> list[ScopeState]:
    """The scopes that belong to the accounts at this instant."""
    owned = owned_by(account_ids)
    wanted = set(account_ids)
    mine: dict[int, tuple[int, datetime]] = {}
    for scope_id, ownerships in owned.items():
        owner = owner_at(ownerships, now)
        if owner is not None and owner in wanted:
            since = max(own.starts for own in ownerships if own.starts <= now and own.account_id == owner)
            mine[scope_id] = (owner, since)
    states: list[ScopeState] = []
    for part in chunks(mine):
        rows = db.session.execute(
            select(Scope.id, Scope.provider, Scope.external_id, Scope.newest_charge_day, Scope.data_at)
            .where(among(Scope.id, part))
            .order_by(Scope.id)
        )
        for scope_id, provider, external_id, newest, data_at in rows:
            owner, since = mine[scope_id]
            states.append(ScopeState(owner, provider, external_id, since, newest, data_at))
    return states


ProgrammeSettings = Mapping[tuple[int, str], Setting]
"""What programmes say of rules, by the programme's id and the rule's name."""


def programme_settings() -> ProgrammeSettings:
    """What all programmes say of rules now."""
    return {
        (row.programme_id, row.rule): Setting(row.enabled, tuple(row.thresholds), row.mandatory)
        for row in db.session.scalars(select(AlertSetting))
    }


class Thresholds:
    """Which thresholds hold for whom: a startup in several programmes has all of theirs (A1)."""

    def __init__(self, settings: ProgrammeSettings, startup_ids: Sequence[int]) -> None:
        self._settings = settings
        self._known: dict[tuple[int, str], tuple[int, ...]] = {}
        self._programmes: dict[int, list[int]] = defaultdict(list)
        for part in chunks(set(startup_ids)):
            rows = db.session.execute(
                select(StartupProgramme.startup_id, StartupProgramme.programme_id).where(
                    among(StartupProgramme.startup_id, part)
                )
            )
            for startup_id, programme_id in rows:
                self._programmes[startup_id].append(programme_id)

    def _of(self, startup_id: int, rule: str) -> list[Setting | None]:
        return [self._settings.get((programme_id, rule)) for programme_id in self._programmes[startup_id]]

    def of(self, startup_id: int, rule: Rule) -> tuple[int, ...]:
        """The thresholds of a rule for a startup; none when the rule is off."""
        asked = (startup_id, rule.name)
        if asked not in self._known:
            self._known[asked] = thresholds_for(rule, self._of(startup_id, rule.name))
        return self._known[asked]

    def is_mandatory(self, startup_id: int, rule: str) -> bool:
        """Whether one of the startup's programmes lets nobody turn the rule off."""
        return any(setting is not None and setting.mandatory for setting in self._of(startup_id, rule))

    def programmes_of(self, startup_id: int) -> list[int]:
        """The programmes the startup is in."""
        return self._programmes[startup_id]


_WARNINGS = frozenset({
    STALE.name, NOT_ACTIVATED.name, SEATS_UNUSED.name, SEATS_MISMATCH.name, SPIKE.name, POOL_LOW.name,
})
"""What is a warning whatever its threshold, and what staff can mend as well as the startup."""

_LASTING_DAYS = {HOURS_UNBOOKED.name: 7, RUNNING_OUT.name: 30}
_LASTING = {EXPIRING_UNUSED.name: 50, IDLE.name: 90}
"""From which threshold on, in days before or in what has grown, it is a warning and staff have to know."""

_FOR_OWNERS = frozenset({STALE.name, SEATS_UNUSED.name, SEATS_MISMATCH.name})


def severity(rule: str, threshold: int) -> str:
    """`urgent`, `warning` or `notice`."""
    if rule == UNCOVERED.name or (rule == USED.name and threshold >= 100) or (rule == EXPIRY.name and threshold <= 14):
        return "urgent"
    if rule in _WARNINGS or (rule == USED.name and threshold >= 75) or (rule == EXPIRY.name and threshold <= 30):
        return "warning"
    if (rule in _LASTING_DAYS and threshold <= _LASTING_DAYS[rule]) or threshold >= _LASTING.get(rule, threshold + 1):
        return "warning"
    return "notice"


def is_for_staff(rule: str, threshold: int) -> bool:
    """Whether the managers of the startup's programmes have to know too."""
    lasting = (rule in _LASTING_DAYS or rule in _LASTING) and severity(rule, threshold) == "warning"
    return lasting or rule in _WARNINGS or severity(rule, threshold) == "urgent"


def is_for_member(rule: str, role: str) -> bool:
    """Whether a startup's own person of that role is told: of all but what owners alone can mend."""
    return rule not in _FOR_OWNERS or role == "owner"


def urgency(rule: str, threshold: int) -> tuple[int, int, int]:
    """The sort key that puts the worst first."""
    known = ALL_RULES[rule]
    rank = SEVERITIES.index(severity(rule, threshold))
    return (rank, list(ALL_RULES).index(rule), threshold if known.direction == "decreasing" else -threshold)
