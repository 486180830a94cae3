"""The only socket: hands mails to a server, or writes them as files, and says what became of each (A6).

A sender never raises for what a server or the network does; it returns an `Outcome`. smtplib raises the same
`SMTPServerDisconnected` before and after the end of DATA, so the steps are taken here one by one: what breaks before
the final point was sent is `temporary`, what breaks after it is `uncertain`. A 5xx while the connection is being set
up (greeting, STARTTLS, sign-in) refuses us and not the mail: no connection, so `temporary`.

Mails of one round leave over one connection. What went wrong with a mail is known before the next one begins, so a
connection that is not surely between two mails is given up, and no mail pays for what happened to another.
"""

import os
import re
import selectors
import smtplib
import ssl
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import IPPROTO_TCP, TCP_NODELAY
from socket import socket as Socket
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from creditsvc.config import Config, ConfigError
from creditsvc.mail.message import mailable, message_for, sender_address
from creditsvc.mail.outbox import ClaimedMail, sending_domain

STEP_SECONDS = 30.0
"""The longest wait for a connection or an answer. A mail takes at most 15 steps (RSET and MAIL over a connection that
proves to be dead, then all over a new one) and the answer, so it ends within 9.5 minutes.
"""

ANSWER_SECONDS = 120.0
"""The longest wait for the answer to a whole mail, which servers give after their filters have read it."""

GOODBYE_SECONDS = 5.0
"""The longest wait for the answer to QUIT: the mail is taken by then and only the mark is missing."""

MAILS_PER_CONNECTION = 100
"""After so many a new connection is made: servers that count end the old one at some number, and 100 is a usual one."""

_SESSION_CODES = frozenset({421, 530, 534, 535, 538})  # "not you, not now, not like this": says nothing of the mail
_LONGEST_ERROR = 300


@dataclass(frozen=True)
class Outcome:
    """What became of one sending. `detail` is safe to show; `halt` says that the next mail would fare no better."""

    result: Literal["sent", "temporary", "permanent", "uncertain"]
    detail: str = ""
    halt: bool = False


Sender = Callable[[ClaimedMail], Outcome]


@dataclass(frozen=True)
class SmtpServer:
    """Where and how to connect. The password is never part of what is printed."""

    host: str
    port: int
    tls: Literal["none", "starttls", "implicit"]
    user: str = ""
    password: str = field(default="", repr=False)


def sender_for(config: Config) -> AbstractContextManager[Sender]:
    """The way mail leaves: `file:` writes into `config.mail_folder`, else SMTP over one connection, which is made for
    the first mail and ends with the context. Raises ConfigError, at once.
    """
    sending_domain(config.mail_from)
    if writes_files(config):
        return nullcontext(lambda mail: write_files(config.mail_folder, config.mail_from, [mail])[0])
    return _Line(parse_smtp_url(config.smtp_url), config.mail_from)


def writes_files(config: Config) -> bool:
    """Whether mail is written into `config.mail_folder` and not sent."""
    return config.smtp_url == "file:"


def parse_smtp_url(url: str) -> SmtpServer:
    """Reads `smtp://user:password@host:port?starttls=1` or `smtps://...`; user and password percent-encoded.

    Ports unless given: 25, with STARTTLS 587, smtps 465. Raises ConfigError, which never quotes the address.
    """
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _wrong_url("it cannot be read") from error
    if parts.scheme not in ("smtp", "smtps") or not host:
        raise _wrong_url("it names no server")
    if port == 0:
        raise _wrong_url("there is no port 0")
    if parts.path not in ("", "/") or parts.fragment:
        raise _wrong_url("nothing but ?starttls=1 may follow the port; percent-encode / ? # @ : in a password")
    if options not in ([], [("starttls", "0")], [("starttls", "1")]):
        raise _wrong_url("the only option is starttls, with the value 0 or 1")
    starttls = options == [("starttls", "1")]
    if starttls and parts.scheme == "smtps":
        raise _wrong_url("smtps:// is encrypted from the start; leave starttls out")
    if bool(parts.username) != bool(parts.password):
        raise _wrong_url("a user needs a password and a password needs a user")
    tls: Literal["none", "starttls", "implicit"] = (
        "implicit" if parts.scheme == "smtps" else "starttls" if starttls else "none"
    )
    return SmtpServer(
        host, port or {"none": 25, "starttls": 587, "implicit": 465}[tls], tls,
        unquote(parts.username or ""), unquote(parts.password or ""),
    )


def _wrong_url(why: str) -> ConfigError:
    return ConfigError(
        f"CREDITSVC_SMTP_URL: {why}; write file: or smtp://user:password@host:port?starttls=1 or smtps://host:port"
    )


