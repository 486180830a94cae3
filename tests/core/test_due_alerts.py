"""Which alerts are due: crossings, episodes, arming again (A2 to A4, A7)."""

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditsvc.core.due_alerts import (
    EXPIRY,
    NOT_ACTIVATED,
    STALE,
    UNCOVERED,
    USED,
    Decision,
    Memory,
    Reading,
    Rule,
    Setting,
    decide,
    forget_telling,
    take_back,
    thresholds_for,
)

CASES = json.loads((Path(__file__).parents[1] / "data" / "vectors" / "crossings.json").read_text())["cases"]
DAY = date(2026, 6, 15)


def nights(rule: Rule, *values: tuple[int, int] | int, memory: Memory | None = None) -> list[Decision]:
    """One decision per night for readings given as value or (value, acts)."""
    memory = memory or Memory()
    decisions = []
    for number, reading in enumerate(values):
        value, acts = reading if isinstance(reading, tuple) else (reading, 0)
        decision = decide(rule, rule.defaults, Reading(Fraction(value), acts), memory, DAY + timedelta(days=number))
        decisions.append(decision)
        memory = decision.memory
    return decisions


def crossed(case: dict[str, Any]) -> list[Decimal]:
    """The case's own thresholds that the first reading has not reached and the second has, by the product's rule."""
    rule = Rule("case", case["direction"], ())
    previous, current = Fraction(case["previous"]), Fraction(case["current"])
    thresholds = sorted(Decimal(t) for t in set(case["thresholds"]))
    return [
        t for t in thresholds if rule.is_reached(Fraction(t), current) and not rule.is_reached(Fraction(t), previous)
    ]


def told(decisions: list[Decision]) -> list[int | None]:
    return [decision.due for decision in decisions]


@pytest.mark.parametrize("case", [c for c in CASES if c["recurring"] is None], ids=lambda c: c["id"])
def test_a_crossing_without_a_recurring_step_is_answered_exactly(case):
    found = crossed(case)

    assert found == [Decimal(t) for t in case["expected"]["crossed"]]


@pytest.mark.parametrize("case", [c for c in CASES if c["recurring"] is not None], ids=lambda c: c["id"])
def test_the_fixed_thresholds_of_a_recurring_crossing_are_answered_exactly(case):
    thresholds = [Decimal(t) for t in case["thresholds"]]

    found = crossed(case)

    assert found == [Decimal(t) for t in case["expected"]["crossed"] if Decimal(t) in thresholds]


@pytest.mark.parametrize("case", [c for c in CASES if c["recurring"] is None], ids=lambda c: c["id"])
def test_the_most_telling_threshold_crossed_is_the_one_that_is_told(case):
    thresholds = tuple(int(t) for t in case["thresholds"])
    rule = Rule("case", case["direction"], thresholds)
    before = decide(rule, thresholds, Reading(Fraction(case["previous"])), Memory(), DAY)

    after = decide(rule, thresholds, Reading(Fraction(case["current"])), before.memory, DAY + timedelta(days=1))

    furthest = max if rule.direction == "increasing" else min
    assert after.due == furthest((int(t) for t in case["expected"]["crossed"]), default=None)


@pytest.mark.parametrize(
    "rule, value, due",
    [
        (USED, Fraction(50), 50),
        (USED, Fraction(50) - Fraction(1, 10**12), None),
        (USED, Fraction(100), 100),
        (EXPIRY, Fraction(30), 30),
        (EXPIRY, Fraction(30) + Fraction(1, 10**12), 60),
        (EXPIRY, Fraction(91), None),
        (STALE, Fraction(4), 4),
        (STALE, Fraction(3), None),
        (UNCOVERED, Fraction(0), None),
        (UNCOVERED, Fraction(1), 0),
    ],
)
def test_reached_is_exact(rule, value, due):
    decision = decide(rule, rule.defaults, Reading(value), Memory(), DAY)

    assert decision.due == due


def test_all_thresholds_crossed_at_once_make_one_alert_with_the_highest_named():
    decisions = nights(USED, 95, 95, 96)

    assert told(decisions) == [90, None, None]


def test_each_further_threshold_is_told_once():
    decisions = nights(USED, 40, 52, 60, 75, 80, 90, 99, 100, 100)

    assert told(decisions) == [None, 50, None, 75, None, 90, None, 100, None]


def test_a_threshold_is_told_though_the_night_of_its_day_was_missed():
    decisions = nights(EXPIRY, 61, 25, 13)

    assert told(decisions) == [90, 30, 14]


def test_a_human_act_arms_again_at_once():
    decisions = nights(USED, (76, 1), (76, 1), (75, 2), (75, 2))

    assert told(decisions) == [75, None, 75, None]
    assert [d.memory.episode_of(d.due) for d in decisions if d.due] == [1, 2]


def test_an_extension_starts_the_ladder_anew():
    decisions = nights(EXPIRY, (29, 0), (200, 1), (90, 1), (29, 1))

    assert told(decisions) == [30, None, 90, 30]


