"""What people do with mails of the outbox: look through them, send one once more, give one up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from creditsvc.core.errors import Conflict, NotFound
from creditsvc.db import db, is_id
from creditsvc.mail.models import FAILED, QUEUED, SENDING, SENT, UNCERTAIN, OutboxMail

PAGE = 50

_OVER = OutboxMail.next_try_at.is_(None)
_KEPT = OutboxMail.dismissed_at.is_(None)

CHOICES: Mapping[str, ColumnElement[bool]] = {
    # what a page shows together; an uncertain mail waits while it will be sent once more
    "waiting": or_(OutboxMail.state.in_((QUEUED, SENDING)), and_(OutboxMail.state == UNCERTAIN, ~_OVER)),
    "failed": and_(OutboxMail.state == FAILED, _KEPT),
    "uncertain": and_(OutboxMail.state == UNCERTAIN, _OVER, _KEPT),
    "sent": and_(OutboxMail.state == SENT, _OVER),
    "dismissed": and_(OutboxMail.state.in_((FAILED, UNCERTAIN)), OutboxMail.dismissed_at.is_not(None)),
}


@dataclass(frozen=True)
class MailRow:
    """A mail as a list shows it: neither its text nor a link in it."""

    id: int
    kind: str
    to_address: str
    subject: str
    state: str
    tries: int
    queued_at: datetime
    next_try_at: datetime | None
    sent_at: datetime | None
    dismissed_at: datetime | None
    last_error: str | None
    message_id: str

    @property
    def can_be_sent_again(self) -> bool:
        """Whether it has ended without anybody knowing that it arrived."""
        return self.state == FAILED or (self.state == UNCERTAIN and self.next_try_at is None)

    @property
    def can_be_dismissed(self) -> bool:
        """Whether there is something to give up."""
        return self.dismissed_at is None and self.state in (QUEUED, FAILED, UNCERTAIN)


_COLUMNS = (
    OutboxMail.id, OutboxMail.kind, OutboxMail.to_address, OutboxMail.subject, OutboxMail.state, OutboxMail.tries,
    OutboxMail.queued_at, OutboxMail.next_try_at, OutboxMail.sent_at, OutboxMail.dismissed_at, OutboxMail.last_error,
    OutboxMail.message_id,
)


def page_of(
    chosen: str, before: int | None, person_id: int | None = None, limit: int = PAGE
) -> tuple[list[MailRow], int | None]:
    """Mails of a choice (or all, newest first) from before an id, and the id to go on from, None on the last page."""
    statement = select(*_COLUMNS).order_by(OutboxMail.id.desc()).limit(limit + 1)
    if chosen:
        statement = statement.where(CHOICES[chosen])
    if person_id is not None:
        statement = statement.where(OutboxMail.person_id == person_id)
    if before is not None:
        statement = statement.where(OutboxMail.id < before)
    rows = [MailRow(*tuple(row)) for row in db.session.execute(statement)]
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def counts() -> dict[str, int]:
    """How many mails each choice holds."""
    found = db.session.execute(
        select(*(func.count(case((condition, 1))).label(name) for name, condition in CHOICES.items()))
    ).mappings().one()
    return {name: int(found[name]) for name in CHOICES}


def row_of(mail_id: int) -> MailRow:
    """A mail as a list shows it. Raises NotFound("mail")."""
    statement = select(*_COLUMNS).where(OutboxMail.id == mail_id)
    found = db.session.execute(statement).one_or_none() if is_id(mail_id) else None
    if found is None:
        raise NotFound("mail", str(mail_id))
    return MailRow(*tuple(found))


def find_mail(mail_id: int) -> OutboxMail:
    """The mail, locked and read fresh. Raises NotFound("mail")."""
    mail = db.session.scalar(
        select(OutboxMail).where(OutboxMail.id == mail_id).with_for_update().execution_options(populate_existing=True)
    ) if is_id(mail_id) else None
    if mail is None:
        raise NotFound("mail", str(mail_id))
    return mail


def send_again(mail: OutboxMail, now: datetime) -> None:
    """Makes a failed mail, or one in doubt that has ended, due at once. It keeps its Message-ID, which a server that
    had it drops.

    Raises Conflict("", "waits" | "was-sent").
    """
    if mail.state == SENT:
        raise Conflict("", "was-sent", "This mail was sent: a server has accepted it.")
    if mail.state != FAILED and not (mail.state == UNCERTAIN and mail.next_try_at is None):
        raise Conflict("", "waits", "This mail is waiting to be sent already.")
    mail.state = UNCERTAIN if mail.uncertain_count else QUEUED
    mail.next_try_at, mail.dismissed_at, mail.last_error = now, None, None
    db.session.flush()


def dismiss(mail: OutboxMail, now: datetime) -> bool:
    """Gives a mail up, so that it is sent no more; whether it was not given up before.

    Raises Conflict("", "was-sent" | "is-sending").
    """
    if mail.state == SENT:
        raise Conflict("", "was-sent", "This mail was sent: a server has accepted it.")
    if mail.state == SENDING:
        raise Conflict("", "is-sending", "This mail is being sent right now: look again in a minute.")
    if mail.dismissed_at is not None and mail.next_try_at is None:
        return False
    drop(mail, mail.last_error)
    mail.dismissed_at = now
    db.session.flush()
    return True


def drop(mail: OutboxMail, error: str | None) -> None:
    """Ends a mail that waits, so that nobody claims it any more. `error` must be safe to show."""
    mail.state = UNCERTAIN if mail.uncertain_count else FAILED
    mail.next_try_at, mail.last_error = None, error
    db.session.flush()
