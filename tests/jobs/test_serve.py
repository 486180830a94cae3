"""`creditsvc serve`: gunicorn and the scheduler as siblings, stopped together."""

import json
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests import databases
from tests.jobs.shell import environment, run
from tests.polling import wait_until

ROOT = Path(__file__).parents[2]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def child_with(parent, word):
    return next((one for one in psutil.Process(parent.pid).children() if word in one.cmdline()), None)


def gone(processes):
    return not psutil.wait_procs(processes, timeout=0)[1]


@pytest.fixture
def config(sqlite_template, tmp_path):
    """Settings on SQLite: processes start and stop alike whatever the database."""
    return databases.config_for(databases.copy_sqlite(sqlite_template, tmp_path / "served.sqlite"), tmp_path)


@pytest.fixture
def serving(config, tmp_path):
    """Starts the service; yields the process, its port and where its standard error goes."""
    port, log = free_port(), tmp_path / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "creditsvc", "serve", "--port", str(port), "--workers", "1"],
            env=environment(config), cwd=ROOT, stdout=sink, stderr=sink,
        )
        family = []
        try:
            wait_until(lambda: answers(port), "the service to answer", seconds=90)
            wait_until(lambda: child_with(process, "scheduler") is not None, "the scheduler")
            wait_until(lambda: "scheduler.starts" in log.read_text(), "the scheduler to work", seconds=90)
            family = psutil.Process(process.pid).children(recursive=True)
            yield process, family, log
        finally:
            process.kill()
            process.wait()
            for one in family:
                if one.is_running():
                    one.kill()


def test_a_signal_stops_pages_and_scheduler_alike(serving):
    process, family, log = serving

    process.terminate()

    assert process.wait(timeout=60) == 0
    wait_until(lambda: gone(family), "all children to be gone")
    assert "Traceback" not in log.read_text()


def test_the_service_ends_when_its_scheduler_dies(serving):
    process, family, log = serving

    child_with(process, "scheduler").kill()

    assert process.wait(timeout=60) == 1
    wait_until(lambda: gone(family), "all children to be gone")
    assert "The scheduler process ended by itself" in log.read_text()


def test_nothing_is_left_behind_when_the_service_is_killed(serving):
    process, family, _ = serving

    process.kill()

    wait_until(lambda: gone(family), "all children to be gone", seconds=60)
    assert process.wait(timeout=10) == -signal.SIGKILL


TOKEN = "c2VjcmV0IG9mIGEgbGluaw"


def asked(port, path):
    """The status of an answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def test_what_a_real_server_logs_is_json_with_its_request_and_nobodys_data(serving, config):
    process, _, log = serving
    port = process.args[process.args.index("--port") + 1]
    with closing(sqlite3.connect(config.sqlite_path)) as connection:
        connection.execute("ALTER TABLE password_reset RENAME TO elsewhere")  # so that its page fails
    address = f"/password/reset/{TOKEN}?email=founder@harbour.example"

    statuses = [asked(port, address), asked(port, address)]
    with socket.create_connection(("127.0.0.1", int(port)), timeout=30) as rough:
        rough.sendall(f"GET {address} nonsense\r\n\r\n".encode())
        rough.recv(1000)
    process.terminate()
    process.wait(timeout=60)

    # what it says to whoever started it goes to standard output
    lines = [json.loads(line) for line in log.read_text().splitlines() if not line.startswith("creditsvc on http://")]
    failed = [line for line in lines if "request" in line]
    named = {line["request"] for line in failed}
    assert statuses == [500, 500]
    assert [len([line for line in failed if line["request"] == one and line["level"] == "error"]) for one in named] == [
        2, 2,
    ]  # what broke, with its traceback, and that the request failed
    assert any("no such table: password_reset" in str(line.get("exception")) for line in failed)
    assert any("Invalid request" in line["event"] for line in lines)
    assert {"event", "level", "timestamp"} <= set.intersection(*(set(line) for line in lines))
    for private in (TOKEN, "founder@", "harbour"):
        assert private not in log.read_text()


def test_it_does_not_serve_a_database_without_tables(tmp_path, sqlite_template):
    empty = databases.config_for(f"sqlite:///{tmp_path}/new.sqlite", tmp_path)

    said = run(empty, "serve")

    assert said.code == 1
    assert "creditsvc init" in said.err
