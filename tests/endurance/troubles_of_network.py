"""A connection to PostgreSQL that breaks or stalls under an operation, at each of its requests."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.endurance import forks
from tests.endurance.ledgers import Difference
from tests.endurance.places import Place
from tests.endurance.proxy import Break, Proxy, proxy
from tests.endurance.scenarios import Scenario
from tests.endurance.trials import Seed, Stage, Tally, chosen
from tests.polling import wait_until

BLOCKED = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@dataclass(frozen=True)
class Network:
    """A scenario whose act goes through a proxy, while all that follows goes directly; `plant` is a fault put in.

    `meanwhile` is what is asked for while the act stalls: the same again where it is not said.
    """

    stage: Stage
    through: Place
    listener: socket.socket
    socket_file: Path
    plant: Seed | None = None
    meanwhile: Scenario | None = None

    @property
    def counts(self) -> Path:
        """Where the proxy writes how many requests it has seen."""
        return self.stage.place.folder / "requests"

    def begin(self) -> None:
        """Puts all back."""
        self.stage.place.restore("scene")
        self.counts.write_text("0", encoding="ascii")

    def act(self) -> forks.Fork:
        """Starts the act through the proxy."""
        through = replace(self.through, made=self.stage.place.made)
        return self.start(self.stage.scenario, through, self.stage.scenario.now)

    def start(self, scenario: Scenario, place: Place, now: datetime) -> forks.Fork:
        """Starts the act by that address of the place."""

        def work() -> None:
            if self.plant is not None:
                self.plant()
            scenario.act(place, now)

        return forks.start(work)

    def requests(self) -> int:
        """How many requests the act makes when nothing happens to it."""
        return self.counted()[0]

    def counted(self) -> list[int]:
        """How many requests those are, and which of them are commits."""
        self.begin()
        with proxy(self.listener, self.socket_file, None, self.counts):
            ended = self.act().wait()
        assert not ended.error, f"{self.stage.scenario.name} fails through a proxy: {ended.error}"
        return [int(word) for word in self.counts.read_text(encoding="ascii").split()]


@contextmanager
def network(stage: Stage) -> Iterator[Network]:
    """A proxy's address before the server of a stage."""
    address = urlsplit(stage.place.config.database_url)
    folder = parse_qs(address.query)["host"][0]
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        port = listener.getsockname()[1]
        url = f"postgresql+psycopg://postgres@127.0.0.1:{port}{address.path}?sslmode=disable&gssencmode=disable"
        yield Network(stage, stage.place.reached_by(url), listener, Path(folder) / ".s.PGSQL.5432")


def breaks(requests: int, limit: int | None, seed: int) -> list[Break]:
    """Both sides of every request (or of `limit` of them), cut and reset by turns."""
    numbers = [int(word) for word in chosen([str(n + 1) for n in range(requests)], limit, seed)]
    found = []
    for turn, number in enumerate(numbers):
        first, second = ("cut", "reset") if turn % 2 else ("reset", "cut")
        found += [Break(number, "before", first), Break(number, "after", second)]  # type: ignore[arg-type]
    return found


def break_in_turn(on: Network, planned: Sequence[Break], tally: Tally) -> None:
    """The connection breaks under the act, which is done again over a sound one."""
    for broken in planned:
        on.begin()
        tally.trials += 1
        with proxy(on.listener, on.socket_file, broken, on.counts) as between:
            on.act().wait()  # it may fail, or have done all when its connection broke
            struck = between.has_struck()
        assert struck, f"{broken} was never reached"
        tally.add(str(broken), on.stage.half_done() + on.stage.finish(tally))


def hold_in_turn(on: Network, planned: Sequence[Break], tally: Tally) -> Iterator[Tally]:
    """The act stalls at a request while somebody who waited in vain does it again, and goes on then.

    Yields the tally after each.
    """
    for broken in planned:
        on.begin()
        tally.trials += 1
        with proxy(on.listener, on.socket_file, broken, on.counts) as between:
            errors = _ask_twice(on, between)
        differences = on.stage.finish(tally, again=False, also=on.meanwhile)
        differences += [Difference("other", "an answer", "an answer", error[-800:]) for error in errors]
        tally.add(str(broken), differences)
        yield tally


def _ask_twice(on: Network, between: Proxy) -> list[str]:
    """The act that stalls, and the same again by another process before the first goes on; what went wrong."""
    scenario, place = on.stage.scenario, on.stage.place
    first = on.act()
    wait_until(lambda: between.has_struck() or first.has_ended(), f"the stall of {scenario.name}")
    second = on.start(on.meanwhile or scenario, place, scenario.now + timedelta(minutes=1))
    wait_until(lambda: second.has_ended() or bool(place.read(BLOCKED)), f"the second {scenario.name}")
    between.release()
    return [ended.error for ended in (first.wait(), second.wait()) if ended.error]
