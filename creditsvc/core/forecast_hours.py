"""What is used of hours: sessions are rare, so that the usual week would be one without any (docs/forecast.md).

The level is the mean of whole weeks. What becomes of the lots is `core.forecast`'s, as of credit.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from math import isqrt

from creditsvc.core.forecast import LEAST_SPREAD, WEEK, Burn

MOST_WEEKS = 8
"""How many whole weeks back it looks."""

LEAST_WEEKS = 4
"""Fewer tell nothing of sessions that come once a month."""


def burn_of_sessions(minutes: Mapping[date, int], begun: date, last: date) -> Burn | None:
    """What is used of hours, from the minutes of sessions by day, whole trailing weeks up to `last`; None with fewer
    than four of them since `begun`, the first day on which there was something to use.

    Weeks without a session count as much as others. The range is what so few weeks leave open: twice the mean distance
    of a week from the mean, by the root of how many there are; an eighth at least.
    """
    weeks = min(((last - begun).days + 1) // WEEK, MOST_WEEKS)
    if weeks < LEAST_WEEKS:
        return None
    used = [
        max(sum(minutes.get(last - timedelta(days=week * WEEK + back), 0) for back in range(WEEK)), 0)
        for week in range(weeks)
    ]
    weekly = sum(used) // weeks
    distance = sum(abs(one - weekly) for one in used) // weeks
    spread = max(2 * distance // isqrt(weeks), weekly * LEAST_SPREAD[0] // LEAST_SPREAD[1])
    return Burn(last, weeks * WEEK, weekly, 0, 0, spread)
