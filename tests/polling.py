"""Waiting for what another process or thread does. The only place in the tests that sleeps."""

import time
from collections.abc import Callable


def wait_until(reached: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Returns once `reached()` is true; fails, naming `what`, when it is not within the bound."""
    end = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.02)
