"""The night: seat who waits, count sessions that nobody disputed, remind of those to come, decide what is due, write
each person one digest, deliver, note the book's heads (A2 to A7, L18).

Every step may be killed at any point. What a commit holds is kept; the run is then taken over and repeats only what
leaves no trace: alerts are unique by key, digests by person, day and edition, mails leave through the outbox.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from creditsvc import clock
from creditsvc.alerts import incubator, telling
from creditsvc.alerts import night as deciding
from creditsvc.alerts.heads import note_heads
from creditsvc.alerts.links import Link, make_link, make_unsubscribe_link
from creditsvc.alerts.night import ACCOUNTS_AT_ONCE, NIGHTLY, Night
from creditsvc.alerts.reading import tonight
from creditsvc.config import Config
from creditsvc.consulting import letters, sessions
from creditsvc.core.days import starts_at
from creditsvc.core.due_alerts import business_day
from creditsvc.core.errors import RuleBroken
from creditsvc.db import begin_snapshot, db, transaction
from creditsvc.jobs import periodic, runs
from creditsvc.jobs.delivery import DeliveryCount, deliver
from creditsvc.jobs.runs import Claim
from creditsvc.ledger import seals
from creditsvc.ledger.book import renew_caches
from creditsvc.ledger.caches import uncached
from creditsvc.licences import waiting
from creditsvc.mail.outbox import Draft, refusal_of
from creditsvc.mail.smtp import sender_for
from creditsvc.parties.access import operator
from creditsvc.sets import chunks
from creditsvc.statements import models as statements_models  # noqa: F401 (their rows are sealed, by name)
from creditsvc.usage.files import drop_old_pieces

ACTOR = "nightly"
LETTERS_AT_ONCE = 800
"""More ask fewer statements, and take more memory: some 50 KiB for each mail."""
RENEWED_AT_ONCE = 500
SESSIONS_AT_MOST = 100_000
"""More than a night meets; what is left counts the next night."""

_POLL_SECONDS = 0.25
_BEAT_EVERY = timedelta(seconds=30)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Run:
    """A claimed run: what it works with. `wall` is the real clock, `clock` the run's own, which starts at its `now`."""

    config: Config
    night: Night
    held: Claim
    wall: Callable[[], datetime]
    clock: Callable[[], datetime]


def run_night(
    config: Config,
    now: datetime,
    *,
    send: bool = True,
    wait: bool = True,
    wall: Callable[[], datetime] = clock.now,
) -> dict[str, Any]:
    """The night's work for the business day of `now`; the document of `nightly --json` (CONTRACT: section 5).

    Needs an application context. `already done` when the day's run has succeeded. While another worker has it, waits
    for its end (and takes over if it dies), or with `wait` False answers `running`. With `send` False nothing is
    written: the document says what would be. Raises ConfigError for a wrong mail setting before anything is done.
    """
    if not send:
        return preview(now)
    sender_for(config)
    day = business_day(now)
    worker = runs.new_worker()
    while True:
        held = transaction(lambda: runs.claim(NIGHTLY, day, now, worker, wall()))
        if held == "done":
            return _nothing(now, "already done")
        if isinstance(held, Claim):
            try:
                return _work(config, now, held, wall)
            except runs.RunLost:
                log.warning("night.taken_over", day=day.isoformat())
        if not wait:
            return _nothing(now, "running")
        time.sleep(_POLL_SECONDS)


def preview(now: datetime) -> dict[str, Any]:
    """What tonight would say, with nothing written."""
    document = tonight(operator(now, ACTOR))
    db.session.rollback()  # ends the read
    return document


def _nothing(now: datetime, status: str) -> dict[str, Any]:
    return {
        "day": business_day(now).isoformat(), "status": status, "alerts": [], "own_alerts": [],
        "mails": {"queued": 0, "sent": 0, "failed": 0, "uncertain": 0},
    }


