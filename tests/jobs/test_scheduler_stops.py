"""The scheduler ends when it is told to, whatever it is at just then (A7)."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import databases
from tests.jobs.shell import environment

ROOT = Path(__file__).parents[2]

TOLD_WHILE_A_JOB_IS_HANDED_OVER = """
import concurrent.futures, os, signal

class Pool(concurrent.futures.ThreadPoolExecutor):
    def _adjust_thread_count(self):  # called with the locks of the pool
        os.kill(os.getpid(), signal.SIGTERM)
        super()._adjust_thread_count()

concurrent.futures.ThreadPoolExecutor = Pool
"""

TOLD_BEFORE_IT_RUNS = """
import os, signal
from creditsvc.jobs import scheduler

def keep_right(*_):
    os.kill(os.getpid(), signal.SIGTERM)

scheduler.keep_right = keep_right
"""


@pytest.mark.parametrize("told", [TOLD_WHILE_A_JOB_IS_HANDED_OVER, TOLD_BEFORE_IT_RUNS], ids=["handing-over", "before"])
def test_it_ends_when_it_is_told_at_an_awkward_moment(told, sqlite_template, tmp_path):
    config = databases.config_for(databases.copy_sqlite(sqlite_template, tmp_path / "told.sqlite"), tmp_path)
    program = f"{told}\nimport sys\nfrom creditsvc.__main__ import run\nsys.argv[1:] = ['scheduler']\nrun()"

    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment(config), cwd=ROOT, capture_output=True, text=True, timeout=60,
    )

    assert ended.returncode == 0, ended.stderr
    assert "scheduler.starts" in ended.stderr
    assert "Traceback" not in ended.stderr
