"""Commands in processes of their own that end by SIGKILL at a chosen moment, and databases that they leave behind.

A moment is the n-th of what a command asks of its database: each statement, each commit and rollback just before it is
sent, and last of all the end of the command, when everything is committed and nobody has been answered yet. A run that
goes through counts them, so that no test needs to know how long anything takes.
"""

import contextlib
import io
import itertools
import json
import os
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import time_machine
from flask import Flask
from sqlalchemy import Engine, event

from creditsvc.app import create_app
from creditsvc.config import Config
from creditsvc.jobs.commands import main
from tests import databases
from tests.apps import app_for
from tests.processes import quick_processes

SEED_VARIABLE = "CREDITSVC_KILL_SEED"
"""Set it to repeat the moments that a failing test has printed."""

NEVER = 0
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Ended:
    """How a command ended: killed, or with what it said and the number of its moments."""

    killed: bool
    code: int = 0
    out: str = ""
    err: str = ""
    moments: int = 0

    @property
    def document(self) -> Any:
        """The JSON document that it printed."""
        return json.loads(self.out)


def run(config: Config, now: datetime, words: Sequence[object], kill_at: int = NEVER) -> Ended:
    """Runs `creditsvc` with those words in a fresh process, at an instant, killed at that moment unless it is NEVER."""
    context = quick_processes()
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_command, args=(config, now, [str(word) for word in words], kill_at, sender))
    process.start()
    sender.close()
    try:
        ended: Ended = receiver.recv()
    except EOFError:  # it closed its end without a word
        ended = Ended(killed=True)
    process.join(timeout=120)
    if ended.killed and process.exitcode != -signal.SIGKILL:
        raise AssertionError(f"{words} ended by itself with {process.exitcode}")
    return ended


def _command(config: Config, now: datetime, words: list[str], kill_at: int, answer: Connection) -> None:
    """The process."""
    moments = 0

    def reach(*_: object) -> None:
        nonlocal moments
        moments += 1
        if moments == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("before_cursor_execute", "commit", "rollback"):
        event.listen(Engine, name, reach)
    out, err, code = io.StringIO(), io.StringIO(), 0
    with time_machine.travel(now), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words, prog_name="creditsvc", obj=partial(app_for, config))
        except SystemExit as done:
            code = int(done.code or 0)
    reach()
    answer.send(Ended(False, code, out.getvalue(), err.getvalue(), moments))


def random_moments(total: int, count: int = 5) -> list[int]:
    """One random moment of each part of a command's run; the seed is printed, so that it can be repeated."""
    seed = int(os.environ.get(SEED_VARIABLE) or random.SystemRandom().randrange(10**9))
    chosen = random.Random(seed)
    moments = [chosen.randint(total * part // count + 1, total * (part + 1) // count) for part in range(count)]
    print(f"killed at {moments} of {total} moments: repeat with {SEED_VARIABLE}={seed}")
    return moments


@dataclass(frozen=True)
class Ground:
    """Where commands are killed: databases of one kind, made as copies of one that was filled."""

    folder: Path
    empty: Callable[[], str]
    copy: Callable[[str], str]

    def filled(self, fill: Callable[[], None]) -> Config:
        """A database filled by that function, with nobody connected to it."""
        config = self._settle(self.empty())
        with opened(config):
            fill()
        return config

    def copy_of(self, config: Config) -> Config:
        """The same database again, with an instance folder of its own."""
        return self._settle(self.copy(config.database_url))

    def _settle(self, url: str) -> Config:
        instance = self.folder / f"instance-{next(_numbers)}"
        instance.mkdir()
        return databases.config_for(url, instance)


@contextmanager
def opened(config: Config) -> Iterator[Flask]:
    """The service on that database, with its context pushed; nothing stays connected."""
    app = create_app(config, doors=False)
    try:
        with app.app_context():
            yield app
    finally:
        databases.dispose(app)
