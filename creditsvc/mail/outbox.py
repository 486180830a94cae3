"""The outbox: queue a mail with its cause, claim it for one sender, mark what became of it (A6).

All are operations: they add and flush, a door commits. A claim is named by (mail, worker, try); a worker whose claim
was taken over marks nothing, except that a late "sent" still counts while the mail waits for its second sending.
"""

import re
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parseaddr

from sqlalchemy import Integer, and_, bindparam, insert, or_, select, update

from creditsvc.config import ConfigError
from creditsvc.core.days import instant_text
from creditsvc.core.errors import RuleBroken
from creditsvc.db import db
from creditsvc.mail.attachments import Attachment, attachments_of, check_attachments, keep_attachments
from creditsvc.mail.models import FAILED, QUEUED, SENDING, SENT, UNCERTAIN, OutboxAttachment, OutboxMail
from creditsvc.mail.pacing import PAUSES, due_times, pause_after
from creditsvc.mail.render import Rendered
from creditsvc.sets import chunks, send

CLAIM_LIFE = timedelta(minutes=10)
"""A claim this old belongs to a process that died: the longest conversation (`smtp.py`) ends well before."""

MAX_SENDINGS_IN_DOUBT = 2
"""The first unknown outcome earns one more sending with the same Message-ID, the second none (A6)."""

_ADDRESS = re.compile(r"(?!.*=\?)[^\s@<>()\[\],;:\\\"]+@[^\s@<>()\[\],;:\\\"]+")  # =? would begin an encoded word
_MAX_SUBJECT = 400
_EARLIER = "(an earlier try may have arrived) "


@dataclass(frozen=True)
class ClaimedMail:
    """A mail in the hands of one worker, with the values that `mark_...` needs to know the claim again."""

    id: int
    worker: str
    tries: int
    message_id: str
    kind: str
    to_address: str
    content: Rendered
    queued_at: datetime
    calendar: str | None = None
    unsubscribe_url: str | None = None
    attachments: tuple[Attachment, ...] = ()

    def without_content(self) -> "ClaimedMail":
        """What is left to know of a mail once it was sent."""
        return replace(self, content=Rendered("", "", ""), calendar=None, attachments=())


@dataclass(frozen=True)
class Draft:
    """A mail to be queued. `kind` is a short word such as `digest`; `calendar` is iCalendar text that goes with it;
    `unsubscribe_url` is where its reader can end such mails, None where they cannot; `attachments` are files.
    """

    kind: str
    to_address: str
    content: Rendered
    person_id: int | None = None
    calendar: str | None = None
    unsubscribe_url: str | None = None
    attachments: tuple[Attachment, ...] = ()


def queue(
    *, kind: str, to_address: str, content: Rendered, mail_from: str, now: datetime, person_id: int | None = None
) -> int:
    """Puts one mail into the outbox, as `queue_all` does."""
    return queue_all([Draft(kind, to_address, content, person_id)], mail_from, now)[0]


def queue_all(drafts: Sequence[Draft], mail_from: str, now: datetime) -> list[int]:
    """Puts mails into the outbox, in order, within the caller's transaction; they leave after the commit. Their ids.

    What is beyond an address's daily cap leaves a day later (`pacing`).
    `mail_from` gives the Message-IDs their domain. Raises ConfigError, and what `check` does.
    """
    if not drafts:
        return []
    for draft in drafts:
        check(draft)
    domain = sending_domain(mail_from)
    due = due_times([(draft.to_address, draft.kind) for draft in drafts], now)
    values = [
        {
            "message_id": f"<{uuid.uuid4().hex}@{domain}>",
            "kind": draft.kind, "person_id": draft.person_id, "to_address": draft.to_address,
            "subject": draft.content.subject, "text": draft.content.text, "html": draft.content.html,
            "calendar": draft.calendar, "unsubscribe_url": draft.unsubscribe_url,
            "queued_at": now, "next_try_at": due_at, "state": QUEUED, "tries": 0, "uncertain_count": 0,
        }
        for draft, due_at in zip(drafts, due, strict=True)
    ]
    named = [str(value["message_id"]) for value in values]
    # one row after another, and then their ids: RETURNING would have the text of all of them in one statement
    db.session.execute(insert(OutboxMail), values)
    ids: dict[str, int] = {}
    for part in chunks(named):
        mine = OutboxMail.message_id.in_(part)
        ids |= dict(db.session.execute(select(OutboxMail.message_id, OutboxMail.id).where(mine)).all())
    queued = [ids[one] for one in named]
    keep_attachments([
        (mail_id, file) for mail_id, draft in zip(queued, drafts, strict=True) for file in draft.attachments
    ])
    return queued