def write_files(folder: Path, mail_from: str, mails: Sequence[ClaimedMail]) -> list[Outcome]:
    """One file per Message-ID, complete or absent: the same mail again replaces its own file.

    All get their names or none can be relied on: then the first outcome, which is the only one, says so and halts.
    They are made safe from a power cut together, for one after the other a disk needs three times as long.
    """
    outcomes: list[Outcome] = []
    parts: dict[Path, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for mail in mails:
            try:
                content = message_for(mail, mail_from)
            except ValueError as error:
                outcomes.append(_cannot_be_written(error, _secrets(mail)))
                continue
            name = _file_name(mail)
            parts[folder / f".{name}.part"] = folder / name
            _write(folder / f".{name}.part", content)
            outcomes.append(Outcome("sent"))
        for part in parts:
            _make_safe(part)
        for part, target in parts.items():
            os.replace(part, target)
        _make_safe(folder)
    except OSError as error:
        with suppress(OSError):  # what stays is overwritten at the next try
            for part in parts:
                part.unlink(missing_ok=True)
        return [Outcome("temporary", f"mails could not be written as files: {error.strerror}", halt=True)]
    return outcomes


def _file_name(mail: ClaimedMail) -> str:
    key = re.sub(r"[^A-Za-z0-9]", "", mail.message_id.partition("@")[0])
    kind = re.sub(r"[^A-Za-z0-9]", "-", mail.kind)
    return f"{mail.queued_at:%Y%m%dT%H%M%SZ}-{kind}-{key}.eml"


def _write(path: Path, content: bytes) -> None:
    """Only its owner reads it; what an earlier try left there is overwritten."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _make_safe(path: Path) -> None:
    """What a file holds, or the names that a folder holds, outlives a power cut from here on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cannot_be_written(error: ValueError, secrets: Iterable[str]) -> Outcome:
    return Outcome("permanent", f"the mail cannot be written: {_clean(str(error), secrets)}")


class _Line:
    """A sender that keeps its connection from one mail to the next."""

    def __init__(self, server: SmtpServer, mail_from: str) -> None:
        self.server = server
        self.mail_from = mail_from
        self._connection: smtplib.SMTP | None = None
        self._carried = 0
        self._is_reset = True

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def __call__(self, mail: ClaimedMail) -> Outcome:
        """Hands over one mail; over a new connection where the one that is there proves to be dead at its beginning."""
        secrets = [*_secrets(mail), self.server.password]
        try:
            content = message_for(mail, self.mail_from)
            sender, recipient = sender_address(self.mail_from), mailable(mail.to_address)
        except ValueError as error:
            return _cannot_be_written(error, secrets)
        if self._connection is not None and (self._carried >= MAILS_PER_CONNECTION or not self._is_between_mails()):
            self._end()
        if self._connection is None:
            try:
                self._connection, self._carried, self._is_reset = _connect(self.server), 0, True
            except (smtplib.SMTPException, OSError, UnicodeError) as error:
                why = _clean(_reason(error), secrets)
                return Outcome("temporary", f"no connection to {self.server.host}:{self.server.port}: {why}", halt=True)
        conversation = _Conversation(self._connection, secrets)
        outcome = self._hand_over(conversation, content, sender, recipient)
        was_used = self._carried > 0
        self._carried, self._is_reset = self._carried + 1, outcome.result == "sent"
        if not conversation.is_over:
            self._end()
            if was_used and not conversation.begun:  # the server had done with us, which says nothing of this mail
                return self(mail)
        return outcome

    def _hand_over(self, conversation: "_Conversation", content: bytes, sender: str, recipient: str) -> Outcome:
        try:
            return conversation.hand_over(content, sender, recipient)
        except (smtplib.SMTPException, OSError) as error:
            conversation.connection.close()
            why = _clean(_reason(error), conversation.secrets)
            if conversation.finished:
                return Outcome("uncertain", f"the connection broke before the server answered: {why}")
            return Outcome("temporary", f"the connection broke before the mail was handed over: {why}")

    def _is_between_mails(self) -> bool:
        """Whether the server waits for the next mail: it has said nothing since, and forgets one that it refused."""
        assert self._connection is not None
        try:
            if self._connection.sock is None or _readable(self._connection.sock):  # it says goodbye, or has gone
                return False
            return self._is_reset or self._connection.rset()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False

    def _end(self) -> None:
        """Says goodbye, if there is anybody to say it to."""
        if self._connection is not None and self._connection.sock is not None:
            _hang_up(self._connection)
        self._connection = None


def _connect(server: SmtpServer) -> smtplib.SMTP:
    """A connection that is encrypted and signed in as the settings say, ready for MAIL."""
    connection: smtplib.SMTP
    if server.tls == "implicit":
        context = ssl.create_default_context()
        connection = smtplib.SMTP_SSL(server.host, server.port, timeout=STEP_SECONDS, context=context)
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=STEP_SECONDS)
    try:
        if server.tls == "starttls":
            code, reply = connection.starttls(context=ssl.create_default_context())
            if code != 220:
                raise smtplib.SMTPResponseException(code, reply)
        connection.ehlo_or_helo_if_needed()
        if server.user:
            connection.login(server.user, server.password)
    except BaseException:
        connection.close()
        raise
    return connection


