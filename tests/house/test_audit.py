"""The audit of what is installed can fail: a wrong version and an altered file are found."""

from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest

from tests.house.audit import altered, pins, strays

RECORD = """\
room.py,sha256=LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ,5
gone.py,sha256=LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ,5
room-1.dist-info/RECORD,,
"""


@pytest.fixture
def room(tmp_path: Path) -> Distribution:
    """A distribution of one file that holds "hello", and of one that is not there."""
    about = tmp_path / "room-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: The_Room\nVersion: 1\n")
    (about / "RECORD").write_text(RECORD)
    (tmp_path / "room.py").write_text("hello")
    return PathDistribution(about)


def test_a_changed_file_and_one_that_is_gone_are_found(room: Distribution, tmp_path: Path) -> None:
    assert altered(room) == ["The_Room: gone.py is gone"]

    (tmp_path / "room.py").write_text("hallo")

    assert altered(room) == ["The_Room: room.py was changed", "The_Room: gone.py is gone"]


@pytest.mark.parametrize("pinned, found", [({"the-room": "1"}, 0), ({"the-room": "2"}, 1), ({}, 1)])
def test_another_version_than_pinned_and_what_is_not_pinned_are_found(
    room: Distribution, pinned: dict[str, str], found: int
) -> None:
    assert len(strays([room], pinned)) == found


def test_extras_are_read_past() -> None:
    assert {"psycopg", "flask"} <= pins("requirements.txt").keys()