def check(draft: Draft) -> None:
    """Refuses what no server would take.

    Raises RuleBroken("to_address", "not-an-address"), RuleBroken("subject", "not-one-line" | "too-long"), and what
    `check_attachments` does.
    """
    check_address(draft.to_address)
    _check_subject(draft.content.subject)
    check_attachments(draft.attachments)


def refusal_of(draft: Draft) -> RuleBroken | None:
    """Why no server would take it, or None: for who must not let one person's address keep others from their mail."""
    try:
        check(draft)
    except RuleBroken as refusal:
        return refusal
    return None


def check_address(address: str) -> None:
    """Refuses what cannot be one mail address. Raises RuleBroken("to_address", "not-an-address")."""
    if len(address) > 320 or not address.isprintable() or not _ADDRESS.fullmatch(address):
        raise RuleBroken(
            "to_address", "not-an-address",
            "%(value)r is no mail address: write one such as founder@example.com", value=address[:320],
        )


def sending_domain(mail_from: str) -> str:
    """The domain of the sender in the form that mail uses. Raises ConfigError."""
    address = parseaddr(mail_from)[1]
    try:
        if not _ADDRESS.fullmatch(address):
            raise ValueError(address)
        return address.rpartition("@")[2].encode("idna").decode("ascii")
    except ValueError as error:
        raise ConfigError(
            f"CREDITSVC_MAIL_FROM: {mail_from!r} is no address; write one such as credits@park.example"
        ) from error


def _check_subject(subject: str) -> None:
    if not subject.strip() or any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in subject):
        raise RuleBroken("subject", "not-one-line", "a subject is one line of printable text, not %(value)r",
                         value=subject[:80])
    if len(subject) > _MAX_SUBJECT:
        raise RuleBroken("subject", "too-long", "a subject has at most %(limit)d characters, this one %(length)d",
                         limit=_MAX_SUBJECT, length=len(subject))


_CLAIMED = (
    OutboxMail.id, OutboxMail.tries, OutboxMail.message_id, OutboxMail.kind, OutboxMail.to_address, OutboxMail.subject,
    OutboxMail.text, OutboxMail.html, OutboxMail.queued_at, OutboxMail.calendar,
    OutboxMail.unsubscribe_url,
)

# built once: a round of delivery runs them for each mail
_HAS_FILES = select(OutboxAttachment.id).where(OutboxAttachment.mail_id == OutboxMail.id).exists()
_DUE = (
    select(*_CLAIMED, _HAS_FILES.label("has_files"))
    .where(
        # as they lie in the index of those that wait, one after another: an index by state would have all of them
        # sorted for each claim, with their text, and a state that something is added to is in none
        OutboxMail.next_try_at.is_not(None),
        (OutboxMail.state + "").in_((QUEUED, UNCERTAIN)),
        or_(OutboxMail.next_try_at <= bindparam("due_by"), OutboxMail.next_try_at > bindparam("ahead")),
    )
    .order_by(OutboxMail.next_try_at, OutboxMail.id)
    .limit(bindparam("at_most", type_=Integer))
    .with_for_update(skip_locked=True)
)
_TAKE = update(OutboxMail).where(OutboxMail.id.in_(bindparam("ids", expanding=True))).values(
    state=SENDING, next_try_at=None, tries=OutboxMail.tries + 1, claimed_at=bindparam("at"),
    claimed_by=bindparam("worker"),
)
_SAY_SENT = update(OutboxMail).values(
    state=SENT, sent_at=bindparam("at"), next_try_at=None, last_error=None).returning(OutboxMail.id)
