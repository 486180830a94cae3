"""The outbox table: every mail the service means to send, and what became of it (A6)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from creditsvc.db import Id, Model

QUEUED = "queued"
SENDING = "sending"
SENT = "sent"
FAILED = "failed"
UNCERTAIN = "uncertain"

WAITS = text("next_try_at IS NOT NULL")
"""The condition on a mail that is to be sent: now or later."""


class OutboxMail(Model):
    """A mail from the transaction that caused it to its end.

    `queued` waits for `next_try_at`; `sending` is claimed; `sent` was accepted by a server; `failed` was refused or
    given up; `uncertain` may or may not have arrived: with a `next_try_at` it will be sent once more, without one
    it has ended so. `tries` counts claims and, with `claimed_by`, names the claim that may mark the mail.
    `dismissed_at` says that an administrator wants no more of it. `last_error` is safe to show: it holds no link, no
    password and no part of the text.
    """

    __tablename__ = "outbox_mail"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'sending', 'sent', 'failed', 'uncertain')", name="state"),
        Index("ix_outbox_mail_state_next_try_at", "state", "next_try_at"),
        Index("ix_outbox_mail_due", "next_try_at", "id", sqlite_where=WAITS, postgresql_where=WAITS),
        Index("ix_outbox_mail_to_address_queued_at", "to_address", "queued_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    message_id: Mapped[str] = mapped_column(String(320), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    person_id: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"), index=True)
    to_address: Mapped[str] = mapped_column(String(320))
    subject: Mapped[str] = mapped_column(String(400))
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
    calendar: Mapped[str | None] = mapped_column(Text)  # an iCalendar object that goes with it
    unsubscribe_url: Mapped[str | None] = mapped_column(String(500))  # where such mails can be ended (RFC 8058)
    queued_at: Mapped[datetime]
    next_try_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(16))
    tries: Mapped[int] = mapped_column(default=0)
    claimed_at: Mapped[datetime | None]
    claimed_by: Mapped[str | None] = mapped_column(String(120))
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    uncertain_count: Mapped[int] = mapped_column(default=0)
    dismissed_at: Mapped[datetime | None]


class OutboxAttachment(Model):
    """A file that goes with a mail, until that has left or was given up."""

    __tablename__ = "outbox_attachment"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    mail_id: Mapped[int] = mapped_column(Id, ForeignKey("outbox_mail.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    media_type: Mapped[str] = mapped_column(String(80))
    content: Mapped[bytes] = mapped_column(LargeBinary)
