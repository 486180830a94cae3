"""A TCP proxy before PostgreSQL that cuts, resets or holds a connection, or ends the server, at a stated request.

It runs in a fork and counts what PostgreSQL calls a request: a Sync or a simple Query of its protocol.
"""

import os
import select
import selectors
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.endurance import forks

ANSWERED = (b"Z", b"G")
"""The messages that end the server's answer to a request: ready for the next, or ready for the rows of a COPY."""


@dataclass(frozen=True)
class Break:
    """What happens at the n-th request: before the server gets it, once it has it (`during`), or after it has answered
    and before that arrives.

    `cut` ends both sides, `reset` the client's with an RST, `hold` says so and goes on when it is told to, `crash`
    ends the server too.
    """

    request: int
    when: Literal["before", "during", "after"]
    how: Literal["cut", "reset", "hold", "crash"]

    def __str__(self) -> str:
        return f"{self.how} {self.when} request {self.request}"


@dataclass
class Proxy:
    """A proxy that is there."""

    port: int
    _reached: int
    _release: int

    def has_struck(self) -> bool:
        """Whether the request was reached at which something happens."""
        return bool(select.select([self._reached], [], [], 0)[0])

    def release(self) -> None:
        """Lets the request that is held go on."""
        os.write(self._release, b"!")


@contextmanager
def proxy(
    listener: socket.socket, server: Path, broken: Break | None, counts: Path,
    crash: Callable[[int], None] | None = None,
) -> Iterator[Proxy]:
    """Forwards connections of the listener to the socket file of a server.

    How many requests there were goes to `counts`, and after it which of them were commits. `crash` ends the server; it
    is told the process that serves the connection.
    """
    reached, say_reached = os.pipe()
    hear_release, release = os.pipe()
    fork = forks.start(lambda: _Forwarding(listener, server, broken, say_reached, hear_release, counts, crash).run())
    os.close(say_reached)
    os.close(hear_release)
    try:
        yield Proxy(listener.getsockname()[1], reached, release)
    finally:
        fork.kill()
        fork.wait()
        os.close(reached)
        os.close(release)


@dataclass
class _Side:
    """One direction of a connection: what was received and is no whole message yet."""

    to: socket.socket
    is_client: bool
    pending: bytes = b""
    started: bool = False

    def messages(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The whole messages of what came: (type, all of it). The client's first one has no type."""
        self.pending += data
        while True:
            head = 0 if self.is_client and not self.started else 1
            if len(self.pending) < head + 4:
                return
            length = head + int.from_bytes(self.pending[head : head + 4], "big")
            if len(self.pending) < length:
                return
            message, self.pending = self.pending[:length], self.pending[length:]
            self.started = True
            yield message[:head], message


@dataclass
class _Forwarding:
    listener: socket.socket
    server: Path
    broken: Break | None
    say_reached: int
    hear_release: int
    counts: Path
    crash: Callable[[int], None] | None
    requests: int = 0
    commits: list[int] = field(default_factory=list)
    struck: bool = False
    backends: dict[socket.socket, int] = field(default_factory=dict)
    withheld: dict[socket.socket, bytes] = field(default_factory=dict)

    def run(self) -> None:
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self.listener:
                        self._connect(selector)
                    elif key.fileobj in selector.get_map():
                        assert isinstance(key.fileobj, socket.socket)
                        self._forward(selector, key.fileobj, key.data)

    def _connect(self, selector: selectors.BaseSelector) -> None:
        client, _ = self.listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self.server))
        except OSError:  # it is down
            client.close()
            return
        selector.register(client, selectors.EVENT_READ, _Side(server, is_client=True))
        selector.register(server, selectors.EVENT_READ, _Side(client, is_client=False, started=True))

    def _forward(self, selector: selectors.BaseSelector, source: socket.socket, side: _Side) -> None:
        try:
            data = source.recv(1 << 16)
            if not data:
                raise ConnectionError
            for kind, message in side.messages(data):
                if side.is_client and kind in (b"Q", b"P") and b"COMMIT" in message:
                    self.commits.append(self.requests + 1)
                if side.is_client and kind in (b"Q", b"S"):
                    self._count()
                    if self._strikes("before"):
                        self._strike(source)
                    elif self._strikes("during"):
                        side.to.sendall(message)
                        self._strike(source)
                    elif self._strikes("after"):
                        self.withheld[source] = b""
                if not side.is_client and kind == b"K":
                    self.backends[side.to] = int.from_bytes(message[5:9], "big")
                if not side.is_client and side.to in self.withheld:
                    self.withheld[side.to] += message
                    if kind in ANSWERED:
                        self._strike(side.to)
                        side.to.sendall(self.withheld.pop(side.to))
                    continue
                side.to.sendall(message)
        except OSError:
            for one in (source, side.to):
                if one in selector.get_map():
                    selector.unregister(one)
                one.close()

    def _count(self) -> None:
        self.requests += 1
        self.counts.write_text(" ".join(map(str, [self.requests, *self.commits])), encoding="ascii")

    def _strikes(self, when: str) -> bool:
        return self.broken is not None and not self.struck and (self.broken.request, self.broken.when) == (
            self.requests, when)

    def _strike(self, client: socket.socket) -> None:
        """Does what is to be done to the client's connection. Raises ConnectionError when that ends it."""
        assert self.broken is not None
        self.struck = True
        os.write(self.say_reached, b"!")
        if self.broken.how == "hold":
            os.read(self.hear_release, 1)
            return
        if self.broken.how == "crash":
            assert self.crash is not None
            self.crash(self.backends[client])
        if self.broken.how == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        raise ConnectionError