_SAY_ALL_SENT = _SAY_SENT.where(
    OutboxMail.id.in_(bindparam("ids", expanding=True)), OutboxMail.claimed_by == bindparam("worker"),
    OutboxMail.state == SENDING,
)
_SAY_ONE_SENT = _SAY_SENT.where(
    OutboxMail.id == bindparam("mail"), OutboxMail.claimed_by == bindparam("worker"),
    OutboxMail.tries == bindparam("try"), OutboxMail.state.in_((SENDING, UNCERTAIN)),
)


def claim(
    now: datetime, worker: str, limit: int, due_by: datetime | None = None, wall: datetime | None = None
) -> list[ClaimedMail]:
    """Takes up to `limit` mails that were due by `due_by` (default: `now`), longest due first, for `worker` alone.

    One that would wait longer than any pause after the real clock's `wall` (default: `now`) was put off by a clock
    that ran ahead, and is due too.
    The caller commits before it sends. Rows that another claim holds locked are passed over (PostgreSQL); on SQLite
    the transaction has the write lock.
    """
    mails = send(_DUE, [{"due_by": due_by or now, "ahead": (wall or now) + 2 * max(PAUSES), "at_most": limit}])
    if mails:
        send(_TAKE, [{"ids": [mail.id for mail in mails], "at": now, "worker": worker}])
    files = attachments_of([mail.id for mail in mails if mail.has_files])
    return [
        ClaimedMail(
            id=mail.id, worker=worker, tries=mail.tries + 1, message_id=mail.message_id, kind=mail.kind,
            to_address=mail.to_address, content=Rendered(mail.subject, mail.text, mail.html), queued_at=mail.queued_at,
            calendar=mail.calendar, unsubscribe_url=mail.unsubscribe_url, attachments=files.get(mail.id, ()),
        )
        for mail in mails
    ]


