"""What a startup holds of every kind, in one shape: granted, used, reserved, left, until when, what happens next."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from creditsvc.core.amounts import Unit, format_amount
from creditsvc.core.burndown import LATEST
from creditsvc.core.days import day_of, instant_text, last_day
from creditsvc.db import db
from creditsvc.ledger.reading import AccountView, LotView
from creditsvc.ledger.seat_outlook import Outlook
from creditsvc.licences.models import SeatWish
from creditsvc.sets import chunks


def _(msgid: str) -> str:
    """Marks a sentence for the catalogue; whoever shows it translates it and fills in `params`."""
    return msgid


@dataclass(frozen=True)
class Holding:
    """One account, whatever its kind; amounts in steps of `unit`.

    `used` is what credit was drawn, hours were used, seats are assigned; `reserved` what is held for sessions. `left`
    can be used now, `until` the last instant of it, or of the seats that somebody has (None: no end). How many wait
    for a seat, `waiting` says: that takes nothing of what is left. `next_text` with `params` says what happens next;
    amounts in it stand in `amount`, and `people` counts people.
    """

    account_id: int
    kind: str
    resource: str
    resource_name: str
    unit: Unit
    granted: int
    used: int
    reserved: int
    left: int
    until: datetime | None
    next_text: str
    next_on: date | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    waiting: int = 0


def holdings(
    views: Sequence[AccountView], outlooks: Mapping[int, Outlook], now: datetime, waiting: Mapping[int, int]
) -> list[Holding]:
    """The accounts in one shape, as they stand now; `outlooks` and how many wait are by account id."""
    return [_holding(view, outlooks.get(view.id), now, waiting.get(view.id, 0)) for view in views]


def waiting_for_seats(account_ids: Iterable[int]) -> dict[int, int]:
    """How many people wait for a seat of each account, where any do; in one statement."""
    found: dict[int, int] = {}
    for part in chunks(account_ids):
        found.update(db.session.execute(
            select(SeatWish.account_id, func.count())
            .where(SeatWish.account_id.in_(part), SeatWish.state == "waiting")
            .group_by(SeatWish.account_id)
        ).all())
    return found


def _holding(view: AccountView, outlook: Outlook | None, now: datetime, waiting: int) -> Holding:
    usable = [lot for lot in view.lots if lot.standing.remaining or (view.kind == "seats" and lot.standing.drawn)]
    until = max((lot.end for lot in usable), default=None)
    text, on, params = _next(view, outlook, now)
    return Holding(
        account_id=view.id, kind=view.kind, resource=view.resource, resource_name=view.resource_name, unit=view.unit,
        granted=view.granted, used=view.drawn, reserved=view.held, left=view.remaining,
        until=None if until == LATEST else until, next_text=text, next_on=on, params=params, waiting=waiting,
    )


def _next(view: AccountView, outlook: Outlook | None, now: datetime) -> tuple[str, date | None, dict[str, Any]]:
    """What happens next of what can be used now, or else what begins."""
    if view.kind == "seats":
        return _next_of_seats(view, outlook, now)
    ends, ending = _ending([lot for lot in view.lots if lot.standing.remaining])
    if outlook is not None and outlook.run_out is not None and (ends is None or outlook.run_out < last_day(ends)):
        return _("At the present burn it runs out on %(day)s."), outlook.run_out, {}
    if ends is not None:
        amount = sum(lot.standing.remaining for lot in ending)
        text = _("%(amount)s of it expires on %(day)s.") if view.kind == "credit" else (
            _("%(amount)s that nobody has booked expire on %(day)s.")
        )
        return text, last_day(ends), {"amount": amount}
    if view.remaining:
        return _("It does not expire."), None, {}
    return _beginning(view, now)


def _next_of_seats(
    view: AccountView, outlook: Outlook | None, now: datetime
) -> tuple[str, date | None, dict[str, Any]]:
    ends, ending = _ending([lot for lot in view.lots if lot.is_active(now)])
    run_out = None if outlook is None or not view.remaining else outlook.run_out
    if run_out is not None and (ends is None or run_out <= last_day(ends)):
        return _("As seats are taken now, none is free from %(day)s on."), run_out, {}
    if ends is not None:
        people = sum(lot.standing.drawn for lot in ending)
        amount = sum(lot.amount for lot in ending)
        return (_("Until %(day)s: %(amount)s, people on them: %(people)s."), last_day(ends),
                {"amount": amount, "people": people})
    if view.remaining or view.drawn:
        return _("They do not end."), None, {}
    return _beginning(view, now)


def _ending(lots: Sequence[LotView]) -> tuple[datetime | None, list[LotView]]:
    """The next end of lots, and those that have it."""
    ends = min((lot.end for lot in lots), default=LATEST)
    return (None, []) if ends == LATEST else (ends, [lot for lot in lots if lot.end == ends])


def _beginning(view: AccountView, now: datetime) -> tuple[str, date | None, dict[str, Any]]:
    by_start: dict[datetime, int] = defaultdict(int)
    for lot in view.lots:
        if lot.effective > now and lot.effective < lot.end:
            by_start[lot.effective] += lot.standing.not_yet
    if not by_start:
        return _("Nothing is left."), None, {}
    starts = min(by_start)
    return _("%(amount)s can be used from %(day)s on."), day_of(starts), {"amount": by_start[starts]}


def holding_document(one: Holding) -> dict[str, Any]:
    """A holding as JSON values."""
    sentence = one.next_text % {
        **one.params, "day": one.next_on, "amount": f"{format_amount(one.params.get('amount', 0), one.unit)} "
        f"{one.unit.name}",
    }
    return {
        "kind": one.kind, "resource": one.resource, "unit": one.unit.name,
        **{word: format_amount(getattr(one, word), one.unit) for word in ("granted", "used", "reserved", "left")},
        "until": instant_text(one.until), "next": sentence,
        "next_on": None if one.next_on is None else one.next_on.isoformat(), "waiting": one.waiting,
    }
