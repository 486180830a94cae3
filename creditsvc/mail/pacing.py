"""When a mail that waits is due: pauses that grow and are spread, and a bound on what one address gets in a day."""

import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select

from creditsvc.db import db
from creditsvc.mail.models import OutboxMail

PAUSES = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 2 * 60, 4 * 60, 8 * 60, 12 * 60, 24 * 60, 24 * 60)
)
"""How long at least a mail waits after its first, second, ... try; refused once more after the last, it is given up
(3 days).

Counted in tries and not from the day it was queued, so that an outage of the service itself gives up nothing.
"""

DAILY_CAP = 50
"""Mails to one address in 24 hours; what is beyond waits a day, so that nothing that goes wrong buries anybody."""

_DAY = timedelta(days=1)
_NEVER_PUT_OFF = ("password-reset", "invitation", "night-silent", "session-", "test")
"""How the kinds begin that are of no use a day later: somebody waits for them, or their hour is near."""


def pause_after(tries: int, message_id: str) -> timedelta:
    """How long a mail waits after its try of that number (from 1): the pause and up to a fifth more.

    By how much is drawn from mail and try, so that what a server refused together does not come back together.
    """
    share = 100 + zlib.crc32(f"{message_id} {tries}".encode()) % 21
    return PAUSES[tries - 1] * share / 100


def due_times(wanted: Sequence[tuple[str, str]], now: datetime) -> list[datetime]:
    """When each of some mails, by (address, kind), is due: now, or a day later beyond the address's daily cap."""
    counts = _of_the_day({address for address, _ in wanted}, now)
    times = []
    for address, kind in wanted:
        is_beyond = counts.get(address, 0) >= DAILY_CAP and not kind.startswith(_NEVER_PUT_OFF)
        counts[address] = counts.get(address, 0) + 1
        times.append(now + _DAY if is_beyond else now)
    return times


def _of_the_day(addresses: set[str], now: datetime) -> dict[str, int]:
    """How many mails each address was sent or is to be sent from a day ago on, those that wait for tomorrow too."""
    queued = OutboxMail.queued_at
    rows = db.session.execute(
        select(OutboxMail.to_address, func.count())
        .where(
            OutboxMail.to_address.in_(addresses), queued > now - 2 * _DAY, queued <= now,
            or_(queued > now - _DAY, OutboxMail.next_try_at > now),
        )
        .group_by(OutboxMail.to_address)
    )
    return dict(rows.all())
