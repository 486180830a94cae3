"""400 mails that wait, delivered over SMTP to a server on this machine, each claimed and marked.

Against a bare loop that hands the same mails, made beforehand, to the same server over one connection.
"""

import smtplib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection

from benchmarks import reference_mail
from benchmarks.frame import Result, compared, rounds
from benchmarks.park import NOW
from benchmarks.places import Ground
from creditsvc.app import create_app
from creditsvc.db import transaction
from creditsvc.jobs.delivery import DeliveryCount, deliver
from creditsvc.mail import outbox
from creditsvc.mail.message import message_for
from creditsvc.mail.outbox import ClaimedMail, Draft
from creditsvc.mail.render import Rendered
from tests import databases
from tests.mail.servers import BreakingServer
from tests.processes import quick_processes

ROUNDS, SLOWER, MAILS = 5, 2.0, 400
FROM = "credits@park.example"
CONTENT = Rendered("What needs you as of 1 July 2026", *next(reference_mail.written(1)))
DRAFTS = tuple(Draft("digest", f"founder{number}@harbour.example", CONTENT) for number in range(MAILS))


def measure(ground: Ground) -> list[Result]:
    """Seconds for all mails, on both databases."""
    results = []
    made = [message_for(ClaimedMail(number, "bare", 1, f"<{number}@park.example>", draft.kind, draft.to_address,
                                    draft.content, NOW), FROM) for number, draft in enumerate(DRAFTS)]
    for kind in databases.KINDS:
        url = ground.prepared(kind, lambda: transaction(lambda: outbox.queue_all(DRAFTS, FROM, NOW)))
        with _server() as port:
            values, limits = rounds(
                lambda: _delivered(ground, url, port), lambda: _bare(made, port), ROUNDS)  # noqa: B023
        results.append(compared("delivery over SMTP", kind, values, limits, SLOWER))
        ground.drop(url)
    return results


def _delivered(ground: Ground, url: str, port: int) -> float:
    """The seconds of one round of delivery, on a copy. Raises RuntimeError unless it sent all."""
    copy = ground.copy(url)
    config = replace(databases.config_for(copy, ground.folder), smtp_url=f"smtp://127.0.0.1:{port}")
    app = create_app(config)
    with app.app_context():
        begun = time.perf_counter()
        count = deliver(config, lambda: NOW)
        seconds = time.perf_counter() - begun
    databases.dispose(app)
    ground.drop(copy)
    if count != DeliveryCount(sent=MAILS):
        raise RuntimeError(f"the round came to {count}")
    return seconds


def _bare(made: Sequence[bytes], port: int) -> float:
    begun = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as connection:
        for draft, content in zip(DRAFTS, made, strict=True):
            connection.sendmail(FROM, draft.to_address, content)
    return time.perf_counter() - begun


@contextmanager
def _server() -> Iterator[int]:
    """A mail server in a process of its own that takes all; its port."""
    context = quick_processes()
    ours, its = context.Pipe()
    process = context.Process(target=_serve, args=(its,))
    process.start()
    try:
        yield int(ours.recv())
    finally:
        ours.send("enough")
        process.join()


def _serve(asked: Connection) -> None:
    with BreakingServer() as server:
        asked.send(server.port)
        asked.recv()
