"""A mail as it goes over the wire or into a file: headers, then the text and the HTML, both quoted-printable.

An invitation comes twice, as mail programs look for it in either place: as one more form of the mail, and as a file.
Other files follow it.
The standard library folds and encodes what comes from outside; the frame around it is the same for every mail and is
written as it is, at a tenth of what building it anew from objects costs.
"""

import re
from base64 import encodebytes
from binascii import b2a_qp
from email.headerregistry import Address
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import Any

from creditsvc.mail.attachments import Attachment
from creditsvc.mail.outbox import ClaimedMail

_UNSAFE = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n|\r\n(?![ \t])")
"""In a header: a control character, or a line end that begins no folded line."""

_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
"""Words that a header holds as they are, in a line that is short enough."""

_ATOMS = r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
_PLAIN_ADDRESS = re.compile(rf"{_ATOMS}@{_ATOMS}")

_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'()*+,;=%\[\]-]{1,490}")
_METHOD = re.compile(r"^METHOD:(REQUEST|CANCEL|PUBLISH)\r\n", re.MULTILINE)


def message_for(mail: ClaimedMail, mail_from: str) -> bytes:
    """The mail with CRLF lines, the same at every try (its Date is when it was queued).

    Its headers are UTF-8 only where an address leaves no other way. Raises ValueError for an address or a header that
    mail cannot carry, and for a calendar without a method.
    """
    recipient = mailable(mail.to_address)
    policy = SMTP if (sender_address(mail_from) + recipient).isascii() else SMTPUTF8
    boundary = "=_" + re.sub(r"[^A-Za-z0-9]", "", mail.message_id)[:60]
    return b"".join((
        _sender_header(mail_from, policy),
        _header("To", recipient if _PLAIN_ADDRESS.fullmatch(recipient) else _address(recipient), policy),
        _header("Subject", unencoded(mail.content.subject), policy),
        f"Date: {format_datetime(mail.queued_at)}\r\n".encode("ascii"),
        _header("Message-ID", mail.message_id, policy),
        b"" if mail.unsubscribe_url is None else _unsubscribe(mail.unsubscribe_url),
        b"Auto-Submitted: auto-generated\r\n"
        b"MIME-Version: 1.0\r\n",
        _body(mail, boundary) if mail.calendar is None and not mail.attachments else _body_with_files(mail, boundary),
    ))


def _unsubscribe(url: str) -> bytes:
    """The address that a mail program may post to by itself (RFC 8058), which has to be https; not folded, not encoded.

    Raises ValueError for an address that is none.
    """
    if not _URL.fullmatch(url):
        raise ValueError("the address to unsubscribe at is none")
    one_click = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" if url.startswith("https:") else ""
    return f"List-Unsubscribe: <{url}>\r\n{one_click}".encode("ascii")


def _body(mail: ClaimedMail, boundary: str, calendar: bytes = b"") -> bytes:
    return b"".join((
        f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode("ascii"),
        _part("plain", mail.content.text, boundary),
        _part("html", mail.content.html, boundary),
        calendar,
        f"--{boundary}--\r\n".encode("ascii"),
    ))


def _body_with_files(mail: ClaimedMail, boundary: str) -> bytes:
    """Base64 keeps the calendar's own line ends, on which its readers insist, and whatever a file holds."""
    inner, files = b"", list(mail.attachments)
    if mail.calendar is not None:
        method = _METHOD.search(mail.calendar)
        if method is None:
            raise ValueError("the calendar that goes with it states no method")
        content = mail.calendar.encode("utf-8")
        inner = (
            f'--{boundary}\r\nContent-Type: text/calendar; charset="utf-8"; method={method[1]}\r\n'
            "Content-Transfer-Encoding: base64\r\n\r\n"
        ).encode("ascii") + _base64(content)
        files.insert(0, Attachment("invite.ics", "application/ics", content))
    outer = boundary.replace("=_", "=_m_", 1)  # neither begins like the other: readers compare beginnings of lines
    return b"".join((
        f'Content-Type: multipart/mixed; boundary="{outer}"\r\n\r\n--{outer}\r\n'.encode("ascii"),
        _body(mail, boundary, inner),
        *(_file(file, outer) for file in files),
        f"--{outer}--\r\n".encode("ascii"),
    ))


def _file(file: Attachment, boundary: str) -> bytes:
    """Names and types are checked when the mail is queued, so that they need no encoding."""
    return (
        f'--{boundary}\r\nContent-Type: {file.media_type}; name="{file.name}"\r\n'
        f'Content-Disposition: attachment; filename="{file.name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    ).encode("ascii") + _base64(file.content)


def _base64(content: bytes) -> bytes:
    return encodebytes(content).replace(b"\n", b"\r\n")


def unencoded(text: str) -> str:
    """Text that no reader of headers takes for an encoded word (RFC 2047): what somebody typed is what is shown."""
    return text.replace("=?", "= ?")


def mailable(address: str) -> str:
    """The address with its domain in ASCII. Raises ValueError, also for one with an encoded word in it."""
    if "=?" in address:
        raise ValueError(f"{address!r} is no mail address")
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.encode('idna').decode('ascii')}"


@lru_cache(maxsize=8)
def sender_address(mail_from: str) -> str:
    """The address in a sender such as `The park <credits@park.example>`, its domain in ASCII. Raises ValueError."""
    return mailable(parseaddr(mail_from)[1])


@lru_cache(maxsize=8)
def _sender_header(mail_from: str, policy: Any) -> bytes:
    return _header("From", _address(sender_address(mail_from), parseaddr(mail_from)[0]), policy)


def _address(mailable_address: str, name: str = "") -> Address:
    local, _, domain = mailable_address.rpartition("@")
    return Address(display_name=name, username=local, domain=domain)


def _header(name: str, value: object, policy: Any) -> bytes:
    """A folded header. What looks encoded already is decoded by the policy, so the result is looked at too.

    What the policy would leave as it is need not be taken apart for that: most headers are such.
    """
    line = f"{name}: {value}"
    if len(line) <= policy.max_line_length and "=?" not in line and isinstance(value, str) and _PLAIN.fullmatch(value):
        return f"{line}\r\n".encode("ascii")
    folded: bytes = policy.fold_binary(*policy.header_store_parse(name, value))
    if _UNSAFE.search(folded[:-2]):
        raise ValueError(f"the header {name} would hold a line end or a control character")
    return folded


def _part(subtype: str, text: str, boundary: str) -> bytes:
    head = (
        f'--{boundary}\r\nContent-Type: text/{subtype}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    body = b"\r\n".join(text.encode("utf-8").splitlines()) + b"\r\n"
    return head.encode("ascii") + b2a_qp(body) + b"\r\n"
