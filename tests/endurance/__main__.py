"""`python -m tests.endurance`: kills, refuses, breaks off; says what was lost or done twice (docs/endurance.md)."""

import argparse
import logging
import random
import sys
import tempfile
import warnings
from contextlib import ExitStack
from pathlib import Path

from tests import databases
from tests.endurance import forks, report, rounds, troubles_of_clock


def main() -> int:
    """The rounds of both databases side by side; exit 1 when anything differed or a fault put in was not found."""
    asked = _arguments()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    plan = rounds.Plan(
        asked.kills, asked.seed, asked.only, asked.small, asked.at_least, asked.minutes, asked.nights)
    if plan.kills is not None or plan.at_least or plan.how_many_nights:
        words = f"--kills {plan.kills} " if plan.kills is not None else ""
        words += f"--at-least {plan.at_least} " if plan.at_least else ""
        print(f"The same again: {words}--seed {plan.seed}", file=sys.stderr, flush=True)
    if plan.lets_clocks_leap and not troubles_of_clock.LIBRARY:
        print("libfaketime is missing: install the Debian package of that name", file=sys.stderr)
        return 2
    kinds = asked.database or list(databases.KINDS)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="creditsvc-endurance-")))
        server, version = "", "(not asked)"
        if "postgresql" in kinds:
            server = stack.enter_context(databases.postgres_server(asked.together or folder, durable=True))
            with databases.admin(server) as connection:
                version = str(connection.execute("SHOW server_version").fetchone()[0])  # type: ignore[index]
        begun = [forks.start(lambda kind=kind: rounds.run(kind, folder / kind, server, plan)) for kind in kinds]
        ended = [fork.wait() for fork in begun]
    done = [one.value for one in ended if one.value is not None]
    for line in [one.error for one in ended if one.error] + report.complaints(done):
        print(line, file=sys.stderr)
    parts = {report.NIGHTS: report.markdown_of_nights(done, asked.made_by, version)}
    if plan.only != rounds.ONLY_NIGHTS:
        parts[report.FIGURES] = report.markdown(done, plan, asked.made_by, version)
    print(*parts.values(), sep="\n")
    if asked.json:
        report.write_json(asked.json, done, plan)
    clean = len(done) == len(kinds) and report.is_clean(done)
    for part, figures in parts.items() if asked.write and clean else ():
        if figures:
            report.write_document(asked.write, part, figures)
    return 0 if clean else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.endurance", description=__doc__)
    parser.add_argument("--kills", type=int, metavar="N", help="so many points of each scenario (default: all)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9), help="which N")
    parser.add_argument("--at-least", type=int, default=0, metavar="N", help="at random until N kills on each database")
    parser.add_argument("--minutes", type=int, default=0, metavar="M", help="... or until so many minutes are over")
    parser.add_argument("--database", action="append", choices=databases.KINDS, help="default: both")
    parser.add_argument("--only", default="", metavar="WORD", help="scenarios with this word in their name")
    parser.add_argument("--nights", type=int, metavar="N", help="so many of two schedulers and two senders (only them:"
                                                                " --only nights)")
    parser.add_argument("--small", action="store_true", help="the few scenarios and faults that the tests try")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything there")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the figures into that document if all is clean")
    parser.add_argument("--made-by", default="python -m tests.endurance", help="the command to name beside them")
    parser.add_argument("--together", type=Path, metavar="FOLDER", help="of others who start a PostgreSQL just now")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
