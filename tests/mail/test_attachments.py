"""Files that go with mails: kept until the mail has left, whole at its reader, bounded."""

import pytest
from sqlalchemy import func, select

from creditsvc.core.errors import RuleBroken
from creditsvc.db import db, transaction
from creditsvc.jobs.delivery import deliver
from creditsvc.mail.attachments import MOST_BYTES, Attachment, forget_attachments
from creditsvc.mail.models import OutboxAttachment
from creditsvc.mail.outbox import Draft, queue_all, refusal_of
from creditsvc.mail.smtp import sender_for
from tests.conftest import NOW
from tests.mail.letters import FROM, content, row
from tests.mail.servers import smtp_server
from tests.mail.test_smtp import config_with

CALENDAR = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"
FILES = (
    Attachment("statement-acme-2026-05.pdf", "application/pdf", bytes(range(256)) * 40 + b"\r\n.\r\n"),
    Attachment("second.csv", "text/csv", b"a,b\r\n.\r\n"),
)


def put(files: tuple[Attachment, ...] = FILES, calendar: str | None = None) -> int:
    draft = Draft("statement", "founder@harbour.example", content(), calendar=calendar, attachments=files)
    return transaction(lambda: queue_all([draft], FROM, NOW))[0]


def kept() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(OutboxAttachment)) or 0


@pytest.mark.parametrize("calendar", [None, CALENDAR])
def test_files_arrive_whole_beside_the_mail_and_its_invitation(app, calendar: str | None):
    put(calendar=calendar)

    with smtp_server() as server:
        count = deliver(config_with("file:"), lambda: NOW, sender_for(config_with(f"smtp://127.0.0.1:{server.port}")))

    assert count.sent == 1
    [message] = server.messages
    body, *files = message.iter_parts()
    assert body.get_content_type() == "multipart/alternative"
    assert message.get_body(("plain",)).get_content().startswith("Hello,")
    got = [(file.get_filename(), file.get_content_type(), file.get_payload(decode=True)) for file in files]
    invitation = [] if calendar is None else [("invite.ics", "application/ics", CALENDAR.encode())]
    assert got == invitation + [(file.name, file.media_type, file.content) for file in FILES]


def test_a_mail_that_is_tried_again_has_its_files_still_and_once_sent_they_go(app):
    mail_id = put()
    with smtp_server() as server:
        sender = sender_for(config_with(f"smtp://127.0.0.1:{server.port}"))
        server.answer_to_mail = "451 later"
        deliver(config_with("file:"), lambda: NOW, sender)
        transaction(forget_attachments)
        waiting = kept()
        server.answer_to_mail = "250 OK"
        due = row(mail_id).next_try_at
        assert due is not None
        deliver(config_with("file:"), lambda: due, sender)

    assert (waiting, kept(), len(list(server.messages[0].iter_attachments()))) == (2, 2, 2)
    transaction(forget_attachments)
    assert kept() == 0


@pytest.mark.parametrize("file, code", [
    (Attachment("a.pdf\r\nX: y", "application/pdf", b""), "not-a-name"),
    (Attachment('a".pdf', "application/pdf", b""), "not-a-name"),
    (Attachment("結單.pdf", "application/pdf", b""), "not-a-name"),
    (Attachment("a.pdf", "application/pdf\r\nX: y", b""), "not-a-name"),
    (Attachment("a.pdf", "application/pdf", b"x" * (MOST_BYTES + 1)), "too-large"),
])
def test_a_file_that_cannot_go_with_a_mail_is_refused(file: Attachment, code: str):
    refusal = refusal_of(Draft("statement", "a@park.example", content(), attachments=(file,)))

    assert isinstance(refusal, RuleBroken)
    assert refusal.code == code
