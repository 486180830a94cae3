"""The forecast: level, trend and odd days of trailing usage; run-out day, range and what expires unused."""

import statistics
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from benchmarks.backtest_error import Error
from benchmarks.forecast_backtest import KINDS, PARTS, generated, of_sample
from creditsvc.core.burndown import EARLIEST, Lot
from creditsvc.core.days import day_start
from creditsvc.core.forecast import Burn, Forecast, burn_of, forecast, is_stale, last_complete_day

LAST = date(2026, 6, 13)
NOW = datetime(2026, 6, 15, 1, tzinfo=UTC)
NEWEST = date(2026, 6, 14)


def days(*values: int) -> dict[date, int]:
    """Usage that ends with LAST."""
    return {LAST - timedelta(days=len(values) - 1 - number): value for number, value in enumerate(values)}


def lot(key: str, amount: int, start: int = -100, end: int | None = 300, priority: int = 0) -> Lot:
    """A lot from and to so many days after LAST."""
    ends = None if end is None else day_start(LAST + timedelta(days=end))
    return Lot(key, amount, day_start(LAST + timedelta(days=start)), ends, priority=priority, awarded=EARLIEST)


def run_out(burn: Burn, *lots: Lot) -> int | None:
    """The run-out day as so many days after LAST."""
    day = forecast(burn, lots, {one.key: one.amount for one in lots}).run_out
    return None if day is None else (day - burn.last).days


def burn(*values: int) -> Burn:
    found = burn_of(days(*values), NEWEST, NOW)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "newest, as_of, last",
    [
        (date(2026, 6, 14), NOW, date(2026, 6, 13)),
        (date(2026, 6, 15), NOW, date(2026, 6, 13)),  # two days behind the clock, whatever has come
        (date(2026, 6, 10), NOW, date(2026, 6, 9)),  # the newest day with data may be half there
    ],
)
def test_the_newest_days_are_not_complete_yet(newest: date, as_of: datetime, last: date):
    assert last_complete_day(newest, as_of) == last


def test_what_incomplete_days_say_does_not_matter():
    usage = days(*[100] * 40)

    assert burn_of(usage | {NEWEST: 3}, NEWEST, NOW) == burn_of(usage | {NEWEST: 90_000}, NEWEST, NOW)


@pytest.mark.parametrize("count", [0, 1, 6])
def test_less_than_a_week_of_days_tells_nothing(count: int):
    assert burn_of(days(*[100] * count), NEWEST, NOW) is None


def test_data_that_ended_over_two_weeks_ago_tells_nothing_of_today():
    usage, later = days(*[100] * 40), datetime(2026, 6, 29, 1, tzinfo=UTC)

    assert burn_of(usage, NEWEST, later) is not None
    assert burn_of(usage, NEWEST, later + timedelta(days=1)) is None
    assert is_stale(NEWEST, later + timedelta(days=1))


def test_days_without_usage_count_when_there_was_usage_before_them():
    assert burn_of({}, NEWEST, NOW, more_before=True) == Burn(LAST, 7, 0, 0, 0, 0)
    assert burn_of({}, NEWEST, NOW) is None


def test_a_steady_level_is_found_exactly():
    assert burn(*[100] * 56) == Burn(LAST, 56, 700, 0, 0, 87)


def test_weekends_are_no_odd_days():
    assert burn(*[100, 100, 100, 100, 100, 10, 10] * 8).weekly == 520


@pytest.mark.parametrize("at", [0, 20, 41, 55])
def test_one_odd_day_does_not_move_the_level(at: int):
    values = [100] * 56
    values[at] = 9_000

    assert burn(*values).weekly == 700


@pytest.mark.parametrize("count", [7, 12, 20, 27])
def test_one_odd_day_of_few_is_capped(count: int):
    values = [100] * count
    values[-3] = 90_000

    assert burn(*values).weekly == 600 + 3 * 100


def test_usage_that_stopped_a_week_ago_is_no_usage_any_more():
    assert burn(*[100] * 49, *[0] * 7).weekly == 0


def test_a_lasting_jump_leaves_what_was_before_behind():
    assert burn(*[100] * 42, *[300] * 14).weekly == 2100


def test_steady_growth_goes_on_and_fades():
    grown = burn(*[100 + week * 10 for week in range(8) for _ in range(7)])

    assert (grown.weekly, grown.trend) == (1190, 70)


