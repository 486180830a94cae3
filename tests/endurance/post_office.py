"""A mail server that does what it is told to: takes mails, refuses, hangs, hangs up or stutters at a stated step.

It runs in a fork, one conversation after another, and writes each mail that it takes into a folder before it answers.
"""

import itertools
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.endurance import forks

OF_A_MAIL = ("MAIL", "RCPT", "DATA", "body", "mail")
"""The steps that each mail of a conversation goes through."""

STEPS = ("greeting", "EHLO", *OF_A_MAIL)
"""Where something can go wrong: the answer to a connection, to each command, within the mail, the answer to a mail."""

_KEEPING = threading.Lock()

USUAL = {"greeting": b"220 here\r\n", "DATA": b"354 go on\r\n", "QUIT": b"221 bye\r\n"}


@dataclass(frozen=True)
class Trouble:
    """What happens at a step of one conversation, of its first mail where it has several.

    `act` is an answer (bytes, such as `550 no`), or `drop`, `reset`, `hang`, or `stutter` (the right answer, byte by
    byte). `taken` says whether a mail whose answer is withheld was kept nevertheless.
    """

    step: str
    act: str | bytes
    taken: bool = True


@dataclass(frozen=True)
class Office:
    """A server that is there: its port and the folder of what it took."""

    port: int
    folder: Path
    at_once: bool = False

    @property
    def url(self) -> str:
        """The setting that sends mail there."""
        return f"smtp://127.0.0.1:{self.port}"

    def wait_until_idle(self) -> None:
        """Returns once every conversation that was begun before is over."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            lines = connection.makefile("rb")
            lines.readline()
            if self.at_once:
                connection.sendall(b"NOOP\r\n")
                lines.readline()
            connection.sendall(b"QUIT\r\n")
            lines.read()


@contextmanager
def post_office(
    folder: Path, troubles: Sequence[Trouble | None] = (), *, at_once: bool = False
) -> Iterator[Office]:
    """A server in a fork; the n-th conversation has the n-th trouble, all after them none.

    It speaks with one client after another, or with all `at_once`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    serve = _serve_at_once if at_once else _serve
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        fork = forks.start(lambda: serve(listener, folder, troubles))
        office = Office(listener.getsockname()[1], folder, at_once)
    try:
        yield office
    finally:
        fork.kill()
        fork.wait()


def _serve(listener: socket.socket, folder: Path, troubles: Sequence[Trouble | None]) -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    parent = os.getppid()
    listener.settimeout(2)
    for number in itertools.count():
        connection = _accepted(listener, parent)
        if connection is None:
            return
        with connection:
            try:
                _talk(connection, folder, troubles[number] if number < len(troubles) else None)
            except OSError:
                pass  # whoever spoke to us was killed


def _serve_at_once(listener: socket.socket, folder: Path, troubles: Sequence[Trouble | None]) -> None:
    """A thread for each conversation; who says NOOP is answered once all that were begun before are over."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    parent = os.getppid()
    listener.settimeout(2)
    begun: list[threading.Thread] = []
    for number in itertools.count():
        connection = _accepted(listener, parent)
        if connection is None:
            return
        begun = [thread for thread in begun if thread.is_alive()]
        trouble = troubles[number] if number < len(troubles) else None
        begun.append(threading.Thread(
            target=_talk_alone, args=(connection, folder, trouble, tuple(begun)), daemon=True))
        begun[-1].start()


def _talk_alone(
    connection: socket.socket, folder: Path, trouble: Trouble | None, before: Sequence[threading.Thread]
) -> None:
    with connection:
        try:
            _talk(connection, folder, trouble, before)
        except OSError:
            pass  # whoever spoke to us was killed


def _accepted(listener: socket.socket, parent: int) -> socket.socket | None:
    """The next conversation; None when the one who started us is gone."""
    while os.getppid() == parent:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
    return None


def _talk(
    connection: socket.socket, folder: Path, trouble: Trouble | None, before: Sequence[threading.Thread] = ()
) -> None:
    if not _answer(connection, "greeting", trouble):
        return
    lines = connection.makefile("rb")
    mails = 0
    for line in lines:
        step = line[:4].strip().upper().decode("ascii", "replace")
        mails += step == "MAIL"
        if mails > 1 and trouble is not None and trouble.step in OF_A_MAIL:
            trouble = None
        for thread in before if step == "NOOP" else ():
            thread.join()
        if not _answer(connection, step, trouble) or step == "QUIT":
            return
        refused = trouble is not None and trouble.step == "DATA" and isinstance(trouble.act, bytes)
        if step == "DATA" and not refused:
            content = b""
            for part in lines:
                if part == b".\r\n":
                    break
                content += part
                if trouble is not None and trouble.step == "body" and not _answer(connection, "body", trouble):
                    return
            else:
                return
            accepts = trouble is None or trouble.step != "mail" or not isinstance(trouble.act, bytes)
            if accepts and (trouble is None or trouble.step != "mail" or trouble.taken):
                _keep(folder, content)
            if not _answer(connection, "mail", trouble):
                return


def _keep(folder: Path, content: bytes) -> None:
    with _KEEPING:
        number = sum(1 for _ in folder.iterdir())
        part = folder / f"{number}.part"
        part.write_bytes(content)
        part.rename(folder / f"{number}-{os.getpid()}.eml")


def _answer(connection: socket.socket, step: str, trouble: Trouble | None) -> bool:
    """Answers a step; False when the conversation is over."""
    usual = USUAL.get(step, b"250 OK\r\n")
    if trouble is None or trouble.step != step:
        connection.sendall(usual)
        return True
    if isinstance(trouble.act, bytes):
        connection.sendall(trouble.act + b"\r\n")
        return step not in ("greeting", "body")
    if trouble.act == "stutter":
        for letter in usual:
            connection.sendall(bytes((letter,)))
        return True
    if trouble.act == "hang":
        while connection.recv(65536):
            pass
    elif trouble.act == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return False
