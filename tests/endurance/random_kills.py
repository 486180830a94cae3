"""Kills at random, one to several in a row before the thing is let through, until there are as many as were asked for.

Over the points in turn this adds kills while it is done again: at any point of a second, third, fourth or fifth try
upon whatever the ones before have left.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence

from tests.endurance.ledgers import Difference
from tests.endurance.points import Points
from tests.endurance.trials import Seed, Stage, Tally

IN_A_ROW = 5
"""How often at most it is killed before it is let through."""


def shares(names: Sequence[str], kills: int, seed: int) -> Counter[str]:
    """How many of so many kills each scenario gets when each kill draws one; done together, for each begins anew."""
    return Counter(random.Random(seed).choices(names, k=kills))


def kill_at_random(
    on: Stage, points: int, kills: int, seed: int, tally: Tally, plant: Seed | None = None
) -> Iterator[Tally]:
    """Trials of an act with so many points until the tally has so many kills; yields it after each.

    A trial draws up to five numbers of points. What was done before a kill is not done again, so that a later one may
    lie behind the end: then it goes through.
    """
    dice = random.Random(f"{seed} {on.scenario.name} {on.place.kind}")
    while tally.kills < kills:
        on.place.restore("scene")
        tally.trials += 1
        numbers, differences = [], list[Difference]()
        for _ in range(min(dice.randint(1, IN_A_ROW), kills - tally.kills)):
            numbers.append(dice.randint(1, points))
            ended = on.perform(on.scenario.now, Points(kill_at=numbers[-1]), plant)
            if not ended.killed:
                if ended.error or len(numbers) == 1:
                    differences.append(Difference("other", "the kill", "killed", ended.error[-500:] or "went through"))
                break
            tally.kills += 1
            differences += on.half_done()
        tally.add(f"the points {numbers} in a row", differences + on.finish(tally))
        yield tally
        if not tally.kills:
            return
