"""Delivery: claim in a commit, send outside any transaction, mark in a commit (A6). One mail at a time."""

import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from creditsvc.config import Config
from creditsvc.db import transaction
from creditsvc.mail import outbox
from creditsvc.mail.models import FAILED
from creditsvc.mail.outbox import ClaimedMail
from creditsvc.mail.smtp import Outcome, Sender, sender_for


@dataclass(frozen=True)
class DeliveryCount:
    """What one run of delivery did. `uncertain` counts outcomes nobody can know, those of dead processes too.

    `stopped` says why the run ended before its time (no connection), else it is empty; the rest waits for the next.
    """

    sent: int = 0
    failed: int = 0
    temporary: int = 0
    uncertain: int = 0
    stopped: str = ""


def deliver(config: Config, clock: Callable[[], datetime], sender: Sender | None = None) -> DeliveryCount:
    """Sends what is due now, each mail at most once in this run. Needs an application context.

    Safe to run many at once, in any number of processes. Raises ConfigError for a wrong setting, before any claim.
    """
    send = sender or sender_for(config)
    worker = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(6)}"
    started = clock()
    taken_over = transaction(lambda: outbox.take_over(started))
    counted = {"sent": 0, "failed": 0, "temporary": 0, "uncertain": taken_over}
    stopped = ""
    while not stopped:
        # One by one: a claim must not age behind the slow sending of others, or it would look like a dead one.
        claimed = transaction(lambda: outbox.claim(clock(), worker, limit=1, due_by=started))
        if not claimed:
            break
        outcome = send(claimed[0])
        counted[_mark(claimed[0], outcome, clock)] += 1
        stopped = outcome.detail if outcome.halt else ""
    return DeliveryCount(stopped=stopped, **counted)


def _mark(mail: ClaimedMail, outcome: Outcome, clock: Callable[[], datetime]) -> str:
    """Writes the outcome down in a commit of its own and says how it counts."""
    marked = {
        "sent": lambda: outbox.mark_sent(mail, clock()),
        "temporary": lambda: outbox.mark_temporary(mail, outcome.detail, clock()),
        "permanent": lambda: outbox.mark_permanent(mail, outcome.detail),
        "uncertain": lambda: outbox.mark_uncertain(mail, outcome.detail, clock()),
    }
    row = transaction(marked[outcome.result])
    if outcome.result == "permanent" or (row is not None and row.state == FAILED):  # refused, or given up
        return "failed"
    return outcome.result
