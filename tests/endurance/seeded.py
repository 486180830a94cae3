"""Faults to put into the service of a fork, each a slip that real services had; a harness that finds none is void."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Engine, event, select

from creditsvc import clock
from creditsvc.alerts import findings, telling
from creditsvc.alerts.models import AlertTold, JobRun
from creditsvc.api import writes
from creditsvc.core.due_alerts import business_day
from creditsvc.db import db, transaction
from creditsvc.jobs import commands_night, commands_usage, delivery, nightly, runs, scheduler
from creditsvc.jobs.delivery import DeliveryCount
from creditsvc.ledger import book
from creditsvc.mail import outbox
from creditsvc.parties.once import Answer, do_once, kept_answer
from creditsvc.usage import imports


@dataclass(frozen=True)
class Seeded:
    """A fault, the scenario in which it must be found, and as what."""

    name: str
    plant: Callable[[], None]
    scenario: str
    found_as: str


def _commit_and_go_on() -> None:
    """Ends a door's transaction before its time; what follows is another one."""
    session = db.session()
    session.commit()
    session.info["connection"] = session.connection()


@dataclass(frozen=True)
class SeededNights:
    """A fault to be found in some nights of two schedulers and two senders, and as what it may be."""

    name: str
    plant: Callable[[], None]
    found_as: tuple[str, ...]


def mark_before_the_send() -> None:
    """A mail counts as sent when it is about to be sent."""
    right = delivery.sender_for

    @contextmanager
    def wrong(config: Any) -> Iterator[Any]:
        def marked_first(mail: Any) -> Any:
            transaction(lambda: outbox.mark_sent(mail, clock.now()))
            return send(mail)

        with right(config) as send:
            yield marked_first

    delivery.sender_for = wrong


def claim_and_mark_in_one_transaction() -> None:
    """A mail is sent inside the transaction that claims and marks it, so that a kill forgets the sending."""

    def wrong(config: Any, now: Any, sender: Any = None) -> DeliveryCount:
        def one() -> bool:
            for mail in outbox.claim(now(), "worker", limit=1):
                send(mail)
                outbox.mark_sent(mail, now())
                return True
            return False

        sent = 0
        with delivery.sender_for(config) as send:
            while transaction(one):
                sent += 1
        return DeliveryCount(sent=sent)

    commands_night.deliver = wrong


def postings_after_the_commit() -> None:
    """Usage and batches are committed, and their postings a moment later."""
    right, late = book._write_postings, []
    book._write_postings = lambda drafts: late.append(list(drafts))

    def then(fn: Any, **more: Any) -> Any:
        result = transaction(fn, **more)
        while late:
            transaction(functools.partial(right, late.pop()))
        return result

    commands_usage.transaction = then


def commit_in_the_middle() -> None:
    """An import commits its usage before it is posted."""
    right = imports.post

    def wrong(*values: Any, **more: Any) -> Any:
        _commit_and_go_on()
        return right(*values, **more)

    imports.post = wrong


def key_kept_in_another_transaction() -> None:
    """The answer under an Idempotency-Key is kept after the effect is committed."""
    late: list[Any] = []

    def wrong(caller: Any, key: str, asked: str, act: Callable[[], Answer]) -> Answer:
        answer = kept_answer(caller, key, asked) or act()
        late.append(lambda: do_once(caller, key, asked, lambda: answer))
        return answer

    def then(fn: Any, **more: Any) -> Any:
        result = transaction(fn, **more)
        while late:
            transaction(late.pop())
        return result

    writes.do_once, writes.transaction = wrong, then


def told_apart_from_the_digest() -> None:
    """What a person was told is noted after the commit of the mail that tells it."""
    right = telling.tell

    def wrong(night: Any, told: Any, mail_from: str, now: Any) -> int:
        queued = right(night, [replace(one, alert_ids=()) for one in told], mail_from, now)
        _commit_and_go_on()
        for one in told:
            digest = db.session.execute(db.select(telling.Digest.id).where(
                telling.Digest.person_id == one.draft.person_id, telling.Digest.day == night.day,
                telling.Digest.edition == night.edition)).scalar_one()
            db.session.add_all(AlertTold(alert_id=alert, person_id=one.draft.person_id, digest_id=digest)
                               for alert in one.alert_ids)
        db.session.flush()
        return queued

    nightly.telling.tell = wrong


def nothing_is_locked() -> None:
    """No row is locked before it is read, and no advisory lock is taken."""

    def unlocked(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> tuple[str, Any]:
        statement = statement.replace("pg_advisory_xact_lock_shared(", "(").replace("pg_advisory_xact_lock(", "(")
        return statement.partition(" FOR UPDATE")[0].rstrip(), parameters

    event.listen(Engine, "before_cursor_execute", unlocked, retval=True)


def both_decide() -> None:
    """The claim of a night looks at nobody who has it, and no commit takes the night's row."""
    runs.is_dead = lambda _: True
    runs.beat = lambda *_: None


def begun_is_done() -> None:
    """A night that was begun is not looked at again, alive or dead."""
    right = scheduler.was_missed
    scheduler.was_missed = lambda now: right(now) and not db.session.scalar(
        select(JobRun.id).where(JobRun.day == business_day(now)))


def no_claim_locks_a_mail() -> None:
    """Two senders may read the same mail as due before either says that it has it."""
    outbox._DUE = outbox._DUE._generate()
    outbox._DUE._for_update_arg = None


def no_act_arms() -> None:
    """A top-up or an award begins no new episode."""
    findings._account_acts = lambda *_: 0


FAULTS = (
    Seeded("a mail is marked before it is sent", mark_before_the_send, "mails that wait are delivered by SMTP", "lost"),
    Seeded("a mail is claimed, sent and marked in one transaction", claim_and_mark_in_one_transaction,
           "mails that wait are delivered by SMTP", "twice"),
    Seeded("postings are written after the commit", postings_after_the_commit, "import new days", "lost"),
    Seeded("an import commits in the middle", commit_in_the_middle, "import an export that restates days", "other"),
    Seeded("an Idempotency-Key is kept in another transaction", key_kept_in_another_transaction,
           "award a grant whose key is made up", "twice"),
    Seeded("who was told is kept apart from the mail", told_apart_from_the_digest,
           "a night that writes its mails as files", "lost"),
)

FAULTS_OF_NIGHTS = (
    SeededNights("both schedulers decide the night", both_decide, ("other", "lost", "twice")),
    SeededNights("two senders claim one mail", no_claim_locks_a_mail, ("twice",)),
    SeededNights("a night that was begun counts as done", begun_is_done, ("lost",)),
    SeededNights("a mail is marked before it is sent", mark_before_the_send, ("lost",)),
    SeededNights("no top-up and no award begins a new episode", no_act_arms, ("lost", "twice")),
)

MISSING_LOCK = Seeded("no row is locked before it is read", nothing_is_locked, "import new days", "other")


def _keep_nothing_right() -> None:
    scheduler.keep_right = lambda *_: None  # type: ignore[assignment, return-value]


NOT_PUT_RIGHT = Seeded(
    "nobody puts right what a clock that ran ahead put off", _keep_nothing_right,
    "a scheduler on a host whose clock leaps", "lost",
)
"""A clock that is set back keeps everything still."""