@pytest.mark.parametrize(
    "readings, expected",
    [
        ((76, 70, 76), [75, None, None]),  # back for one night only
        ((76, 70, 70, 76), [75, None, None, 75]),  # five points back on two nights
        ((76, 71, 71, 76), [75, None, None, None]),  # not far enough back
        ((76, 70, 71, 70, 76), [75, None, None, None, None]),  # not two nights in a row
        ((76, 70, 70, 70, 76, 76), [75, None, None, None, 75, None]),
    ],
)
def test_a_restatement_arms_again_only_after_two_nights_five_points_back(readings, expected):
    decisions = nights(USED, *readings)

    assert told(decisions) == expected


def corrected_nights(*values: int) -> list[tuple[int | None, bool]]:
    """Per night what of *used* is told, and whether what stood as told was corrected to that night's reading."""
    memory, open_at, said = Memory(), None, []
    for number, value in enumerate(values):
        is_wrong = open_at is not None and not USED.is_reached(open_at, Fraction(value))
        if open_at is not None and is_wrong:
            memory, open_at = take_back(USED, memory, open_at, Fraction(value)), None
        decision = decide(USED, USED.defaults, Reading(Fraction(value)), memory, DAY + timedelta(days=number))
        memory, open_at = decision.memory, decision.due or open_at
        said.append((decision.due, is_wrong))
    return said


@pytest.mark.parametrize(
    "readings, expected",
    [
        ((92, 62, 95), [90, None, 90]),  # a correction took it back: the next crossing is a new episode
        ((92, 62, 80, 95), [90, None, 75, 90]),  # so are the lesser thresholds that were not reached either
        ((92, 80, 80, 92), [90, None, None, 90]),  # what was reached all the same stays told
        ((92, 62, 55, 51), [90, None, None, None]),  # 50 was told and was right
    ],
)
def test_after_a_correction_the_next_crossing_is_told(readings, expected):
    assert [told for told, _ in corrected_nights(*readings)] == expected


def test_a_figure_that_flaps_every_night_is_told_and_corrected_twice_and_then_not_before_it_stays():
    said = corrected_nights(*[92, 62] * 10)
    stays = corrected_nights(*[92, 62] * 3, 92, 92, 92)

    assert said[:4] == [(90, False), (None, True), (90, False), (None, True)]
    assert said[4:] == [(None, False)] * 16
    assert [told for told, _ in stays] == [90, None, 90, None, None, None, None, 90, None]


def test_a_further_threshold_told_meanwhile_does_not_make_a_second_correction_a_first():
    said = corrected_nights(*[55, 80, 40] * 8)

    assert said[:6] == [(50, False), (75, False), (None, True)] * 2
    assert 50 not in [told for told, _ in said[6:]]  # it never stays, and is never back on two nights


def test_two_nights_back_or_a_human_act_end_the_wait_after_a_second_correction():
    flapped = take_back(USED, nights(USED, 92)[-1].memory, 90, Fraction(62))
    flapped = take_back(USED, nights(USED, 92, memory=flapped)[-1].memory, 90, Fraction(62))

    later = [replace(flapped, counted_on=DAY - timedelta(days=1))] * 2
    after_back = nights(USED, 60, 60, 92, memory=later[0])
    after_act = nights(USED, (92, 1), memory=later[1])
    again = take_back(USED, after_act[-1].memory, 90, Fraction(62))

    assert told(after_back) == [None, None, 90]
    assert told(after_act) == [90]
    assert told(nights(USED, (92, 1), memory=again)) == [90]  # the first correction since the act


def test_uncovered_usage_that_was_taken_back_is_told_when_it_begins_again():
    first = nights(UNCOVERED, 20)[-1].memory

    after = take_back(UNCOVERED, first, 0, Fraction(0))

    assert told(nights(UNCOVERED, 0, 7, memory=after)) == [None, 0]
    assert told(nights(UNCOVERED, 0, 7, memory=first)) == [None, None]


@given(st.lists(st.sampled_from([40, 62, 74, 76, 89, 91, 95, 100]), max_size=60))
def test_what_is_told_after_what_was_told_has_risen_was_corrected_or_was_back_for_two_nights(values):
    said = corrected_nights(*values)

    told_at = [number for number, (told, _) in enumerate(said) if told is not None]
    for first, second in pairwise(told_at):
        was_corrected = any(wrong for _, wrong in said[first + 1 : second + 1])
        assert was_corrected or values[second] > values[first] or second - first > USED.back_nights


def test_a_fall_does_not_tell_lesser_thresholds_anew():
    decisions = nights(USED, 91, 72, 72, 76, 91)

    # 90 has been five points back and arms again, 75 has not (72), 50 is still reached
    assert told(decisions) == [90, None, None, None, 90]


def test_a_deep_fall_arms_the_lesser_thresholds_that_were_passed_over():
    decisions = nights(USED, 91, 60, 60, 76)

    assert told(decisions) == [90, None, None, 75]