def _work(config: Config, now: datetime, held: Claim, wall: Callable[[], datetime]) -> dict[str, Any]:
    """All steps of a claimed run. Raises RunLost when it was taken over meanwhile."""
    began = wall()
    night = deciding.night_of(business_day(now), now)
    run = _Run(config, night, held, wall, lambda: now + (wall() - began))
    log.info("night.begins", day=night.day.isoformat())
    try:
        _seat_all(run)
        _settle_all(run)
        _remind_all(run)
        _decide_all(run)
        queued, refused = _tell_all(run)
        of_weeks = periodic.mail_all(config, night.day, now, _links(run), partial(_commit, run))
        queued, refused = queued + of_weeks[0], refused + of_weeks[1]
        heads = transaction(lambda: _note(run))
        _renew_caches(run)
        delivered = _deliver(run)
        _seal(run)  # after the mails, which must not wait for it
        _forget_files(run)
        transaction(lambda: runs.finish(held, run.clock()))
    except runs.RunLost:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        transaction(lambda: runs.give_up(held, reason))
        raise
    alerts = deciding.documents_of(night.day)
    own = [incubator.own_document(alert) for alert in incubator.own_decided_on(night)]
    db.session.rollback()  # ends the read
    log.info("night.done", day=night.day.isoformat(), alerts=len(alerts), mails=queued, heads=heads)
    return {
        "day": night.day.isoformat(),
        "status": "done",
        "alerts": alerts,
        "own_alerts": own,
        "mails": {
            "queued": queued, "sent": delivered.sent, "failed": delivered.failed + refused,
            "uncertain": delivered.uncertain,
        },
    }


def _seat_all(run: _Run) -> None:
    """Those who wait for seats that the calendar has freed, accounts with a commit each."""
    for account_id in waiting.waiting_accounts():
        try:
            transaction(lambda key=account_id: _seat(run, key))  # type: ignore[misc]
        except RuleBroken as refusal:  # one startup's, and must not stop the night of all others
            log.error("night.not_seated", account=account_id, reason=refusal.code)


def _seat(run: _Run, account_id: int) -> None:
    runs.beat(run.held, run.wall())
    waiting.seat_account(operator(run.night.now, ACTOR), run.config, account_id)


def _settle_all(run: _Run) -> None:
    """Sessions that nobody disputed in time, each with a commit of its own: one that cannot be holds no other up."""
    for uid in sessions.due_to_settle(run.night.now, SESSIONS_AT_MOST):
        try:
            transaction(lambda uid=uid: _settle(run, uid))  # type: ignore[misc]
        except RuleBroken as error:
            log.error("night.session_not_settled", booking=uid, reason=error.code)


def _settle(run: _Run, uid: str) -> None:
    runs.beat(run.held, run.wall())
    caller = operator(run.night.now, ACTOR)
    letters.told(lambda: sessions.settle_passed(caller, uid), caller, run.config)


def _remind_all(run: _Run) -> None:
    """Of sessions of today and tomorrow, in sets with a commit each."""
    until = starts_at(run.night.day + timedelta(days=2))

    def some() -> int:
        runs.beat(run.held, run.wall())
        return letters.remind(run.config, run.night.now, until)

    while transaction(some):
        pass


def _decide_all(run: _Run) -> None:
    """Alerts, in batches of accounts with a commit each; then those of the incubator's own."""
    for account_ids in chunks(deciding.all_accounts(), ACCOUNTS_AT_ONCE):
        _decide(run, account_ids)
    transaction(lambda: _decide_own(run))


def _decide_own(run: _Run) -> None:
    runs.beat(run.held, run.wall())
    incubator.store_own(incubator.decide_own(run.night))


def _decide(run: _Run, account_ids: list[int]) -> None:
    """Decides about one state of the book, for which nobody who writes waits; what is posted since counts as later.

    Nobody hears of the run meanwhile, so this must take far less time than `runs.LEASE`.
    """
    begun = run.wall()
    begin_snapshot()
    decided = deciding.decide_accounts(run.night, account_ids)
    db.session.rollback()  # ends the read
    transaction(lambda: _store(run, decided, begun))


