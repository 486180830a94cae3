"""The balance over the API, everything included, against a bare Flask route that returns a constant of that size.

Both run under gunicorn with two workers, and are asked by the same few threads; what is compared is requests a second.
The limit of requests a minute is off: one token asks for as much as there is.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from sqlalchemy import select

from benchmarks import park
from benchmarks.frame import Result, compared, rounds
from benchmarks.places import ROOT, Ground, environment
from creditsvc.db import db, transaction
from creditsvc.parties.access import operator
from creditsvc.parties.models import Person
from creditsvc.parties.tokens import create_token
from tests import databases

ROUNDS, SECONDS, ASKING, WORKERS = 5, 3.0, 4, 2
BARS = {"sqlite": 0.25, "postgresql": 0.15}
SETTINGS = ("--config", str(ROOT / "creditsvc" / "jobs" / "gunicorn_settings.py"))
BARE_SETTINGS = ("--worker-class", "gthread", "--threads", "4")
"""The same kind of workers, which watch for no night and write no lines of ours."""

SIZE = park.Park(startups=500, grants=4, days=60, keys=2, expiring=100, troubled=50)


def measure(ground: Ground) -> list[Result]:
    """Requests a second on both databases."""
    results = []
    for kind in databases.KINDS:
        tokens: list[str] = []
        url = ground.prepared(kind, lambda: tokens.append(_fill()))  # noqa: B023
        requests = [_request(f"/api/v1/startups/{park.key_of(number)}/balance", tokens[0])
                    for number in range(1, SIZE.startups + 1)]
        with ExitStack() as stack:
            ours = stack.enter_context(_served("wsgi:app", _without_limit(url, ground)))
            body = _ask(ours, requests[0])
            bare = stack.enter_context(_served(
                "benchmarks.bare:app", {**os.environ, "BODY_BYTES": str(len(body))}, BARE_SETTINGS))
            values, limits = rounds(lambda: _rate(ours, requests), lambda: _rate(bare, requests), ROUNDS)  # noqa: B023
        results.append(compared("balance over the API", kind, values, limits, BARS[kind], at_least=True,
                                unit="requests/s", note=f"{len(body)} bytes of JSON"))
        ground.drop(url)
    return results


def _without_limit(url: str, ground: Ground) -> dict[str, str]:
    return {**environment(url, ground.folder), "CREDITSVC_API_RATE": "off"}


def _fill() -> str:
    park.fill(SIZE)

    def token() -> str:
        auditor = Person(email="audit@park.example", name="A. Lee", role="auditor", created_at=park.NOW)
        db.session.add(auditor)
        db.session.flush()
        return create_token(operator(park.NOW), auditor.email, "bench")

    made = transaction(token)
    assert db.session.scalar(select(Person.id).where(Person.role == "auditor")) is not None
    return made


@contextmanager
def _served(application: str, env: dict[str, str], settings: Sequence[str] = SETTINGS) -> Iterator[int]:
    """gunicorn with that application; yields its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    child = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *settings, "--bind", f"127.0.0.1:{port}", "--workers", str(WORKERS),
         application],
        env=env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, child)
        yield port
    finally:
        child.terminate()
        child.wait(timeout=30)


def _wait_for(port: int, child: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if child.poll() is not None:
            raise RuntimeError("the server did not start")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not answer")


def _request(path: str, token: str) -> bytes:
    return (f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
            ).encode("ascii")  # fmt: skip


def _ask(port: int, request: bytes) -> bytes:
    """The body of the answer. Raises RuntimeError unless it is 200."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        answer = bytearray()
        while part := connection.recv(65536):
            answer += part
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise RuntimeError(f"the answer was {head[:80]!r}")
    return body


def _rate(port: int, requests: list[bytes]) -> float:
    """Requests a second that a few threads get answered."""
    counts = [0] * ASKING
    faults: list[RuntimeError] = []
    end = time.perf_counter() + SECONDS

    def ask(place: int) -> None:
        number = place
        try:
            while time.perf_counter() < end:
                _ask(port, requests[number % len(requests)])
                counts[place] += 1
                number += ASKING
        except RuntimeError as fault:
            faults.append(fault)

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(ASKING)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return sum(counts) / (time.perf_counter() - begun)
