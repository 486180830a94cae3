"""Hours: holds are kept before all other usage, and ending one never costs another (L14). Seats: how many at once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditsvc.core.burndown import Lot, Promise, burning_order, plan_hours, room
from creditsvc.core.errors import RuleBroken
from creditsvc.core.seats import free, heaviest, peak

START = datetime(2026, 1, 1, tzinfo=UTC)
MADE = datetime(2025, 12, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def lot(key: str, amount: int, first: int, last: int, priority: int = 0) -> Lot:
    return Lot(key, amount, day(first), day(last), priority=priority)


JANUARY, FEBRUARY = lot("january", 60, 0, 31), lot("february", 60, 20, 59)


def test_a_hold_is_kept_of_the_lots_that_are_active_at_its_instant() -> None:
    made = plan_hours([JANUARY, FEBRUARY], [Promise("one", day(25), 90, MADE)], {}, {})

    assert made.held() == {"january": 60, "february": 30}
    assert {line.at for line in made.lines} == {MADE}
    assert made.drawn() == {}


def test_usage_takes_nothing_that_a_hold_keeps() -> None:
    """The session of day 5 uses 40 beyond what was held; of January's 60 the hold for day 25 keeps 60."""
    made = plan_hours([JANUARY], [Promise("one", day(25), 60, MADE)], {day(5): 40}, {})

    assert made.held() == {"january": 60}
    assert made.drawn() == {}
    assert made.total("uncovered") == 40


def test_a_confirmed_session_stays_before_later_holds() -> None:
    """Were it planned after them, the hold for day 25 would have January's minutes, and it would find none."""
    made = plan_hours([JANUARY, FEBRUARY], [Promise("one", day(10), 60), Promise("two", day(25), 60, MADE)], {}, {})

    assert made.drawn() == {"january": 60}
    assert made.held() == {"february": 60}


def test_minutes_that_nobody_may_pay_are_uncovered_though_there_are_lots() -> None:
    made = plan_hours([JANUARY], [], {}, {day(3): 15})

    assert made.total("uncovered") == 15
    assert made.drawn() == {}


def test_a_session_uses_no_less_than_nothing() -> None:
    with pytest.raises(RuleBroken, match="no less than nothing"):
        plan_hours([JANUARY], [], {day(3): -1}, {})


def test_room_is_what_is_left_for_the_day() -> None:
    holds = [Promise("one", day(25), 70, MADE)]

    assert room([JANUARY, FEBRUARY], [], {}, {}, day(25)) == 120
    assert room([JANUARY, FEBRUARY], holds, {}, {}, day(25)) == 50
    assert room([JANUARY, FEBRUARY], holds, {}, {}, day(10)) == 50  # of January: February pays the rest of the hold
    assert room([JANUARY, FEBRUARY], [], {}, {}, day(59)) == 0


days = st.integers(0, 40)
lots = st.lists(
    st.tuples(st.integers(1, 90), days, st.integers(1, 30), st.integers(0, 1)), min_size=1, max_size=4
).map(lambda rows: [
    lot(f"lot{number}", amount, first, first + length, priority)
    for number, (amount, first, length, priority) in enumerate(rows)
])
wishes = st.lists(st.tuples(days, st.integers(1, 60)), max_size=6)
excess = st.dictionaries(days.map(day), st.integers(1, 40), max_size=3)


def accepted(of: Sequence[Lot], asked: Sequence[tuple[int, int]], usage: Mapping[datetime, int]) -> list[Promise]:
    """The holds that there is room for, asked one after the other."""
    holds: list[Promise] = []
    for number, (at, amount) in enumerate(asked):
        if amount <= room(of, holds, usage, {}, day(at)):
            holds.append(Promise(f"hold{number}", day(at), amount, MADE))
    return holds


