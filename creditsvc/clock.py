"""The clock. Doors read it once and hand the instant down; everything below takes `now` as a value."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)