def test_refunds_beyond_the_usage_of_a_day_are_no_usage_of_less_than_nothing():
    assert burn(*[100] * 55, -5_000).weekly == 700


def test_a_credit_runs_out_on_the_first_day_that_it_cannot_pay_whole():
    assert run_out(burn(*[100] * 56), lot("a", 1000)) == 11
    assert run_out(burn(*[100] * 56), lot("a", 1001)) == 11
    assert run_out(burn(*[100] * 56), lot("a", 1099)) == 11
    assert run_out(burn(*[100] * 56), lot("a", 1100)) == 12


def test_a_credit_that_outlasts_its_lot_expires_unused():
    told = forecast(burn(*[100] * 56), [lot("a", 10_000, end=11)], {"a": 10_000})

    assert (told.run_out, told.unused, told.bill_from) == (None, {"a": 9_000}, LAST + timedelta(days=11))


def test_the_sooner_expiry_burns_first_and_the_later_lot_takes_over():
    told = forecast(burn(*[100] * 56), [lot("late", 500, end=200), lot("soon", 300, end=3)], {"late": 500, "soon": 300})

    assert told.unused == {"soon": 100}
    assert told.run_out == LAST + timedelta(days=8)


def test_a_lot_that_starts_later_pays_then():
    told = forecast(burn(*[100] * 56), [lot("a", 500), lot("b", 700, start=20)], {"a": 500, "b": 700})

    assert told.run_out == LAST + timedelta(days=6)
    assert told.unused == {}


def test_the_line_ahead_goes_down_to_the_run_out_day_and_steps_where_lots_begin_and_end():
    told = forecast(
        burn(*[100] * 56), [lot("a", 500, end=3), lot("b", 300, start=6)], {"a": 500, "b": 300},
    )

    ahead = [((day - LAST).days - 1, steps) for day, steps in told.ahead]

    assert ahead == [(0, 500), (2, 300), (2, 0), (2, 0), (5, 0), (5, 300), (8, 0)]


def test_without_usage_nothing_runs_out_and_all_expires():
    told = forecast(burn(*[100] * 49, *[0] * 7), [lot("a", 500)], {"a": 500})

    assert (told.run_out, told.early, told.unused_in_all) == (None, None, 500)


def test_a_lot_without_an_end_that_lasts_for_years_does_not_run_out():
    assert run_out(burn(*[1] * 56), lot("a", 10**9, end=None)) is None


def test_the_first_bill_is_thirty_days_of_usage_from_the_day_it_runs_out():
    told = forecast(burn(*[100] * 56), [lot("a", 1000)], {"a": 1000})

    assert (told.bill_from, told.first_bill) == (LAST + timedelta(days=11), 3000)


def test_what_incomplete_days_have_used_already_is_the_least_that_they_use():
    steady, credit = burn(*[100] * 56), lot("a", 1000)

    told = forecast(steady, [credit], {"a": 1000}, {NEWEST: 950, LAST: 70_000})

    assert told.run_out == LAST + timedelta(days=2)
    assert forecast(steady, [credit], {"a": 1000}, {NEWEST: 3}).run_out == LAST + timedelta(days=11)


LOTS = st.lists(
    st.tuples(st.integers(0, 20_000), st.integers(-50, 120), st.none() | st.integers(1, 300)), min_size=1, max_size=4
)


@settings(max_examples=400)
@given(
    st.lists(st.integers(0, 200), min_size=28, max_size=80), st.integers(-3, 3), LOTS,
    st.dictionaries(st.integers(1, 6), st.integers(0, 4_000), max_size=4),
)
@example([90, 110] * 28, 0, [(900, -100, 400), (9_000, -100, 160)], {})
def test_a_forecast_without_a_range_says_the_same_of_the_rest(
    values: list[int], growing: int, terms: list[tuple[int, int, int | None]], later: dict[int, int]
):
    """One goes ahead week by week, the other in leaps."""
    found = burn_of(days(*(max(value + number * growing, 0) for number, value in enumerate(values))), NEWEST, NOW)
    assume(found is not None)
    lots = [lot(str(number), amount, start, None if length is None else start + length)
            for number, (amount, start, length) in enumerate(terms)]
    given_ahead = lots, {one.key: one.amount for one in lots}, {LAST + timedelta(days=day): later[day] for day in later}

    told, short = forecast(found, *given_ahead), forecast(found, *given_ahead, ranged=False)

    assert (short.early, short.late) == (None, None)
    assert (short.run_out, short.unused, short.first_bill) == (told.run_out, told.unused, told.first_bill)