def minute_by_minute(of: Sequence[Lot], promises: Sequence[Promise], usage: Mapping[datetime, int]) -> Counter[str]:
    """The same rules with other arithmetic: each minute takes the first lot that has one."""
    left = {one.key: one.amount for one in of}
    asked = [(one.at, one.key, "held" if one.held_since else "drawn", one.amount)
             for one in sorted(promises, key=lambda one: (one.at, one.key))]
    asked += [(at, "", "drawn", amount) for at, amount in sorted(usage.items())]
    sums: Counter[str] = Counter()
    for at, _, kind, amount in asked:
        for _minute in range(amount):
            payer = next((one for one in sorted(of, key=burning_order) if one.is_active(at) and left[one.key]), None)
            if payer is not None:
                left[payer.key] -= 1
            sums[f"{kind} {payer.key}" if payer else f"short {kind}"] += 1
    return sums


@given(lots, wishes, excess, st.data())
@settings(max_examples=300)
def test_holds_that_were_accepted_stay_whole_however_others_end(
    of: list[Lot], asked: list[tuple[int, int]], usage: dict[datetime, int], data: st.DataObject
) -> None:
    holds = accepted(of, asked, usage)
    uncovered = plan_hours(of, [], usage, {}).total("uncovered")
    ended: list[Promise] = []
    for hold in holds:
        used = data.draw(st.one_of(st.none(), st.integers(0, hold.amount)), label=hold.key)
        if used is None:
            ended.append(hold)
        elif used:
            ended.append(Promise(hold.key, hold.at, used))

    made = plan_hours(of, ended, usage, {})

    assert made.total("held") == sum(hold.amount for hold in ended if hold.held_since)
    assert made.total("drawn") == sum(usage.values()) - made.total("uncovered") + sum(
        one.amount for one in ended if not one.held_since
    )
    assert made.total("uncovered") <= uncovered


@given(lots, wishes, excess)
@settings(max_examples=200)
def test_the_plan_is_what_minute_by_minute_comes_to(
    of: list[Lot], asked: list[tuple[int, int]], usage: dict[datetime, int]
) -> None:
    promises = [
        Promise(f"hold{number}", day(at), amount, MADE if number % 2 else None)
        for number, (at, amount) in enumerate(asked)
    ]
    made = plan_hours(of, promises, usage, {})

    found = Counter({f"drawn {key}": amount for key, amount in made.drawn().items() if amount})
    found.update({f"held {key}": amount for key, amount in made.held().items() if amount})
    expected = minute_by_minute(of, promises, usage)
    short = expected.pop("short drawn", 0)
    expected.pop("short held", 0)
    assert found == expected
    assert made.total("uncovered") == short


@given(lots, wishes, excess, days)
@settings(max_examples=100)
def test_room_is_the_most_that_is_accepted(
    of: list[Lot], asked: list[tuple[int, int]], usage: dict[datetime, int], at: int
) -> None:
    holds = accepted(of, asked, usage)
    most = room(of, holds, usage, {}, day(at))
    before = plan_hours(of, holds, usage, {})

    def is_whole(amount: int) -> bool:
        made = plan_hours(of, [*holds, Promise("z", day(at), amount, MADE)], usage, {})
        return (made.total("held") == before.total("held") + amount
                and made.total("uncovered") <= before.total("uncovered"))

    assert most == 0 or is_whole(most)
    assert not is_whole(most + 1)


def test_the_most_seats_taken_at_once() -> None:
    assert peak([]) == 0
    assert peak([(day(0), day(10)), (day(5), None), (day(10), day(12))]) == 2  # one ends when the next begins
    assert peak([(day(0), None), (day(3), day(3)), (day(4), day(2))]) == 1  # taken back before it began
    assert heaviest([(day(0), day(10), 5), (day(9), None, 7)]) == 12


def test_free_seats_are_those_free_throughout() -> None:
    taken = [(day(0), day(10)), (day(20), None)]

    assert free(2, taken, day(10), day(20)) == 2
    assert free(2, taken, day(5), day(25)) == 1
    assert free(1, taken, day(30), None) == 0


@given(st.lists(st.tuples(days, st.one_of(st.none(), st.integers(0, 50))), max_size=8))
def test_the_peak_is_the_most_on_any_day(rows: list[tuple[int, int | None]]) -> None:
    by_day = [
        sum(first <= number and (last is None or number < last) for first, last in rows) for number in range(60)
    ]

    assert peak((day(first), None if last is None else day(last)) for first, last in rows) == max(by_day, default=0)