def test_deciding_twice_on_one_day_counts_one_night():
    first = decide(USED, USED.defaults, Reading(Fraction(76)), Memory(), DAY)
    back = decide(USED, USED.defaults, Reading(Fraction(60)), first.memory, DAY + timedelta(days=1))

    again = decide(USED, USED.defaults, Reading(Fraction(60)), back.memory, DAY + timedelta(days=1))

    assert again == back
    assert again.memory.marks[75].back == 1


def test_deciding_twice_on_one_day_tells_once():
    first = decide(USED, USED.defaults, Reading(Fraction(76)), Memory(), DAY)

    again = decide(USED, USED.defaults, Reading(Fraction(76)), first.memory, DAY)

    assert (first.due, again.due) == (75, None)
    assert again.memory == first.memory


def test_uncovered_usage_is_told_when_it_begins_and_not_as_it_grows():
    decisions = nights(UNCOVERED, 0, 5, 500, 900)

    assert told(decisions) == [None, 0, None, None]


def test_after_a_top_up_old_uncovered_usage_is_not_told_again_but_new_is():
    decisions = nights(UNCOVERED, (500, 1), (700, 1), (700, 2), (700, 2), (705, 2), (800, 2))

    assert told(decisions) == [0, None, None, None, 0, None]


def test_uncovered_usage_that_was_covered_later_may_begin_again():
    decisions = nights(UNCOVERED, 500, 0, 0, 3)

    assert told(decisions) == [0, None, None, 0]


def test_late_uncovered_usage_of_an_earlier_gap_is_not_lost():
    decisions = nights(UNCOVERED, (0, 1), (0, 2), (40, 2))

    assert told(decisions) == [None, None, 0]


def test_stale_data_is_told_again_after_fresh_data_came():
    decisions = nights(STALE, 4, 5, 1, 2, 4)

    assert told(decisions) == [4, None, None, None, 4]


def test_stale_data_that_moved_while_no_night_ran_is_told_again():
    decisions = nights(STALE, (5, 700), (9, 720))

    assert told(decisions) == [4, 4]


def test_what_is_not_activated_is_told_once_after_ninety_days():
    assert told(nights(NOT_ACTIVATED, 89, 90, 91, 120, 400)) == [None, 90, None, None, None]


def test_what_passed_before_anybody_was_told_can_be_told_later():
    (first,) = nights(USED, 76)

    again = decide(USED, USED.defaults, Reading(Fraction(76)), forget_telling(first.memory), DAY)

    assert again.due == 75


def test_a_threshold_added_later_is_told_when_it_is_already_passed():
    first = decide(USED, (50, 75), Reading(Fraction(85)), Memory(), DAY)

    second = decide(USED, (50, 75, 80), Reading(Fraction(85)), first.memory, DAY + timedelta(days=1))

    assert (first.due, second.due) == (75, 80)


@pytest.mark.parametrize(
    "settings, expected",
    [
        ([], (50, 75, 90, 100)),
        ([None], (50, 75, 90, 100)),
        ([Setting(enabled=False)], ()),
        ([Setting(enabled=False), Setting(thresholds=(80,))], (80,)),
        ([Setting(thresholds=(80,)), Setting(thresholds=(95, 80))], (80, 95)),
        ([None, Setting(thresholds=(80,))], (50, 75, 80, 90, 100)),
    ],
)
def test_several_programmes_give_the_union_of_their_thresholds(settings, expected):
    assert thresholds_for(USED, settings) == expected


@given(values=st.lists(st.integers(0, 120), min_size=1, max_size=20))
def test_without_human_acts_a_rising_reading_never_tells_a_threshold_twice(values):
    decisions = nights(USED, *sorted(values))

    named = [due for due in told(decisions) if due is not None]
    assert named == sorted(set(named))
    assert decisions[-1].standing == max((t for t in USED.defaults if t <= max(values)), default=None)


@given(
    values=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 1)), min_size=1, max_size=20),
    rule=st.sampled_from([USED, EXPIRY, UNCOVERED, NOT_ACTIVATED, STALE]),
)
def test_no_rule_names_one_threshold_twice_in_an_episode(values, rule):
    acts = 0
    readings = []
    for value, act in values:
        acts += act
        readings.append((value, acts))

    decisions = nights(rule, *readings)

    keys = [(d.due, d.memory.episode_of(d.due)) for d in decisions if d.due is not None]
    assert len(keys) == len(set(keys))


@given(values=st.lists(st.integers(0, 120), min_size=1, max_size=12))
def test_deciding_every_night_twice_changes_nothing(values):
    memory = Memory()
    for number, value in enumerate(values):
        day = DAY + timedelta(days=number)
        once = decide(USED, USED.defaults, Reading(Fraction(value)), memory, day)

        twice = decide(USED, USED.defaults, Reading(Fraction(value)), once.memory, day)

        assert replace(twice, due=None) == replace(once, due=None)
        assert twice.due is None
        memory = once.memory


def test_a_night_ahead_of_its_day_does_not_keep_the_nights_before_from_arming_again():
    memory = decide(STALE, STALE.defaults, Reading(Fraction(41), 0), Memory(), DAY + timedelta(days=40)).memory

    decisions = nights(STALE, 0, 0, 5, memory=memory)

    assert told(decisions) == [None, None, 4]
