"""How far the searches for faults go: so far in every run, and whole by `make properties`."""

import os

WHOLE = os.environ.get("CREDITSVC_WHOLE") == "1"


def size(usual: int, whole: int) -> int:
    """How many examples a search tries."""
    return whole if WHOLE else usual
