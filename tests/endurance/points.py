"""The points of an operation at which it is killed: what it asks of its database, its files and its mail server.

A point is a distinct statement of a transaction (its text without values) about to be sent, which is also the moment
after the one before it was answered; both sides of every commit, of a COPY and its rows, of every word to a mail
server, of every file made durable; every answer of a mail server. A run that goes through notes its points; a run that
is killed ends itself by SIGKILL where it reaches the one named.
"""

import os
import re
import signal
import smtplib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

END = "the end, with everything done and nobody answered"

_VALUES = (
    (re.compile(r"'[^']*'"), "''"),
    (re.compile(r"(?:%\([^)]*\)s|\?|\$\d+)(?:::[A-Za-z_ ]+(?:\([\d, ]*\))?)?"), "?"),
    (re.compile(r"\(\s*\?(?:\s*,\s*\?)*\s*\)(?:\s*,\s*\(\s*\?(?:\s*,\s*\?)*\s*\))*"), "(?)"),
    (re.compile(r"\s+"), " "),
)


@lru_cache
def shape_of(statement: str) -> str:
    """The text of a statement without its values and however many they are."""
    for pattern, instead in _VALUES:
        statement = pattern.sub(instead, statement)
    return statement.strip()


@dataclass
class Points:
    """Counts the points of this process, and kills it at the one of that name, or the one of that number from 1 on."""

    kill_at: str | int = ""
    seen: list[str] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)
    _transactions: int = 0
    _spoken: str = ""

    def reach(self, what: str) -> None:
        """A point; the first of its name counts."""
        if what in self._known:
            return
        self._known.add(what)
        self.seen.append(what)
        if self.kill_at in (what, len(self.seen)):
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, what: str, act: Callable[[], Any]) -> Any:
        """The points before and after an act of the transaction that is open."""
        name = f"{self._transactions}: {what}"
        self.reach(f"{name} | before")
        result = act()
        self.reach(f"{name} | after")
        return result

    def commit(self, act: Callable[[], Any]) -> Any:
        """The points before and after a commit, each with its own number."""
        result = self.around("COMMIT", act)
        self._transactions += 1
        return result

    def speak(self, words: bytes, act: Callable[[], Any]) -> Any:
        """The points before and after what is said to a mail server."""
        if words == b".\r\n":
            self._spoken = "the final point"
        elif b"\r\n" not in words[:-2]:
            self._spoken = words[:4].strip().decode("ascii", "replace")
        else:
            self._spoken = "the mail"
        return self.around(f"SMTP {self._spoken}", act)

    def answered(self, act: Callable[[], Any]) -> Any:
        """The point after an answer of a mail server."""
        result = act()
        self.reach(f"{self._transactions}: SMTP answer to {self._spoken or 'the connection'}")
        return result


@dataclass
class Countdown(Points):
    """Kills this process at the n-th point that it reaches, new or not, and notes in a file where that was.

    `only_in_doubt` counts only points between the end of a mail and the mark of it; nobody can know there.
    """

    left: int = 0
    only_in_doubt: bool = False
    notes: Path = Path(os.devnull)
    is_in_doubt: bool = False

    def reach(self, what: str) -> None:
        """A point."""
        if self.only_in_doubt and not self.is_in_doubt:
            return
        self.left -= 1
        if self.left == 0:
            with self.notes.open("a", encoding="utf-8") as notes:
                notes.write(f"{'in doubt' if self.is_in_doubt else 'known'}: {what}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    def commit(self, act: Callable[[], Any]) -> Any:
        """What was marked is in doubt no more."""
        return super().commit(lambda: self._then(act, is_in_doubt=False))

    def speak(self, words: bytes, act: Callable[[], Any]) -> Any:
        """From the end of a mail on it may have been taken."""
        return super().speak(words, lambda: self._then(act, self.is_in_doubt or words == b".\r\n"))

    def _then(self, act: Callable[[], Any], is_in_doubt: bool) -> Any:
        result = act()
        self.is_in_doubt = is_in_doubt
        return result


@contextmanager
def watched(points: Points) -> Iterator[None]:
    """Watches everything that this process does from here on. For processes that end with what they do."""
    _watch_statements(points)
    _watch_copies(points)
    _watch_files(points)
    _watch_mail(points)
    yield
    points.reach(END)


def _watch_statements(points: Points) -> None:
    @event.listens_for(Engine, "before_cursor_execute")
    def before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        points.reach(f"{points._transactions}: {shape_of(statement)}")

    commit = DefaultDialect.do_commit
    DefaultDialect.do_commit = lambda self, connection: points.commit(lambda: commit(self, connection))  # type: ignore[method-assign]


def _watch_copies(points: Points) -> None:
    copy, write_row = psycopg.Cursor.copy, psycopg.Copy.write_row

    @contextmanager
    def watched_copy(self: Any, statement: Any, *more: Any, **options: Any) -> Iterator[Any]:
        points.reach(f"{points._transactions}: {shape_of(str(statement))} | before")
        with copy(self, statement, *more, **options) as copying:
            yield copying
        points.reach(f"{points._transactions}: {shape_of(str(statement))} | after")

    psycopg.Cursor.copy = watched_copy  # type: ignore[assignment]
    psycopg.Copy.write_row = lambda self, row: points.around(  # type: ignore[method-assign]
        "a row of COPY", lambda: write_row(self, row))


def _watch_files(points: Points) -> None:
    fsync, replace = os.fsync, os.replace
    os.fsync = lambda handle: points.around("file: fsync", lambda: fsync(handle))
    os.replace = lambda *places, **more: points.around(  # type: ignore[assignment]
        "file: replace", lambda: replace(*places, **more))


def _watch_mail(points: Points) -> None:
    sendall, getreply = socket.socket.sendall, smtplib.SMTP.getreply
    socket.socket.sendall = lambda self, data, *flags: points.speak(  # type: ignore[method-assign]
        bytes(data), lambda: sendall(self, data, *flags))
    smtplib.SMTP.getreply = lambda self: points.answered(lambda: getreply(self))  # type: ignore[method-assign]
