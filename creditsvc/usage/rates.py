"""Exchange rates: stated from a charge day on with their source, withdrawn, listed (U7).

Every account whose usage a rate concerns is planned anew in the same transaction, and the difference posted with the
rate as its cause.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from creditsvc.core.amounts import format_amount
from creditsvc.core.days import instant_text
from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.core.rates import NO_RATES, Course, Pair, StatedRate, pair_of, parse_rate, rate_text
from creditsvc.db import db, is_id
from creditsvc.ledger import book, locks
from creditsvc.ledger.facts import accounts_ever_of, known_courses, units_of
from creditsvc.ledger.models import RateFact, Resource, UsageFact
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require
from creditsvc.usage.effects import Effect, effects_of_rate

FIRST_DAY = date(2000, 1, 1)
FURTHEST_AHEAD = timedelta(days=366)
MOST_SOURCE = 300


@dataclass(frozen=True)
class RateView:
    """A rate as it was stated, or a withdrawal (`rate` None), and what it is worth now.

    `standing` is whether no later word replaced it; `until` is the first charge day on which it no longer holds.
    """

    id: int
    from_currency: str
    to_currency: str
    day: date
    rate: str | None
    source: str
    stated_at: datetime
    actor: str
    standing: bool
    until: date | None


@dataclass(frozen=True)
class RateOutcome:
    """What a word on a rate did: `changed` False when it said what stood already. `effects` name no startup that the
    caller may not see; `accounts` counts all that were posted."""

    rate: RateView
    changed: bool
    accounts: int
    effects: tuple[Effect, ...]


def add_rate(
    caller: Caller, *, from_currency: str, to_currency: str, day: date, rate: str, source: str
) -> RateOutcome:
    """From charge day `day` on, until the next later day that has one, 1 `from_currency` is `rate` `to_currency`.

    Usage that waits for it settles; what another rate had settled is posted anew. Saying again what stands changes
    nothing (L13). Raises Forbidden and RuleBroken: `from_currency`, `to_currency`, `day`, `rate`, `source`.
    """
    require(caller, "rate.state")
    pair = pair_of(from_currency, to_currency)
    _check_target(pair[1])
    _check_day(caller, day)
    value = parse_rate(rate)
    said = _checked_text(source, "source")
    locks.lock_rates()
    course = known_courses().get(pair, NO_RATES)
    before = course.at(day)
    if before is not None and (before.rate, before.source) == (value, said):
        return RateOutcome(_view_of(before.id), False, 0, ())
    fact = book.add_rate(pair, day, value, said, _stated_at(caller, pair), caller.actor)
    return _settled(caller, "rate.add", fact, before, course)


def withdraw_rate(
    caller: Caller, *, from_currency: str, to_currency: str, day: date, reason: str
) -> RateOutcome:
    """Takes back the rate stated for that day: the rate of an earlier day holds again, or usage waits where none does.

    Repeating it changes nothing. Raises Forbidden, NotFound when no rate was ever stated for that pair and day, and
    RuleBroken("reason", "missing").
    """
    require(caller, "rate.state")
    pair = pair_of(from_currency, to_currency)
    said = _checked_text(reason, "reason")
    locks.lock_rates()
    newest = _newest(pair, day)
    if newest is None:
        raise NotFound("rate", f"from {pair[0]} to {pair[1]} stated for {day}")
    if newest.rate is None:
        return RateOutcome(_view_of(newest.id), False, 0, ())
    course = known_courses()[pair]
    fact = book.add_rate(pair, day, None, said, _stated_at(caller, pair), caller.actor)
    return _settled(caller, "rate.withdraw", fact, course.at(day), course)


def list_rates(caller: Caller) -> list[RateView]:
    """All that was ever said of rates, newest charge day first, of one day the word that stands first."""
    require(caller, "rate.see")
    views = _views(db.session.scalars(select(RateFact)).all())
    return sorted(
        views, key=lambda view: (view.day, view.from_currency, view.to_currency, view.stated_at), reverse=True
    )


def find_rate(caller: Caller, rate_id: int) -> RateView:
    """One word on a rate. Raises Forbidden, NotFound."""
    require(caller, "rate.see")
    return _view_of(rate_id)


def _view_of(rate_id: int) -> RateView:
    fact = db.session.get(RateFact, rate_id) if is_id(rate_id) else None
    if fact is None:
        raise NotFound("rate", str(rate_id))
    pair = (fact.from_currency, fact.to_currency)
    return next(view for view in _views(db.session.scalars(_of_pair(pair)).all()) if view.id == rate_id)


def standing_rate(from_currency: str, to_currency: str, day: date) -> RateView | None:
    """The word that stands for exactly that charge day, be it a withdrawal. Raises RuleBroken as `add_rate`."""
    newest = _newest(pair_of(from_currency, to_currency), day)
    return None if newest is None else _view_of(newest.id)


def _newest(pair: Pair, day: date) -> RateFact | None:
    newest = _of_pair(pair).where(RateFact.day == day).order_by(RateFact.stated_at.desc()).limit(1)
    return db.session.scalar(newest)


def _of_pair(pair: Pair) -> Select[RateFact]:
    return select(RateFact).where(RateFact.from_currency == pair[0], RateFact.to_currency == pair[1])


def _views(facts: Sequence[RateFact]) -> list[RateView]:
    made = known_courses()
    newest: dict[tuple[str, str, date], RateFact] = {}
    for fact in sorted(facts, key=lambda fact: fact.stated_at):
        newest[fact.from_currency, fact.to_currency, fact.day] = fact
    views = []
    for fact in facts:
        pair = (fact.from_currency, fact.to_currency)
        standing = newest[*pair, fact.day] is fact
        until = made.get(pair, NO_RATES).until(fact.day) if standing and fact.rate is not None else None
        views.append(
            RateView(fact.id, *pair, fact.day, fact.rate, fact.source, fact.stated_at, fact.actor, standing, until)
        )
    return views


def _check_target(currency: str) -> None:
    units = set(db.session.scalars(select(Resource.unit).where(Resource.kind == "credit")))
    if currency not in units:
        raise RuleBroken(
            "to_currency", "no-credit-in-it", "no credit is counted in %(currency)s: there is %(units)s",
            currency=currency, units=", ".join(sorted(units)) or "none yet",
        )


def _check_day(caller: Caller, day: date) -> None:
    furthest = caller.now.date() + FURTHEST_AHEAD
    if not FIRST_DAY <= day <= furthest:
        raise RuleBroken(
            "day", "out-of-range", "%(value)s is out of range: a charge day from %(first)s to %(last)s is right",
            value=day.isoformat(), first=FIRST_DAY.isoformat(), last=furthest.isoformat(),
        )


def _checked_text(text: str, field: str) -> str:
    said = " ".join(text.split())
    if not said and field == "source":
        raise RuleBroken(field, "missing", "say where the rate is from")
    if not said:
        raise RuleBroken(field, "missing", "say why")
    if len(said) > MOST_SOURCE:
        raise RuleBroken(field, "too-long", "at most %(most)s characters can be kept", most=MOST_SOURCE)
    return said


def _stated_at(caller: Caller, pair: Pair) -> datetime:
    """Now, or just after the newest word on the pair, so that what is said last stands."""
    newest = db.session.scalar(
        select(RateFact.stated_at)
        .where(RateFact.from_currency == pair[0], RateFact.to_currency == pair[1])
        .order_by(RateFact.stated_at.desc()).limit(1)
    )
    return caller.now if newest is None else max(caller.now, newest + timedelta(microseconds=1))


def _settled(caller: Caller, action: str, fact: RateFact, before: StatedRate | None, course: Course) -> RateOutcome:
    """Plans anew the accounts with usage of the pair on the days concerned, and posts the difference."""
    pair = (fact.from_currency, fact.to_currency)
    accounts = locks.lock_accounts(accounts_concerned(pair, fact.day, course.until(fact.day)))
    try:
        cause = book.Cause("rate", f"rate:{fact.id}", caller.actor)
        batches = book.post(accounts.values(), cause).batches
    except RuleBroken as error:
        if error.code != "too-large":
            raise
        raise RuleBroken("rate", "too-large", "usage in %(currency)s does not fit 64 bits at this rate",
                         currency=pair[0]) from error
    trail.record(
        caller, action, f"rate:{pair[0]}-{pair[1]}:{fact.day}",
        before=None if before is None else {"rate": rate_text(before.value), "source": before.source},
        after={"rate": fact.rate, "source": fact.source, "id": fact.id, "accounts": len(batches)},
    )
    return RateOutcome(_view_of(fact.id), True, len(batches), tuple(effects_of_rate(caller, fact.id)))


def accounts_concerned(pair: Pair, first: date, until: date | None) -> set[int]:
    """The accounts counted in the one currency with usage of their scopes in the other on charge days [first, until).
    """
    conditions: list[ColumnElement[bool]] = [UsageFact.currency == pair[0], UsageFact.day >= first]
    if until is not None:
        conditions.append(UsageFact.day < until)
    scope_ids = db.session.scalars(select(UsageFact.scope_id).where(*conditions).distinct()).all()
    units = units_of(accounts_ever_of(scope_ids))
    return {account_id for account_id, unit in units.items() if unit == pair[1]}


def rate_document(view: RateView) -> dict[str, Any]:
    """A word on a rate as JSON, for the command and the API alike."""
    return {
        "id": view.id,
        "from_currency": view.from_currency,
        "to_currency": view.to_currency,
        "day": view.day.isoformat(),
        "until": view.until.isoformat() if view.until else None,
        "rate": view.rate,
        "source": view.source,
        "stated_at": instant_text(view.stated_at),
        "stated_by": view.actor,
        "standing": view.standing,
    }


def outcome_document(outcome: RateOutcome) -> dict[str, Any]:
    """A word on a rate and what it did, as JSON."""
    return {
        **rate_document(outcome.rate),
        "changed": outcome.changed,
        "accounts": outcome.accounts,
        "effects": [
            {
                "startup": one.startup, "resource": one.resource, "unit": one.unit.name,
                "drawn": format_amount(one.drawn, one.unit), "uncovered": format_amount(one.uncovered, one.unit),
                "uncredited_refund": format_amount(one.uncredited, one.unit),
            }
            for one in outcome.effects
        ],
    }
