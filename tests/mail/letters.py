"""Mails as the tests need them."""

from datetime import datetime

from creditsvc.config import Config
from creditsvc.db import db, transaction
from creditsvc.mail import outbox
from creditsvc.mail.models import OutboxMail
from creditsvc.mail.outbox import ClaimedMail
from creditsvc.mail.render import Rendered
from tests.conftest import NOW

RESET_LINK = "https://credits.park.example/password/reset/ImZvdW5kZXIi.aBcDeFgH1234567890secret"
FROM = "Credits of the park <credits@park.example>"


def content(subject: str = "Azure credits expire in 7 days") -> Rendered:
    return Rendered(subject, "Hello,\n.\n..a line of points\n多謝\n", "<p>Hello, 多謝</p>")


def put_in(config: Config, to_address: str = "founder@harbour.example", now: datetime = NOW) -> int:
    """Queues one mail in a commit of its own; its id."""
    return transaction(lambda: outbox.queue(
        kind="digest", to_address=to_address, content=content(), mail_from=config.mail_from, now=now,
    ))


def row(mail_id: int) -> OutboxMail:
    """The mail as the database has it now, outside any transaction."""
    db.session.rollback()
    mail = db.session.get(OutboxMail, mail_id, populate_existing=True)
    assert mail is not None
    db.session.expunge(mail)
    db.session.rollback()
    return mail


def claimed(
    to_address: str = "founder@harbour.example", rendered: Rendered | None = None, calendar: str | None = None
) -> ClaimedMail:
    """A mail in a worker's hands without a database."""
    return ClaimedMail(
        id=1, worker="w", tries=1, message_id="<0123456789abcdef@park.example>", kind="digest",
        to_address=to_address, content=rendered or content(), queued_at=NOW, calendar=calendar,
    )