def test_the_range_holds_the_day():
    told = forecast(burn(*[90, 110] * 28), [lot("a", 5_000)], {"a": 5_000})

    assert told.early is not None
    assert told.late is not None
    assert told.run_out is not None
    assert told.early < told.run_out < told.late


@given(st.lists(st.integers(0, 10**12), min_size=7, max_size=80), st.integers(1, 10**15))
def test_the_range_never_excludes_what_is_expected(values: list[int], amount: int):
    found = burn_of(days(*values), NEWEST, NOW)
    if found is None:
        return
    told = forecast(found, [lot("a", amount, end=400)], {"a": amount})
    never = date.max

    assert (told.early or never) <= (told.run_out or never) <= (told.late or never)
    assert 0 <= told.unused_in_all <= amount


HISTORIES = st.lists(st.integers(0, 10**12), min_size=28, max_size=80)


def of(values: list[int], amount: int) -> Forecast:
    """What is forecast for one credit that ends 400 days after LAST."""
    found = burn_of(days(*values), NEWEST, NOW, more_before=True)
    assert found is not None
    return forecast(found, [lot("a", amount, end=400)], {"a": amount})


@given(HISTORIES, st.integers(1, 10**15))
def test_nothing_ever_runs_out_after_usage_has_stopped(values: list[int], amount: int):
    told = of([*values, *[0] * 14], amount)

    assert (told.burn.weekly, told.run_out, told.early) == (0, None, None)
    assert told.unused == {"a": amount}


@given(HISTORIES, st.integers(10**6, 10**15), st.integers(2, 1000))
def test_another_scale_tells_the_same_days(values: list[int], amount: int, times: int):
    values = [value * 10**4 for value in values]  # far above the whole steps to which medians are rounded
    told, scaled = of(values, amount), of([value * times for value in values], amount * times)

    for one, other in ((told.run_out, scaled.run_out), (told.early, scaled.early), (told.late, scaled.late)):
        assert abs((one or LAST + timedelta(days=401)) - (other or LAST + timedelta(days=401))) <= timedelta(days=1)


@given(
    st.lists(st.integers(90, 110), min_size=35, max_size=56), st.integers(0, 34), st.integers(0, 10**9),
    st.integers(1_000, 10_000),
)
def test_one_odd_day_moves_the_run_out_day_by_little(values: list[int], back: int, odd: int, amount: int):
    told = of(values, amount)

    changed = of([*values[: len(values) - 1 - back], odd, *values[len(values) - back :]], amount)

    assert told.run_out is not None
    assert changed.run_out is not None
    ahead = (told.run_out - LAST).days
    assert abs((changed.run_out - told.run_out).days) <= max(ahead // 4, 2)


@given(HISTORIES, st.lists(st.integers(0, 10**15), min_size=2, max_size=2))
def test_incomplete_last_days_do_not_matter_to_what_is_used(values: list[int], late: list[int]):
    usage = days(*values)

    assert burn_of(usage | {NEWEST: late[0], NEWEST + timedelta(days=1): late[1]}, NEWEST, NOW) == burn_of(
        usage, NEWEST, NOW
    )


def medians(errors: list[Error]) -> tuple[float, float]:
    """Of the days by which the rule and the straight line missed."""
    return statistics.median(error.rule for error in errors), statistics.median(error.naive for error in errors)


@pytest.mark.parametrize("name", KINDS)
def test_the_run_out_day_is_missed_by_less_than_by_a_straight_line(name: str):
    rule, line = medians(generated(name, count=120, seed=3))

    assert rule < line


@pytest.mark.parametrize("part", PARTS)
def test_on_the_sample_the_run_out_day_is_missed_by_no_more_than_by_a_straight_line(shared_data: Path, part: str):
    rule, line = medians(of_sample(shared_data / "focus/focus-1.0-sample-1000.csv", PARTS[part]))

    assert rule < line or (part == "its service categories" and rule == line)
