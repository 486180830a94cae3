"""The clock of a host leaps under a scheduler, a process of its own as in service: it goes on past two in Hong Kong,
the machine sleeps for four days, the clock is set back by two and put right again.

libfaketime gives the process its clock, from a file that is written anew to make it leap; the steady clock goes on, as
it does on Linux whatever is set and however long a machine sleeps.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from creditsvc.app import create_app
from creditsvc.jobs.commands import main
from tests.conftest import ROOT
from tests.endurance import doors, forks, ledgers
from tests.endurance.ledgers import Difference
from tests.endurance.places import Place
from tests.endurance.scenarios import park
from tests.endurance.seeded import NOT_PUT_RIGHT, Seeded
from tests.endurance.trials import Tally
from tests.polling import wait_until

NAME = NOT_PUT_RIGHT.scenario
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
"""libfaketime for programs with threads, where Debian's package of that name puts it."""

BEFORE_TWO = datetime(2026, 6, 15, 17, 59, 40, tzinfo=UTC)
"""Shortly before the first night of the park, at two in Hong Kong on 16 June."""

AWAKE = datetime(2026, 6, 19, 19, tzinfo=UTC)
"""After a sleep of four days, through four nights."""

SET_BACK = AWAKE - timedelta(days=2)
PATIENCE = 90.0
"""Seconds. The scheduler looks every twenty, and puts its jobs right every ten."""

FAULTY = "faulty"
_DONE = "SELECT COUNT(*) FROM job_run WHERE state = 'done'"
_COMPARED = "SELECT COUNT(*) FROM verification"
_NIGHTS_AGAIN = "SELECT COUNT(*) FROM job_run WHERE state = 'done' AND edition = 2"
_COMPARED_LAST = "SELECT COUNT(*) FROM verification WHERE at > (SELECT MAX(heartbeat_at) FROM job_run)"
THE_NIGHT_SET_BACK = "the night of the day to which the clock was set back"


def run(on: Place, fault: Seeded | None = None) -> Tally:
    """The story of such a host, told once, with what differs; `fault` is put into its scheduler. Needs the library."""
    on.restore("park")
    on.posting_to("file:")
    tally = Tally(NAME, on.kind, trials=1)
    try:
        with _scheduler(on, fault) as (clock, process):
            _live(on, clock, process)
            process.send_signal(signal.SIGTERM)
            ended = process.wait(PATIENCE)
    except AssertionError as error:
        tally.add("a leap", [Difference("lost", "what the scheduler was to do", "done", str(error))])
        return tally
    except (ChildProcessError, subprocess.TimeoutExpired) as error:
        tally.add("a leap", [Difference("other", "the scheduler", "at work until it is told to end", str(error))])
        return tally
    story = park()
    for at in (BEFORE_TWO, AWAKE, SET_BACK):
        story.night(at)
    differences = ledgers.compare(story.account(), ledgers.account(on).lines)
    differences += [Difference("other", f"verify: {one['account']} {one['what']}", one["expected"], one["found"])
                    for one in forks.demand(lambda: doors.differences(on))]
    if ended:
        differences.append(Difference("other", "how the scheduler ends when it is told to", 0, ended))
    tally.add("leaps of the clock", differences)
    return tally


def _live(on: Place, clock: "Clock", process: subprocess.Popen[bytes]) -> None:
    """What happens on that host. Raises AssertionError for what does not."""

    def wait(query: str, count: int, what: str) -> None:
        def reached() -> bool:
            if process.poll() is not None:
                raise ChildProcessError(f"the scheduler ended with {process.returncode}, waited for {what}")
            return int(on.read(query)[0][0]) >= count

        wait_until(reached, what, PATIENCE)

    wait(_DONE, 1, "the night at two o'clock")
    wait(_COMPARED, 1, "the book to be compared with its facts after it")
    clock.leap(AWAKE)
    wait(_DONE, 2, "one night after the sleep")
    clock.leap(SET_BACK)
    wait(_DONE, 3, THE_NIGHT_SET_BACK)
    clock.leap(AWAKE + timedelta(minutes=5))
    wait(_NIGHTS_AGAIN, 1, "the night made ahead of its day to be made again")
    wait(_COMPARED_LAST, 1, "the book to be compared after it")


class Clock:
    """The clock that a process sees: as far off the right one as a file says."""

    def __init__(self, file: Path, shows: datetime) -> None:
        self.file = file
        self.leap(shows)

    def leap(self, shows: datetime) -> None:
        """From here on it shows that instant and what comes after it."""
        by = (shows - datetime.now(UTC)).total_seconds()
        new = self.file.with_suffix(".new")
        new.write_text(f"{by:+.0f}\n", encoding="ascii")
        new.replace(self.file)


@contextmanager
def _scheduler(on: Place, fault: Seeded | None) -> Iterator[tuple[Clock, subprocess.Popen[bytes]]]:
    """A scheduler at work on the place, and its clock; killed in the end if it is still there."""
    clock = Clock(on.folder / "clock", BEFORE_TWO)
    environment = {
        **os.environ,
        "CREDITSVC_DATABASE_URL": on.config.database_url, "CREDITSVC_INSTANCE": str(on.config.instance),
        "CREDITSVC_SECRET_KEY": on.config.secret_key, "CREDITSVC_MAIL_FROM": on.config.mail_from,
        "CREDITSVC_SMTP_URL": on.config.smtp_url, "TZ": "UTC",
        "LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(clock.file), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with (on.folder / "scheduler.log").open("wb") as said:
        command = [sys.executable, "-m", __name__, *([FAULTY] if fault else [])]
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=said, stderr=said)
        try:
            yield clock, process
        finally:
            process.kill()
            process.wait()


def _serve(faulty: bool) -> None:
    """`creditsvc scheduler` in this process, with that fault in it or without."""
    if faulty:
        NOT_PUT_RIGHT.plant()
    main(["scheduler"], prog_name="creditsvc", obj=create_app)


if __name__ == "__main__":
    _serve(FAULTY in sys.argv)
