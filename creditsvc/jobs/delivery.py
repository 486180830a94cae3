"""Delivery: claim in a commit, send outside any transaction, mark in a commit (A6).

One mail at a time, over one connection: a claim must not age behind the slow sending of others, or it would look like a
dead one, and no mail that was not begun may be in doubt. The mark of one and the claim of the next share their commit.
Files are written at once and replace themselves, so they go in sets, and what a dead writer of them held is in no
doubt.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from creditsvc import clock as real
from creditsvc.config import Config
from creditsvc.db import transaction
from creditsvc.jobs import runs
from creditsvc.mail import outbox
from creditsvc.mail.models import FAILED
from creditsvc.mail.outbox import ClaimedMail
from creditsvc.mail.smtp import Outcome, Sender, sender_for, write_files, writes_files

FILES_AT_ONCE = 350
"""More ask fewer statements, and take more memory: some 50 KiB for each mail."""
_WRITER = "file:"
"""How the name of a worker begins that writes files."""

_Sending = Callable[[Sequence[ClaimedMail]], list[Outcome]]
"""What became of each; the last is one that says that the next would fare no better, if there is such a one."""

_AT_WORK: set[str] = set()
"""The workers of this process that deliver right now."""


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


def deliver(
    config: Config, clock: Callable[[], datetime], sender: Sender | None = None, alive: Callable[[], None] | None = None
) -> DeliveryCount:
    """Sends what is due now, each mail at most once in this run. Needs an application context.

    `alive` is called, outside any transaction, before each claim. Safe to run many at once, in any number of processes.
    Raises ConfigError for a wrong setting, before any claim.
    """
    worker = f"{_WRITER if writes_files(config) else ''}{runs.new_worker()}"
    _AT_WORK.add(worker)
    try:
        with _sending(config, sender) as send:
            return _deliver_as(worker, FILES_AT_ONCE if writes_files(config) else 1, clock, send, alive)
    finally:
        _AT_WORK.discard(worker)


def _deliver_as(
    worker: str, at_once: int, clock: Callable[[], datetime], send: _Sending, alive: Callable[[], None] | None
) -> DeliveryCount:
    started = clock()
    taken_over = transaction(lambda: _take_over(started))
    counted = Counter(uncertain=taken_over)
    claimed: Sequence[ClaimedMail] = ()
    outcomes: Sequence[Outcome] = ()
    while True:
        stopped = next((outcome.detail for outcome in outcomes if outcome.halt), "")
        mark = partial(_mark_all, worker, claimed, outcomes, clock)
        if stopped:
            counted.update(transaction(mark))
            return _count(counted, stopped)
        if alive is not None:
            _stay_alive(alive, mark)
        became, claimed = transaction(lambda mark=mark: (  # type: ignore[misc]
            mark(), outbox.claim(clock(), worker, limit=at_once, due_by=started, wall=real.now())))
        counted.update(became)
        if not claimed:
            return _count(counted, "")
        outcomes = send(claimed)
        claimed = [mail.without_content() for mail in claimed]  # the next are claimed before these are let go


def _count(counted: Counter[str], stopped: str) -> DeliveryCount:
    words = ("sent", "failed", "temporary", "uncertain")
    return DeliveryCount(**{word: counted[word] for word in words}, stopped=stopped)


def _stay_alive(alive: Callable[[], None], mark: Callable[[], object]) -> None:
    """Says that the run lives; when it may not go on, what was sent is marked before it ends."""
    try:
        alive()
    except Exception:
        transaction(mark)
        raise


def _take_over(now: datetime) -> int:
    """What dead processes held is due again; how much of it is in doubt."""
    claimants = outbox.claimants()
    dead = [worker for worker in claimants if runs.is_dead(worker.removeprefix(_WRITER))]
    alive = [worker for worker in claimants if _is_at_work(worker)]
    outbox.take_back([worker for worker in dead if worker.startswith(_WRITER)], now)
    return outbox.take_over(now, dead, alive)


def _is_at_work(worker: str) -> bool:
    """Whether it surely sends right now: one of this process by its own word, another while its process lives."""
    process = worker.removeprefix(_WRITER)
    return worker in _AT_WORK or (runs.is_alive(process) and not runs.is_own(process))


@contextmanager
def _sending(config: Config, sender: Sender | None) -> Iterator[_Sending]:
    """How what is claimed at once leaves: files in sets, all else one by one."""
    with sender_for(config) as own:
        if sender is None and writes_files(config):
            yield partial(write_files, config.mail_folder, config.mail_from)
        else:
            yield partial(_sent_in_turn, sender or own)


def _sent_in_turn(send: Sender, claimed: Sequence[ClaimedMail]) -> list[Outcome]:
    """What became of each; the last is one that says that the next would fare no better, if there is such a one."""
    outcomes: list[Outcome] = []
    for mail in claimed:
        outcomes.append(send(mail))
        if outcomes[-1].halt:
            break
    return outcomes


def _mark_all(
    worker: str, claimed: Sequence[ClaimedMail], outcomes: Sequence[Outcome], clock: Callable[[], datetime]
) -> Counter[str]:
    """Writes down what became of what was claimed at once and says how it counts; what was not tried is due again."""
    if 1 < len(claimed) == len(outcomes) and all(outcome.result == "sent" for outcome in outcomes):
        return Counter(sent=outbox.mark_all_sent(claimed, clock()))
    became = Counter(_mark(mail, outcome, clock) for mail, outcome in zip(claimed, outcomes, strict=False))
    if len(outcomes) < len(claimed):
        outbox.take_back([worker], clock())
    return became


def _mark(mail: ClaimedMail, outcome: Outcome, clock: Callable[[], datetime]) -> str:
    """Writes the outcome down and says how it counts."""
    if outcome.result == "sent":
        outbox.mark_sent(mail, clock())
        return "sent"
    marks = {
        "temporary": lambda: outbox.mark_temporary(mail, outcome.detail, clock()),
        "permanent": lambda: outbox.mark_permanent(mail, outcome.detail),
        "uncertain": lambda: outbox.mark_uncertain(mail, outcome.detail, clock()),
    }
    row = marks[outcome.result]()
    if outcome.result == "permanent" or (row is not None and row.state == FAILED):  # refused, or given up
        return "failed"
    return outcome.result
