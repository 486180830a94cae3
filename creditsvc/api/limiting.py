"""How many requests a minute the API answers: to each token, and to each address that sends no valid one.

Counted by `limits` in the memory of each process, so that a request costs no statement: with N workers a bearer can get
up to N times the rate. It keeps one script from taking the service from all others, and is no gate of a plan.
"""

import math

from flask import Flask, Response, current_app
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from creditsvc import clock
from creditsvc.api.problems import problem

_LIMIT = "creditsvc-api-limit"


def hang_limit(app: Flask) -> None:
    """Counts from now on, unless the settings turn the limit off."""
    rate = app.config["CREDITSVC"].api_rate
    counted = (FixedWindowRateLimiter(MemoryStorage()), RateLimitItemPerMinute(rate)) if rate else None
    app.extensions[_LIMIT] = counted


def over_limit(kind: str, who: str) -> Response | None:
    """Counts a request of that token or address; a 429 problem when there were too many within a minute.

    The minute begins with the first request, and when it is over all is well again.
    """
    counted: tuple[FixedWindowRateLimiter, RateLimitItem] | None = current_app.extensions[_LIMIT]
    if counted is None or counted[0].hit(counted[1], kind, who):
        return None
    limiter, limit = counted
    wait = max(1, math.ceil(limiter.get_window_stats(limit, kind, who).reset_time - clock.now().timestamp()))
    return problem(
        "too-many-requests",
        f"This {kind} has sent more than {limit.amount} requests within a minute. Wait, then go on.",
        {"Retry-After": str(wait)}, code="rate-limit",
    )
