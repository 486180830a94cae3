"""Files that go with mails: kept beside the outbox until the mail has left, at most so much of them."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, or_, select

from creditsvc.core.errors import RuleBroken
from creditsvc.db import db
from creditsvc.mail.models import SENT, OutboxAttachment, OutboxMail

MOST_BYTES = 5_000_000
"""Of all files of a mail: with base64 it is a third more, and many servers take no more than 10 MB."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,60}")


@dataclass(frozen=True)
class Attachment:
    """A file: its name (letters, digits, points and dashes), such as `statement-acme-2026-05.pdf`, and media type."""

    name: str
    media_type: str
    content: bytes


def check_attachments(files: Sequence[Attachment]) -> None:
    """Refuses files that cannot go with a mail. Raises RuleBroken("attachment", "not-a-name" | "too-large")."""
    for file in files:
        if not _NAME.fullmatch(file.name) or not _MEDIA_TYPE.fullmatch(file.media_type):
            raise RuleBroken("attachment", "not-a-name", "%(value)r cannot be the name or type of a file in a mail",
                             value=file.name[:120])
    size = sum(len(file.content) for file in files)
    if size > MOST_BYTES:
        raise RuleBroken("attachment", "too-large", "the files of a mail have at most %(most)d bytes, these %(size)d",
                         most=MOST_BYTES, size=size)


def keep_attachments(files: Sequence[tuple[int, Attachment]]) -> None:
    """Keeps (mail id, file) within the caller's transaction; checked before."""
    if files:
        db.session.execute(insert(OutboxAttachment), [
            {"mail_id": mail_id, "name": file.name, "media_type": file.media_type, "content": file.content}
            for mail_id, file in files
        ])


def attachments_of(mail_ids: Sequence[int]) -> Mapping[int, tuple[Attachment, ...]]:
    """The files of mails, in the order in which they were added."""
    found: dict[int, tuple[Attachment, ...]] = defaultdict(tuple)
    if not mail_ids:
        return found
    rows = db.session.execute(
        select(OutboxAttachment.mail_id, OutboxAttachment.name, OutboxAttachment.media_type, OutboxAttachment.content)
        .where(OutboxAttachment.mail_id.in_(mail_ids)).order_by(OutboxAttachment.id)
    )
    for mail_id, name, media_type, content in rows:
        found[mail_id] += (Attachment(name, media_type, content),)
    return found


def forget_attachments(mail_ids: Sequence[int] | None = None) -> None:
    """Throws away the files of these mails; without ids those of mails that were sent or given up."""
    if mail_ids is None:
        over = select(OutboxMail.id).where(
            or_(OutboxMail.state == SENT, OutboxMail.dismissed_at.is_not(None)), OutboxMail.next_try_at.is_(None)
        )
        db.session.execute(delete(OutboxAttachment).where(OutboxAttachment.mail_id.in_(over)))
    elif mail_ids:
        db.session.execute(delete(OutboxAttachment).where(OutboxAttachment.mail_id.in_(mail_ids)))