def _store(run: _Run, decided: deciding.Decided, begun: datetime) -> None:
    """Keeps what was decided; whoever took the run over meanwhile decides anew, and nothing of this is kept."""
    runs.beat(run.held, run.wall())
    if runs.is_another_day_at_work(run.held, begun):  # one caught up with late, which may have kept more since
        decided = deciding.decide_accounts(run.night, decided.account_ids)
    deciding.store(decided)


def _tell_all(run: _Run) -> tuple[int, int]:
    """One digest per person with something to hear, in sets with a commit each; how many, and how many failed."""
    digests = telling.letters(run.night)
    facts = telling.facts_for(run.night, digests)
    links = _links(run)
    queued = refused = 0
    for part in chunks(digests, LETTERS_AT_ONCE):
        told = []
        for letter in part:
            made = telling.written(letter, facts, run.night.day, run.config.base_url, links)
            if made is not None and _can_be_sent(made.draft):
                told.append(made)
            elif made is not None:
                refused += 1
        queued += transaction(lambda told=told: _tell(run, told))  # type: ignore[misc]
    return queued, refused


def _commit(run: _Run, work: Callable[[], int]) -> int:
    def beaten() -> int:
        runs.beat(run.held, run.wall())
        return work()

    return transaction(beaten)


def _can_be_sent(draft: Draft) -> bool:
    """Whether it can: an address that cannot be is one person's, and must not stop the others' mail."""
    refusal = refusal_of(draft)
    if refusal is not None:
        log.error("night.no_mail", person=draft.person_id, reason=refusal.code)
    return refusal is None


def _tell(run: _Run, told: Sequence[telling.Written]) -> int:
    runs.beat(run.held, run.wall())
    return telling.tell(run.night, told, run.config.mail_from, run.clock())


def _links(run: _Run) -> telling.Links:
    """How the signed links of mails are made."""
    config, now = run.config, run.night.now

    def answers(alert_id: int, person_id: int) -> tuple[str, str]:
        return (
            make_link(config.secret_key, config.base_url, Link("acknowledge", alert_id, person_id), now),
            make_link(config.secret_key, config.base_url, Link("snooze", alert_id, person_id), now),
        )

    def unsubscribe(mails: str, person_id: int) -> str:
        return make_unsubscribe_link(config.secret_key, config.base_url, mails, person_id, now)

    return telling.Links(answers, unsubscribe)


def _note(run: _Run) -> int:
    runs.beat(run.held, run.wall())
    return note_heads(operator(run.night.now, ACTOR), run.night.day)


def _seal(run: _Run) -> None:
    """Seals the rows that were added since the last night, in parts with a commit each (L18)."""
    newest = {name: transaction(lambda name=name: seals.newest_row(name)) for name in seals.SEALED}  # type: ignore[misc]

    def part() -> bool:
        runs.beat(run.held, run.wall())
        return seals.seal(operator(run.night.now, ACTOR), run.night.day, newest)

    while transaction(part):
        pass


def _forget_files(run: _Run) -> None:
    """Forgets the content of exports that were kept for 24 months, a few with a commit each."""

    def some() -> int:
        runs.beat(run.held, run.wall())
        return drop_old_pieces(run.night.now)

    while transaction(some):
        pass


def _renew_caches(run: _Run) -> None:
    """Makes anew the caches that were thrown away, accounts in batches with a commit each (L16)."""
    while account_ids := uncached(RENEWED_AT_ONCE):
        transaction(lambda ids=account_ids: _renew(run, ids))  # type: ignore[misc]


def _renew(run: _Run, account_ids: list[int]) -> None:
    runs.beat(run.held, run.wall())
    renew_caches(account_ids)


def _deliver(run: _Run) -> DeliveryCount:
    """Delivery, with a sign of life in between: a slow server must not make the run look dead."""
    beaten = run.wall()

    def alive() -> None:
        nonlocal beaten
        if run.wall() - beaten > _BEAT_EVERY:
            beaten = run.wall()
            transaction(lambda: runs.beat(run.held, beaten))

    return deliver(run.config, run.clock, alive=alive)
