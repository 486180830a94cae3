"""The entries of one account's statement: its facts and postings told in the order of time, with running balances.

Pure: what was read comes in as values. A statement tells what is known now. Usage stands at its charge day (L5),
what a later batch changed on that day as an entry of its own that names its cause. Awards and changes of a grant stand
where they were stated, expiry and void where they take effect (L10). After each entry `remaining` is what could be
drawn; the last one is the balance as of the end.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Literal

from creditsvc.core.days import day_of, last_day
from creditsvc.ledger.history import LotEvent, PostingView
from creditsvc.ledger.reading import AccountView, LotView
from creditsvc.ledger.seats import SeatView
from creditsvc.usage.reading import Conversion

EntryKind = Literal[
    "award", "effective", "top_up", "return", "extend", "void", "expiry", "opening", "usage", "refund", "restatement",
    "rebooking", "stated_later", "hold", "release", "assign", "vacate",
]

_RANKS: Mapping[EntryKind, int] = {
    # what ends at an instant ends before what starts then, and usage comes after what can pay it
    "vacate": -1, "expiry": 0, "void": 0, "award": 1, "effective": 2, "top_up": 3, "return": 3, "extend": 3,
    "opening": 4, "assign": 5, "usage": 5, "refund": 5, "restatement": 5, "rebooking": 5, "hold": 5,
    "release": 5, "stated_later": 9,
}

_OF_USAGE = frozenset({"usage", "refund", "restatement", "rebooking"})


def _(msgid: str) -> str:
    """Marks a sentence for the catalogue; whoever shows it translates it and fills in `params`."""
    return msgid


@dataclass(frozen=True)
class Entry:
    """One line of a statement.

    `amount` is what the line is about (what was awarded, used, refunded, expired), never negative but for a correction
    that takes usage away. `change` is what it did to `remaining`, the running balance after it. `paid_from` says which
    grants paid usage (negative: got it back), `uncovered` what no grant paid, `uncredited` what of a refund found
    nothing to take back. `text` with `params` says why; `cause` and `ref` (such as `run:12`), `by`, `batch` and
    `recorded_at` name the batch of the book, and are empty for what the calendar does. `converted` stands at the last
    entry of a charge day: what of that day's usage was billed in another currency, and the rates that convert it now.
    """

    at: datetime
    day: date
    kind: EntryKind
    grant: str | None
    amount: int
    change: int
    remaining: int
    text: str
    params: Mapping[str, object] = field(default_factory=dict)
    paid_from: tuple[tuple[str, int], ...] = ()
    uncovered: int = 0
    uncredited: int = 0
    cause: str = ""
    ref: str = ""
    by: str = ""
    reason: str = ""
    batch: int | None = None
    recorded_at: datetime | None = None
    converted: tuple[Conversion, ...] = ()

    @property
    def sentence(self) -> str:
        """What the line says, in English."""
        return self.text % self.params if self.params else self.text


@dataclass
class _State:
    """What a lot has at a point of the telling. `capacity` counts what had been stated by then, `taken` what is drawn
    or held of it, or sat on."""

    capacity: int = 0
    taken: int = 0
    started: bool = False
    ended: bool = False

    @property
    def rest(self) -> int:
        # Usage of an earlier day may have been paid from a top-up stated later (L11): that part was never free.
        return max(self.capacity - self.taken, 0)

    @property
    def remaining(self) -> int:
        return self.rest if self.started and not self.ended else 0


@dataclass(frozen=True)
class _Step:
    """Something that happened, before its effect on the balance is known."""

    at: datetime
    day: date
    kind: EntryKind
    lot: str | None
    amount: int
    text: str
    params: Mapping[str, object] = field(default_factory=dict)
    event: LotEvent | None = None
    postings: tuple[PostingView, ...] = ()

    @property
    def order(self) -> tuple[datetime, int, int, str]:
        batch = self.event.batch if self.event else self.postings[0].batch if self.postings else 0
        return (self.at, _RANKS[self.kind], batch, self.lot or "")


def tell(
    view: AccountView, events: Sequence[LotEvent], postings: Sequence[PostingView], until: datetime,
    seats: Sequence[SeatView] = (),
) -> list[Entry]:
    """All entries of an account up to and with `until`, from its first fact on.

    `view` is the account as of `until`; `events`, `postings` and `seats` are all of it, in any order.
    """
    steps = sorted(
        [*_calendar_steps(view.lots, events), *_event_steps(view.lots, events), *_posting_steps(events, postings),
         *_seat_steps(seats)],
        key=lambda step: step.order,
    )
    states = {lot.key: _State() for lot in view.lots}
    entries = [_entry(step, states) for step in steps if step.at <= until]
    later = [step for step in steps if step.at > until and step.kind in ("top_up", "return")]
    entries += [_entry(_stated_later(step, until), states) for step in later]
    return entries


def with_conversions(
    entries: Sequence[Entry], conversions: Mapping[date, tuple[Conversion, ...]]
) -> list[Entry]:
    """The entries, the last one of each charge day with what of its usage was billed in another currency."""
    last = {entry.day: place for place, entry in enumerate(entries) if entry.kind in _OF_USAGE}
    return [
        replace(entry, converted=conversions.get(entry.day, ())) if last.get(entry.day) == place else entry
        for place, entry in enumerate(entries)
    ]


def remaining_by_instant(entries: Iterable[Entry], instants: Sequence[datetime]) -> list[int]:
    """The running balance at each of the instants, which are in order of time."""
    told = sorted(entries, key=lambda entry: entry.at)
    found: list[int] = []
    position, remaining = 0, 0
    for instant in instants:
        while position < len(told) and told[position].at <= instant:
            remaining = told[position].remaining
            position += 1
        found.append(remaining)
    return found


def _calendar_steps(lots: Sequence[LotView], events: Sequence[LotEvent]) -> Iterator[_Step]:
    """What the calendar does to each lot: it begins, and expires or is void, whichever comes first (L4, L10)."""
    voids = {
        (event.lot, event.instant): event for event in events if event.kind == "void"
    }
    for lot in lots:
        if lot.effective < lot.end:
            yield _Step(lot.effective, day_of(lot.effective), "effective", lot.key, 0, _("Grant becomes usable"))
        if lot.voided_at is not None and lot.voided_at == lot.end:
            yield _Step(
                lot.end, day_of(lot.end), "void", lot.key, 0, _("Grant is void from now on"),
                event=voids.get((lot.key, lot.voided_at)),
            )
        elif lot.expires is not None:
            text = _("Grant is worth nothing: it ends before it starts") if lot.worthless else _("Grant has expired")
            yield _Step(lot.expires, last_day(lot.expires), "expiry", lot.key, 0, text)


def _event_steps(lots: Sequence[LotView], events: Sequence[LotEvent]) -> Iterator[_Step]:
    """Awards and changes, each at the instant it was stated."""
    by_key = {lot.key: lot for lot in lots}
    for event in events:
        lot = by_key[event.lot]
        if event.kind == "award":
            at = min(event.at, lot.effective)  # an award may be stated for a day before it
            ends = {"last": last_day(event.instant)} if event.instant else {}
            text = (
                _("Grant awarded from %(pool)s, usable from %(first)s to %(last)s")
                if ends
                else _("Grant awarded from %(pool)s, usable from %(first)s, without an end")
            )
            params = {"pool": lot.pool, "first": day_of(lot.effective), **ends}
            yield _Step(at, day_of(at), "award", event.lot, event.amount, text, params, event)
        elif event.kind == "top_up":
            yield _Step(event.at, day_of(event.at), "top_up", event.lot, event.amount, _("Grant topped up"), {}, event)
        elif event.kind == "return":
            yield _Step(
                event.at, day_of(event.at), "return", event.lot, event.amount, _("Returned to %(pool)s"),
                {"pool": lot.pool}, event,
            )
        elif event.kind == "extend" and event.instant is not None:
            yield _Step(
                event.at, day_of(event.at), "extend", event.lot, 0, _("Grant extended to %(last)s"),
                {"last": last_day(event.instant)}, event,
            )


def _posting_steps(events: Sequence[LotEvent], postings: Sequence[PostingView]) -> Iterator[_Step]:
    """The postings of each charge instant, a step for each batch; what was drawn before the service apart."""
    openings = {(event.lot, event.batch, event.instant): event for event in events if event.kind == "opening"}
    ordered = sorted(postings, key=lambda row: (row.charge_at, row.batch))
    for at, of_instant in groupby(ordered, key=lambda row: row.charge_at):
        first = True
        for _batch, rows in groupby(of_instant, key=lambda row: row.batch):
            usage: list[PostingView] = []
            for row in rows:
                opening = openings.get((row.lot or "", row.batch, at))
                if opening is not None and row.amount >= opening.amount:
                    # usage of that very instant, if there is any, is in other postings or the rest of this one
                    yield _opening_step(row, opening)
                    rest = row.amount - opening.amount
                    if rest:
                        usage.append(_part(row, rest))
                else:
                    usage.append(row)
            held = tuple(row for row in usage if row.kind == "held")
            if held:
                yield _hold_step(at, held)
            used = tuple(row for row in usage if row.kind != "held")
            if used:
                yield _usage_step(at, used, first)
                first = False


def _seat_steps(seats: Sequence[SeatView]) -> Iterator[_Step]:
    """When somebody sits down and stands up again; who, is said elsewhere. One that never was taken is not told."""
    for seat in seats:
        if seat.ends_at is not None and seat.ends_at <= seat.from_at:
            continue
        yield _Step(seat.from_at, day_of(seat.from_at), "assign", seat.lot, 1, _("Seat assigned"))
        if seat.ends_at is not None:
            yield _Step(seat.ends_at, day_of(seat.ends_at), "vacate", seat.lot, 1, _("Seat free again"))


def _part(row: PostingView, amount: int) -> PostingView:
    return PostingView(row.account_id, row.batch, row.recorded_at, row.cause, row.cause_ref, row.actor, row.charge_at,
                       row.kind, row.lot, amount)


def _opening_step(row: PostingView, event: LotEvent) -> _Step:
    return _Step(
        row.charge_at, day_of(row.charge_at), "opening", row.lot, event.amount,
        _("Drawn before the service began to count"), {}, event, (_part(row, event.amount),),
    )


def _hold_step(at: datetime, rows: tuple[PostingView, ...]) -> _Step:
    """What a batch holds more or less, at the instant when the hold was made: a hold that ended held nothing, as it is
    known now."""
    net = sum(row.amount for row in rows)
    kind: EntryKind
    if net > 0:
        kind, text = "hold", _("Held for a session that is booked")
    elif net < 0:
        kind, text = "release", _("No longer held")
    else:
        kind, text = "rebooking", _("Another grant keeps what is held")
    return _Step(at, day_of(at), kind, None, abs(net), text, postings=rows)


def _usage_step(at: datetime, rows: tuple[PostingView, ...], first: bool) -> _Step:
    """The postings of one batch on one charge day: usage, a refund, or a correction of what stood there."""
    net = sum(row.amount if row.kind != "uncredited" else -row.amount for row in rows)
    kind: EntryKind
    if first and net > 0:
        kind, amount, text = "usage", net, _("Usage of the day")
    elif first and net < 0:
        kind, amount, text = "refund", -net, _("Refund of the day")
    elif net:
        kind, amount, text = "restatement", net, _("Correction: usage of the day was restated")
        if rows[0].cause == "rate":
            text = _("Correction: an exchange rate for usage of the day was stated, changed or withdrawn")
    else:
        # nothing was used more or less; another grant pays, or one pays what none did
        kind, amount, text = "rebooking", 0, _("Correction: the same usage is paid differently")
    of_session = {
        "session": _("Used by a session"), "cancel": _("Used by a session that was cancelled late"),
        "correct": _("Correction: what the session used was stated anew"),
    }.get(rows[0].cause)
    if of_session and net:
        return _Step(at, day_of(at), kind, None, amount, of_session, postings=rows)
    return _Step(at, at.astimezone(UTC).date(), kind, None, amount, text, postings=rows)


def _stated_later(step: _Step, until: datetime) -> _Step:
    texts = {
        "top_up": _("Top-up stated later, on %(day)s: it counts on every day of the grant"),
        "return": _("Return stated later, on %(day)s: it counts on every day of the grant"),
    }
    amount = step.amount if step.kind == "top_up" else -step.amount
    text = texts[step.kind]
    return _Step(until, day_of(until), "stated_later", step.lot, amount, text, {"day": step.day}, step.event)


def _entry(step: _Step, states: Mapping[str, _State]) -> Entry:
    """The entry of a step; moves the states on."""
    before = sum(state.remaining for state in states.values())
    lost = _apply(step, states)
    remaining = sum(state.remaining for state in states.values())
    drawn = tuple((row.lot, row.amount) for row in step.postings if row.lot is not None and row.kind == "drawn")
    source = step.postings[0] if step.postings else None
    event = step.event
    return Entry(
        at=step.at, day=step.day, kind=step.kind, grant=step.lot,
        amount=step.amount if lost is None else lost, change=remaining - before, remaining=remaining,
        text=step.text, params=step.params, paid_from=drawn,
        uncovered=sum(row.amount for row in step.postings if row.kind == "uncovered"),
        uncredited=sum(row.amount for row in step.postings if row.kind == "uncredited"),
        cause=source.cause if source else event.kind if event else "",
        ref=source.cause_ref if source else f"grant:{event.lot}" if event else "",
        by=source.actor if source else event.actor if event else "",
        reason=event.reason if event else "",
        batch=source.batch if source else event.batch if event else None,
        recorded_at=source.recorded_at if source else event.recorded_at if event else None,
    )


def _apply(step: _Step, states: Mapping[str, _State]) -> int | None:
    """Moves the states on; returns what began or ended to count, where only the states know it."""
    for row in step.postings:
        if row.lot is not None:
            states[row.lot].taken += row.amount
    if step.lot is None:
        return None
    state = states[step.lot]
    if step.kind in ("award", "top_up"):
        state.capacity += step.amount
    elif step.kind == "return":
        state.capacity -= step.amount
    elif step.kind == "stated_later":
        state.capacity += step.amount
    elif step.kind in ("assign", "vacate"):
        state.taken += 1 if step.kind == "assign" else -1
    elif step.kind == "effective":
        state.started = True
        return state.rest
    elif step.kind in ("expiry", "void"):
        rest = state.rest
        state.ended = True
        return rest
    return None
