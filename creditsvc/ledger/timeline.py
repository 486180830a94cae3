"""To whom a billing scope belongs when (U8): pure functions over the facts of one scope."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from creditsvc.core.burndown import LATEST


@dataclass(frozen=True)
class Ownership:
    """The scope belongs to the account on [starts, ends); `account_id` None means to nobody."""

    starts: datetime
    ends: datetime
    account_id: int | None


@dataclass(frozen=True)
class Turn:
    """From this instant on the scope belongs to that account. Of two for one instant the later stated stands."""

    from_at: datetime
    account_id: int | None
    stated_order: tuple[datetime, int]


def timeline(turns: Iterable[Turn]) -> list[Ownership]:
    """The ownerships in order, without those of nobody."""
    standing: dict[datetime, Turn] = {}
    for turn in sorted(turns, key=lambda turn: turn.stated_order):
        standing[turn.from_at] = turn
    ordered = sorted(standing.values(), key=lambda turn: turn.from_at)
    owned: list[Ownership] = []
    for number, turn in enumerate(ordered, start=1):
        end = ordered[number].from_at if number < len(ordered) else LATEST
        if owned and owned[-1].ends == turn.from_at and owned[-1].account_id == turn.account_id:
            owned[-1] = Ownership(owned[-1].starts, end, turn.account_id)
        else:
            owned.append(Ownership(turn.from_at, end, turn.account_id))
    return [ownership for ownership in owned if ownership.account_id is not None]


def owner_at(ownerships: Sequence[Ownership], at: datetime) -> int | None:
    """The account to which the scope belongs at that instant."""
    for ownership in ownerships:
        if ownership.starts <= at < ownership.ends:
            return ownership.account_id
    return None


def turns_for(
    turns: Sequence[Turn], starts: datetime, ends: datetime | None, account_id: int | None
) -> list[tuple[datetime, int | None]]:
    """The turns to add so that [starts, ends) belongs to the account and all else stays as it was.

    Every turn within is turned again, also one that a merged ownership does not show.
    """
    stop = ends or LATEST
    new: list[tuple[datetime, int | None]] = [(starts, account_id)]
    new += [(at, account_id) for at in sorted({turn.from_at for turn in turns if starts < turn.from_at < stop})]
    if ends is not None:
        new.append((ends, owner_at(timeline(turns), ends)))
    return new


def overlaps(ownerships: Sequence[Ownership], starts: datetime, ends: datetime | None) -> list[Ownership]:
    """The ownerships that share an instant with [starts, ends)."""
    stop = ends or LATEST
    return [own for own in ownerships if own.starts < stop and starts < own.ends]


