"""The targets explain themselves, and continuous integration can start."""

import os
import re
import subprocess

from tests.house.guards import ROOT


def test_make_alone_lists_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)
    listed = subprocess.run(["make"], cwd=ROOT, env={**os.environ, "MAKEFLAGS": ""}, capture_output=True, text=True)

    assert phony
    assert re.findall(r"^make (\w+) +\S", listed.stdout, re.M) == phony[1].split()


def test_the_entry_of_continuous_integration_is_a_sound_program() -> None:
    checked = subprocess.run(["bash", "-n", ".ci/run"], cwd=ROOT, capture_output=True, text=True)

    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert (checked.returncode, checked.stderr) == (0, "")