def _hang_up(connection: smtplib.SMTP) -> None:
    """Says goodbye; what goes wrong here changes nothing of what was answered."""
    try:
        if connection.sock is not None:
            connection.sock.settimeout(GOODBYE_SECONDS)
        connection.quit()
    except (smtplib.SMTPException, OSError):
        connection.close()


def _readable(socket: Socket) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(socket, selectors.EVENT_READ)
        return bool(selector.select(timeout=0))


class _Conversation:
    """MAIL, RCPT, DATA on an open connection, for one mail.

    `begun` is true once the server has taken MAIL, `finished` from the moment the final point has been sent, `is_over`
    when the server has said what it had to say of this mail and listens for another.
    """

    def __init__(self, connection: smtplib.SMTP, secrets: Iterable[str]) -> None:
        self.connection = connection
        self.secrets = tuple(secrets)
        self.begun = self.finished = self.is_over = False

    def hand_over(self, content: bytes, sender: str, recipient: str) -> Outcome:
        """The outcome by the server's codes. Raises what smtplib and the socket raise; see `finished` then."""
        wide = not (sender + recipient).isascii()
        if wide and not self.connection.has_extn("smtputf8"):
            self.is_over = True
            return Outcome("permanent", f"the server takes no address outside ASCII: {recipient}")
        options = ["SMTPUTF8", "BODY=8BITMIME"] if wide else []
        for step, code, reply in (
            ("MAIL", *self.connection.mail(sender, options)),
            ("RCPT", *self.connection.rcpt(recipient)),
        ):
            if not 200 <= code <= 299:
                return self._refused(step, code, reply)
            self.begun = True
        code, reply = self.connection.docmd("DATA")
        if code != 354:
            return self._refused("DATA", code, reply)
        return self._transmit(content)

    def _transmit(self, content: bytes) -> Outcome:
        socket = self.connection.sock
        assert socket is not None
        if not content.endswith(b"\r\n"):
            content += b"\r\n"
        socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)  # or the final point waits for the server's delayed ACK
        socket.sendall(re.sub(rb"(?m)^\.", b"..", content))
        if _readable(socket):
            # The server speaks (or has gone) before its turn: without the final point the mail is surely not taken.
            return self._refused("DATA", *self.connection.getreply(), listens=False)
        socket.sendall(b".\r\n")
        self.finished = True
        socket.settimeout(ANSWER_SECONDS)
        code, reply = self.connection.getreply()
        socket.settimeout(STEP_SECONDS)
        if 200 <= code <= 299:
            self.is_over = True
            return Outcome("sent")
        if not 400 <= code <= 599:
            return Outcome("uncertain", f"an answer to the mail that means nothing: {self._shown(code, reply)}")
        return self._refused("the mail", code, reply)

    def _refused(self, step: str, code: int, reply: bytes, listens: bool = True) -> Outcome:
        """A refusal by its code: 5xx is for good, everything else may pass."""
        self.is_over = listens and 400 <= code <= 599 and code not in _SESSION_CODES
        detail = f"{step} refused: {self._shown(code, reply)}"
        session = code in _SESSION_CODES
        return Outcome("permanent" if 500 <= code <= 599 and not session else "temporary", detail, halt=session)

    def _shown(self, code: int, reply: bytes) -> str:
        return f"{code} {_clean(reply.decode('utf-8', 'replace'), self.secrets)}"


def _reason(error: Exception) -> str:
    """What went wrong in words, without what we sent (an encoding error quotes the password)."""
    if isinstance(error, smtplib.SMTPResponseException):
        reply = error.smtp_error
        return f"{error.smtp_code} {reply.decode('utf-8', 'replace') if isinstance(reply, bytes) else reply}"
    if isinstance(error, UnicodeError):
        return "the host, user or password holds characters that SMTP cannot carry"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _secrets(mail: ClaimedMail) -> list[str]:
    """What must not come back in an error: the links of the mail and the long parts of them (tokens)."""
    links = re.findall(r"https?://[^\s\"'<>]+", mail.content.text + " " + mail.content.html)
    parts = [part for link in links for part in re.split(r"[/?&=#;]", link) if len(part) >= 16]
    return [*links, *parts]


def _clean(text: str, secrets: Iterable[str]) -> str:
    """One printable line of bounded length with the secrets and all links taken out."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "[...]")
    text = re.sub(r"https?://\S+", "[link]", text)
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST_ERROR else line[: _LONGEST_ERROR - 3] + "..."
