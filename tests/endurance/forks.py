"""Running a function in a fork of this process: a copy of a warmed-up program that costs milliseconds, not a start.

The parent must have no threads of its own running (polars starts its own when it first works), so all work with the
product is done in forks.
"""

import contextlib
import io
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO


@dataclass(frozen=True)
class Ended:
    """How a fork ended: killed, or with the value its function returned, or with the error it raised as text."""

    killed: bool = False
    value: Any = None
    error: str = ""


@dataclass(frozen=True)
class Fork:
    """A fork that is under way."""

    pid: int
    answer: int

    def kill(self) -> None:
        """Ends it by SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)

    def has_ended(self) -> bool:
        """Whether its process is over, answer or not."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def wait(self) -> Ended:
        """Waits for its end."""
        with os.fdopen(self.answer, "rb") as pipe:
            content = pipe.read()
        _, status = os.waitpid(self.pid, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return Ended(killed=True)
        if not content:
            return Ended(error=f"ended with status {status} and without a word")
        ended: Ended = pickle.loads(content)
        return ended


def start(act: Callable[[], Any]) -> Fork:
    """Starts the function in a fork; what it prints is swallowed, its standard error kept for an error."""
    receiving, sending = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(sending)
        return Fork(pid, receiving)
    os.close(receiving)
    _work(act, sending)
    os._exit(0)


def run(act: Callable[[], Any]) -> Ended:
    """Runs the function in a fork to its end."""
    return start(act).wait()


def demand(act: Callable[[], Any]) -> Any:
    """The value of the function, run in a fork. Raises AssertionError with its error when it fails."""
    ended = run(act)
    if ended.killed or ended.error:
        raise AssertionError(ended.error or "killed")
    return ended.value


@dataclass(frozen=True)
class Helper:
    """A fork that does the same for one question after another, so that it has to warm up only once."""

    questions: BinaryIO
    answers: BinaryIO

    def ask(self, question: Any) -> Ended:
        """What its function makes of the question. Raises EOFError when the fork is no more."""
        pickle.dump(question, self.questions)
        self.questions.flush()
        ended: Ended = pickle.load(self.answers)
        return ended


@contextmanager
def helper(act: Callable[[Any], Any]) -> Iterator[Helper]:
    """Starts a fork that waits for questions to the function; it is killed afterwards."""
    hearing, asking = os.pipe()
    reading, answering = os.pipe()

    def serve() -> None:
        os.close(asking)
        with os.fdopen(hearing, "rb") as questions, os.fdopen(answering, "wb") as answers:
            while True:
                question = pickle.load(questions)
                pickle.dump(_ended(lambda: act(question)), answers)  # noqa: B023 (called at once)
                answers.flush()

    fork = start(serve)
    os.close(hearing)
    os.close(answering)
    try:
        with os.fdopen(asking, "wb") as questions, os.fdopen(reading, "rb") as answers:
            yield Helper(questions, answers)
    finally:
        fork.kill()
        fork.wait()


def _work(act: Callable[[], Any], sending: int) -> None:
    ended = _ended(act)
    with os.fdopen(sending, "wb") as pipe:
        pickle.dump(ended, pipe)


def _ended(act: Callable[[], Any]) -> Ended:
    err = io.StringIO()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
            return Ended(value=act())
    except BaseException:  # noqa: BLE001 (a fork must never go on as its parent)
        return Ended(error=f"{traceback.format_exc()}{err.getvalue()}")