def take_over(now: datetime, dead: Sequence[str] = (), alive: Sequence[str] = ()) -> int:
    """Makes `uncertain` what a dead process was sending (claimed `CLAIM_LIFE` ago or longer); how many there were.

    Such a mail is due again at once, the second time never. Nothing is taken from workers known to be `alive`, for
    `now` may be an instant that somebody named; what `dead` ones claimed by a clock far ahead is taken too.
    """
    aged = and_(OutboxMail.claimed_at <= now - CLAIM_LIFE, OutboxMail.claimed_by.not_in(alive))
    ahead = and_(OutboxMail.claimed_at > now + CLAIM_LIFE, OutboxMail.claimed_by.in_(dead))
    left = (
        select(OutboxMail)
        .where(OutboxMail.state == SENDING, or_(aged, ahead))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    mails = db.session.scalars(left).all()
    for mail in mails:
        _end_in_doubt(mail, "the process that was sending it ended before it could tell", now)
    db.session.flush()
    return len(mails)


def take_back(workers: Sequence[str], now: datetime) -> int:
    """Makes due again what these workers had claimed, as if never tried; how many mails.

    Only for workers that are dead or done, and whose claims leave no doubt: writers of files, which are whole or absent
    and replace themselves.
    """
    if not workers:
        return 0
    mails = db.session.scalars(
        select(OutboxMail)
        .where(OutboxMail.state == SENDING, OutboxMail.claimed_by.in_(workers))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for mail in mails:
        mail.state = UNCERTAIN if mail.uncertain_count else QUEUED
        mail.next_try_at = now
        mail.tries -= 1
    db.session.flush()
    return len(mails)


def claimants() -> list[str]:
    """The workers that have mails in their hands."""
    return list(db.session.scalars(select(OutboxMail.claimed_by).where(OutboxMail.state == SENDING).distinct()))


def mark_all_sent(claimed: Sequence[ClaimedMail], now: datetime) -> int:
    """Marks what one worker claimed and sent, in one statement; how many were still its own."""
    ids = [mail.id for mail in claimed]
    return len(send(_SAY_ALL_SENT, [{"ids": ids, "worker": claimed[0].worker, "at": now}]))


def mark_sent(claimed: ClaimedMail, now: datetime) -> bool:
    """A server accepted it. False when the claim is no longer this worker's."""
    values = {"mail": claimed.id, "worker": claimed.worker, "try": claimed.tries, "at": now}
    return bool(send(_SAY_ONE_SENT, [values]))


def mark_temporary(claimed: ClaimedMail, error: str, now: datetime) -> OutboxMail | None:
    """It certainly did not leave this time: it waits for its next try, or after the last pause is `failed`.

    `error` must be safe to show. None when the claim is no longer this worker's.
    """
    mail = _held(claimed)
    if mail is None:
        return None
    if mail.tries > len(PAUSES):
        _fail(mail, f"given up after {mail.tries} tries: {error}")
    else:
        mail.state = UNCERTAIN if mail.uncertain_count else QUEUED
        mail.next_try_at = now + pause_after(mail.tries, mail.message_id)
        mail.last_error = error
    db.session.flush()
    return mail


def mark_permanent(claimed: ClaimedMail, error: str) -> OutboxMail | None:
    """It was refused for good. `error` must be safe to show. None when the claim is no longer this worker's."""
    mail = _held(claimed)
    if mail is None:
        return None
    _fail(mail, error)
    db.session.flush()
    return mail


def mark_uncertain(claimed: ClaimedMail, error: str, now: datetime) -> OutboxMail | None:
    """Nobody can know whether it arrived: sent once more after a pause, the second time ended so.

    `error` must be safe to show. None when the claim is no longer this worker's.
    """
    mail = _held(claimed)
    if mail is None:
        return None
    _end_in_doubt(mail, error, now + PAUSES[0])
    db.session.flush()
    return mail


def listing(states: Sequence[str] = (), limit: int | None = None) -> list[dict[str, object]]:
    """The outbox for people and programs, newest first; no text, no HTML, so no secret. Instants are RFC 3339."""
    query = select(OutboxMail).order_by(OutboxMail.queued_at.desc(), OutboxMail.id.desc()).limit(limit)
    if states:
        query = query.where(OutboxMail.state.in_(states))
    return [
        {
            "id": mail.id,
            "message_id": mail.message_id,
            "kind": mail.kind,
            "to": mail.to_address,
            "subject": mail.subject,
            "state": mail.state,
            "tries": mail.tries,
            "uncertain_count": mail.uncertain_count,
            "queued_at": instant_text(mail.queued_at),
            "next_try_at": instant_text(mail.next_try_at),
            "sent_at": instant_text(mail.sent_at),
            "last_error": mail.last_error,
        }
        for mail in db.session.scalars(query)
    ]


def _held(claimed: ClaimedMail) -> OutboxMail | None:
    """The row while the claim is still the worker's own, locked and fresh."""
    return db.session.scalars(
        select(OutboxMail)
        .where(
            OutboxMail.id == claimed.id, OutboxMail.claimed_by == claimed.worker, OutboxMail.tries == claimed.tries,
            OutboxMail.state == SENDING,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _end_in_doubt(mail: OutboxMail, error: str, again_at: datetime) -> None:
    mail.state = UNCERTAIN
    mail.uncertain_count += 1
    mail.next_try_at = again_at if mail.uncertain_count < MAX_SENDINGS_IN_DOUBT else None
    mail.last_error = error


def _fail(mail: OutboxMail, error: str) -> None:
    mail.state = FAILED
    mail.next_try_at = None
    mail.last_error = _EARLIER + error if mail.uncertain_count else error
