"""Everything a startup holds and how it came about, in one reading; the same for pages, API and command."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from creditsvc.core.amounts import Unit, format_amount, unit_named
from creditsvc.core.days import day_of, ends_at, instant_text, starts_at
from creditsvc.core.errors import RuleBroken
from creditsvc.core.rates import rate_text
from creditsvc.ledger.history import LotEvent, PostingView, lot_events, postings
from creditsvc.ledger.reading import AccountView, balances, holdings_of
from creditsvc.ledger.seat_outlook import Outlook, all_forecasts
from creditsvc.ledger.seats import SeatView, seats_of
from creditsvc.parties.access import Caller
from creditsvc.statements.entries import Entry, remaining_by_instant, tell, with_conversions
from creditsvc.usage.reading import Conversion, conversions_by_day, foreign_in_all

T = TypeVar("T", LotEvent, PostingView, SeatView)
Known = TypeVar("Known", LotEvent, PostingView)

MAX_DAYS = 3660
"""The longest burn-down series: ten years of days."""


@dataclass(frozen=True)
class AccountStatement:
    """One account over the period: what remained at its start, what happened, and the account as of its end.

    `remaining` of the last entry (or `opening`, without entries) is `view.remaining`. `outlook` is what is forecast,
    where that was asked for and the period goes up to now.
    """

    view: AccountView
    opening: int
    entries: tuple[Entry, ...]
    outlook: Outlook | None = None

    @property
    def closing(self) -> int:
        """What remains after the last entry."""
        return self.entries[-1].remaining if self.entries else self.opening

    @property
    def drawn(self) -> int:
        """What grants paid in the period."""
        return sum(amount for entry in self.entries for _, amount in entry.paid_from)

    @property
    def uncovered(self) -> int:
        """What no grant paid in the period."""
        return sum(entry.uncovered for entry in self.entries)


@dataclass(frozen=True)
class Statement:
    """What a startup's accounts went through after `opened_at` (None: from the beginning), up to and with `as_of`."""

    startup: str
    name: str
    first: date | None
    last: date | None
    opened_at: datetime | None
    as_of: datetime
    known_at: datetime
    accounts: tuple[AccountStatement, ...]


@dataclass(frozen=True)
class History:
    """The facts and postings of accounts up to an instant, read once, to be told as of any instant up to it."""

    events: Mapping[int, Sequence[LotEvent]]
    postings: Mapping[int, Sequence[PostingView]]
    seats: Mapping[int, Sequence[SeatView]]

    def told(self, view: AccountView, until: datetime) -> list[Entry]:
        """All entries of the account; facts of batches that the view does not know yet are left aside."""
        rows = [row for row in _known(self.postings.get(view.id, ()), view) if row.charge_at <= until]
        seats = self.seats.get(view.id, ())
        return tell(view, _known(self.events.get(view.id, ()), view), rows, until, seats)

    def remaining_at(self, view: AccountView, instant: datetime) -> int:
        """What remained of the account at an instant, as it is known now; in steps."""
        return remaining_by_instant(self.told(view, instant), [instant])[0]


def history_of(views: Sequence[AccountView], until: datetime, *, with_seats: bool = True) -> History:
    """Reads the history of accounts, in two queries, and two more where some are of seats, unless who sat there does
    not matter. Asks nobody's permission."""
    ids = [view.id for view in views]
    if not ids:
        return History({}, {}, {})
    of_seats = [view.id for view in views if with_seats and view.kind == "seats"]
    seats = seats_of(of_seats) if of_seats else []
    return History(_by_account(lot_events(ids)), _by_account(postings(ids, until=until)), _by_account(seats))


def statement(
    caller: Caller, startup: str, *, first: date | None = None, last: date | None = None, ahead: bool = False
) -> Statement:
    """The statement of a startup over days of the programme's calendar, both included; up to now without `last`.

    Its opening balances are those as of the end of the day before `first`, its closing ones those as of the end of
    `last`, as `balances` reads them. With `ahead` it has what is forecast, unless it ends with a `last`.
    Raises NotFound, Forbidden and RuleBroken("to", "end-before-start").
    """
    as_of = caller.now if last is None else ends_at(last)
    opened_at = None if first is None else starts_at(first)
    if opened_at is not None and opened_at >= as_of:
        raise RuleBroken(
            "to", "end-before-start", "the last day is before %(first)s, the first one", first=first
        )
    company, views = holdings_of(caller, startup, as_of)
    history = history_of(views, as_of)
    told = {view.id: history.told(view, as_of) for view in views}
    converted: dict[int, dict[date, tuple[Conversion, ...]]] = defaultdict(dict)
    for (account_id, day), conversions in conversions_by_day({view.id: view.unit.name for view in views}).items():
        converted[account_id][day] = conversions
    told = {account_id: with_conversions(entries, converted[account_id]) for account_id, entries in told.items()}
    outlooks = all_forecasts(views, as_of) if ahead and last is None else {}
    return Statement(
        startup=company.key, name=company.name, first=first, last=last, opened_at=opened_at, as_of=as_of,
        known_at=caller.now,
        accounts=tuple(_account_statement(view, told[view.id], opened_at, outlooks.get(view.id)) for view in views),
    )


