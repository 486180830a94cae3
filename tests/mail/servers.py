"""Mail servers on a loopback socket: a real one that can refuse, and one that breaks off where it is told to."""

import asyncio
import email
import email.policy
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

CERTIFICATE = Path(__file__).parent / "certificate" / "localhost.pem"
KEY = Path(__file__).parent / "certificate" / "localhost.key"
USER, PASSWORD = "incubator", "p@ss/word of the relay"
USUAL_ANSWERS = {"DATA": b"354 go on\r\n", "QUIT": b"221 bye\r\n"}


@dataclass
class Mailbox:
    """What a server took in, and what it answers to a recipient or to a whole mail instead of yes."""

    taken: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    signed_in: list[str] = field(default_factory=list)
    answers_to_recipient: dict[str, str] = field(default_factory=dict)
    answer_to_mail: str = "250 OK"
    port: int = 0

    @property
    def messages(self) -> list[EmailMessage]:
        return [email.message_from_bytes(content, policy=email.policy.default) for content in self.taken]  # type: ignore[misc]

    @property
    def message_ids(self) -> list[str]:
        return [str(message["Message-ID"]) for message in self.messages]

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        answer = self.answers_to_recipient.get(address, "250 OK")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answer_to_mail.startswith("2"):
            assert isinstance(envelope.content, bytes)
            self.taken.append(envelope.content)
            self.recipients.extend(envelope.rcpt_tos)
        return self.answer_to_mail

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        if right:
            self.signed_in.append(data.login.decode())
        return AuthResult(success=right, handled=False)


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    return context


@contextmanager
def smtp_server(implicit_tls: bool = False, **settings: Any) -> Iterator[Mailbox]:
    """aiosmtpd in a thread on a port of its own; `settings` are those of its SMTP class."""
    mailbox = Mailbox()
    loop = asyncio.new_event_loop()

    def talk() -> SMTP:
        return SMTP(mailbox, hostname="localhost", loop=loop, authenticator=mailbox.authenticate, **settings)

    server = loop.run_until_complete(
        loop.create_server(talk, "127.0.0.1", 0, ssl=server_tls() if implicit_tls else None)
    )
    mailbox.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield mailbox
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.run_until_complete(_cancel_all())
        loop.close()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class BreakingServer:
    """Speaks SMTP for one conversation after another and hangs up at a stated moment.

    `moment`: `greeting`, `MAIL`, `RCPT`, `DATA` (instead of an answer to that), `before-data` (right after 354),
    `half-closed` (the same, but it goes on listening), `after-data` (the whole mail was read, no answer). `silent`
    keeps the connection open instead of hanging up. `answers` replaces the answer to a step. With `at_mail` it happens
    once, at that one of all mails.
    """

    def __init__(
        self, moment: str = "", silent: bool = False, answers: dict[str, bytes] | None = None, at_mail: int = 0
    ) -> None:
        self.moment = moment
        self.at_mail = at_mail
        self.steps: list[str] = []
        self.silent = silent
        self.answers = answers or {}
        self.whole_mails: list[bytes] = []
        self.read_after_the_end = b""
        self.connections = 0
        self.reached = threading.Event()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "BreakingServer":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close()
        self._thread.join(timeout=10)

    @property
    def message_ids(self) -> list[str]:
        return [str(email.message_from_bytes(content)["Message-ID"]) for content in self.whole_mails]

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                self._talk(connection)
            except OSError:
                pass  # the client was killed
            if self.silent:
                self._open.append(connection)
            else:
                connection.close()

    def _talk(self, connection: socket.socket) -> None:
        if self._breaks("greeting"):
            return
        connection.sendall(self.answers.get("greeting", b"220 here\r\n"))
        lines = connection.makefile("rb")
        for line in lines:
            step = line[:4].strip().upper().decode()
            self.steps.append(step)
            if self._breaks(step):
                return
            answer = self._answer(step, b"250 OK\r\n")
            if step == "DATA" and self.moment in ("before-data", "half-closed"):
                # The answer and the end in one packet, so that the client cannot be quicker than the end.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                if self.moment == "half-closed":
                    self.read_after_the_end = lines.read()
                self.reached.set()
                return
            connection.sendall(answer)
            if step == "QUIT":
                return
            if step == "DATA" and answer.startswith(b"354"):
                content = b""
                for part in lines:
                    if part == b".\r\n":
                        break
                    content += part
                self.whole_mails.append(content)
                if self._breaks("after-data"):
                    return
                connection.sendall(self._answer("mail", b"250 OK\r\n"))

    def _answer(self, step: str, usual: bytes) -> bytes:
        due = not self.at_mail or self.steps.count("MAIL") == self.at_mail
        return self.answers.get(step, USUAL_ANSWERS.get(step, usual)) if due else USUAL_ANSWERS.get(step, usual)

    def _breaks(self, step: str) -> bool:
        if step != self.moment or self.at_mail not in (0, self.steps.count("MAIL")):
            return False
        self.reached.set()
        return True
