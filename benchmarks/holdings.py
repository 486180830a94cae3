"""Pages with seats and hours: 10,000 startups, 200,000 people on seats, 100,000 sessions, against 100 startups."""

from benchmarks import holdings_park, pages, park
from benchmarks.frame import Result
from benchmarks.places import Ground
from creditsvc.ledger.listing import FILTERS

SMALL, LARGE = 100, 10_000
SEATS, SESSIONS = 20, 10
"""People on seats and sessions of each startup."""

ONE = park.key_of(77)
PAGES = (
    "/startups", *(f"/startups?show={chosen}" for chosen in FILTERS), f"/startups/{ONE}", f"/startups/{ONE}/statement",
    "/worklist",
)


def measure(ground: Ground) -> list[Result]:
    """Server time and statements of pages that show seats and hours too, on both databases."""
    return pages.against(ground, "holdings", lambda: _fill(SMALL), lambda: _fill(LARGE), PAGES)


def _fill(startups: int) -> None:
    half = startups // 2
    pages.fill(park.Park(startups=startups, grants=2, days=60, keys=1, expiring=half, troubled=half))
    holdings_park.fill(holdings_park.Holdings(startups, SEATS, SESSIONS))