def burn_down_series(
    account_id: int, first: date | None = None, last: date | None = None, *, now: datetime
) -> list[tuple[date, int]]:
    """What remained at the last moment of each day of the programme's calendar, for a chart; in the unit's steps.

    On its last day a grant is still there, on the day before its first it is not.
    From the day of the first entry without `first`, to the day of `now` without `last` (that day stands for `now`);
    empty where there is nothing to show. Asks nobody's permission. Raises RuleBroken("last", "too-many-days").
    """
    as_of = now if last is None else ends_at(last)
    views = balances(as_of, account_ids=[account_id])
    if not views:
        return []
    entries = history_of(views, as_of).told(views[0], as_of)
    if not entries and first is None:
        return []
    return _series(entries, first or day_of(entries[0].at), last or day_of(now), as_of)


def burn_downs(
    views: Sequence[AccountView], history: History, first: Mapping[int, date], now: datetime
) -> dict[int, list[tuple[date, int]]]:
    """The series of `burn_down_series` for accounts as of now, from the day that `first` has for each, up to today.

    By account id; accounts without a first day have none.
    """
    return {
        view.id: _series(history.told(view, now), first[view.id], day_of(now), now)
        for view in views if view.id in first
    }


def _series(entries: Sequence[Entry], first: date, last: date, as_of: datetime) -> list[tuple[date, int]]:
    days = _days(first, last)
    moments = [min(ends_at(day) - timedelta(microseconds=1), as_of) for day in days]
    return list(zip(days, remaining_by_instant(entries, moments), strict=True))


def statement_document(told: Statement) -> dict[str, Any]:
    """The statement as JSON values, for the command and the API alike; amounts are decimal strings."""
    return {
        "startup": told.startup,
        "name": told.name,
        "from": told.first.isoformat() if told.first else None,
        "to": told.last.isoformat() if told.last else None,
        "opened_at": instant_text(told.opened_at),
        "as_of": instant_text(told.as_of),
        "known_at": instant_text(told.known_at),
        "accounts": [_account_document(account) for account in told.accounts],
    }


def _by_account(rows: Iterable[T]) -> dict[int, list[T]]:
    by_account: dict[int, list[T]] = defaultdict(list)
    for row in rows:
        by_account[row.account_id].append(row)
    return by_account


def _known(rows: Iterable[Known], view: AccountView) -> list[Known]:
    return [row for row in rows if row.batch <= view.batch]


def _account_statement(
    view: AccountView, entries: Sequence[Entry], opened_at: datetime | None, outlook: Outlook | None
) -> AccountStatement:
    before = [] if opened_at is None else [entry for entry in entries if entry.at <= opened_at]
    return AccountStatement(
        view=view, opening=before[-1].remaining if before else 0, entries=tuple(entries[len(before) :]),
        outlook=outlook,
    )


def _days(first: date, last: date) -> list[date]:
    count = (last - first).days + 1
    if count > MAX_DAYS:
        raise RuleBroken("last", "too-many-days", "at most %(limit)s days can be shown at once", limit=MAX_DAYS)
    return [first + timedelta(days=number) for number in range(count)]


def _account_document(account: AccountStatement) -> dict[str, Any]:
    view, unit = account.view, account.view.unit
    words = ("granted", "drawn", "held", "expired", "voided", "not_yet", "remaining", "available", "uncovered")
    return {
        "resource": view.resource,
        "unit": unit.name,
        "batch": view.batch,
        "opening": {"remaining": format_amount(account.opening, unit)},
        "entries": [_entry_document(entry, unit) for entry in account.entries],
        "period": {
            "drawn": format_amount(account.drawn, unit),
            "uncovered": format_amount(account.uncovered, unit),
        },
        "closing": {
            **{word: format_amount(getattr(view, word), unit) for word in words},
            "uncredited_refund": format_amount(view.uncredited, unit),
        },
    }


def _entry_document(entry: Entry, unit: Unit) -> dict[str, Any]:
    return {
        "at": instant_text(entry.at),
        "day": entry.day.isoformat(),
        "kind": entry.kind,
        "grant": entry.grant,
        "amount": format_amount(entry.amount, unit),
        "change": format_amount(entry.change, unit),
        "remaining": format_amount(entry.remaining, unit),
        "paid_from": [{"grant": grant, "amount": format_amount(amount, unit)} for grant, amount in entry.paid_from],
        "uncovered": format_amount(entry.uncovered, unit),
        "uncredited_refund": format_amount(entry.uncredited, unit),
        "text": entry.sentence,
        "reason": entry.reason,
        "cause": entry.cause,
        "ref": entry.ref,
        "by": entry.by,
        "batch": entry.batch,
        "recorded_at": instant_text(entry.recorded_at),
        "converted": [conversion_document(one, unit) for one in entry.converted],
    }


def conversion_document(one: Conversion, unit: Unit) -> dict[str, str]:
    """Usage billed in another currency as JSON, with what the rate of its charge day makes of it in `unit`."""
    return {
        "currency": one.currency,
        "amount": format_amount(one.amount, unit_named(one.currency)),
        "rate": rate_text(one.rate.value),
        "rate_day": one.rate.day.isoformat(),
        "source": one.rate.source,
        "converted": format_amount(one.steps, unit),
    }


def conversion_documents(views: Sequence[AccountView], as_of: datetime) -> dict[int, list[dict[str, str]]]:
    """By account id, what of its usage was billed in other currencies and is converted, by rate, as JSON.

    Of charge days up to `as_of`, as it is known now. Asks nobody's permission.
    """
    converted, _ = foreign_in_all({view.id: view.unit.name for view in views}, last=as_of.astimezone(UTC).date())
    return {view.id: [conversion_document(one, view.unit) for one in converted.get(view.id, ())] for view in views}
