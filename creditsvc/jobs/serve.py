"""`creditsvc serve`: gunicorn and the scheduler as two children of one process (A7).

Neither is ever inside the other. When this process is told to stop it stops both; when one of them dies by itself it
stops the other and says so, so that whoever watches the service starts it again whole.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from types import FrameType

import click

STOP_SECONDS = 25.0
"""How long a child may take to finish what is under way (gunicorn gives its workers 20 seconds)."""

_POLL_SECONDS = 0.1
_PR_SET_PDEATHSIG = 1


def serve(host: str, port: int, workers: int, with_scheduler: bool) -> int:
    """Runs until told to stop (0) or until a child dies (1). Blocks; takes over SIGTERM and SIGINT."""
    stopping: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    children = {"gunicorn": _start(_gunicorn(host, port, workers))}
    if with_scheduler:
        children["scheduler"] = _start([sys.executable, "-m", "creditsvc", "scheduler"])
    click.echo(f"creditsvc on http://{f'[{host}]' if ':' in host else host}:{port} (Ctrl-C stops it)", err=True)
    while not stopping and all(child.poll() is None for child in children.values()):
        time.sleep(_POLL_SECONDS)
    dead = {name: child.returncode for name, child in children.items() if child.returncode is not None}
    _stop(children)
    if stopping:
        return 0
    for name, code in dead.items():
        click.echo(f"The {name} process ended by itself with code {code}; the service stops.", err=True)
    return 1


def _gunicorn(host: str, port: int, workers: int) -> list[str]:
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return [
        sys.executable, "-m", "gunicorn", "--config", "python:creditsvc.jobs.gunicorn_settings",
        "--bind", address, "--workers", str(workers),
    ]


def _start(command: list[str]) -> "subprocess.Popen[bytes]":
    # a session of its own: Ctrl-C in the terminal reaches this process alone, which then stops each child once
    return subprocess.Popen(command, start_new_session=True, preexec_fn=_end_with_parent(os.getpid()))


def _end_with_parent(parent: int) -> "_Preparation | None":
    """On Linux a child is told to stop when its parent is killed, so that no scheduler is left behind."""
    return _Preparation(parent) if sys.platform == "linux" else None


class _Preparation:
    """Runs in the child before its program does."""

    def __init__(self, parent: int) -> None:
        self.parent = parent
        self.library = ctypes.CDLL(None, use_errno=True)

    def __call__(self) -> None:
        self.library.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != self.parent:  # it died before the line above
            os._exit(1)


def _stop(children: Mapping[str, "subprocess.Popen[bytes]"]) -> None:
    """Tells all children to stop, waits, and kills what does not."""
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for name, child in children.items():
        try:
            child.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            click.echo(f"The {name} process did not stop in time and is killed.", err=True)
            child.kill()
            child.wait()
