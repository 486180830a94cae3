"""`python -m benchmarks [NAME ...]` prints the table and writes `instance/bench.json`; exit 1 when a bar fails."""

import logging
import sys
from collections.abc import Callable, Mapping, Sequence

from benchmarks import (
    awards,
    balance,
    delivery,
    frame,
    holdings,
    large_night,
    night,
    pages,
    plan,
    usage_import,
)
from benchmarks.places import ROOT, Ground, ground
from creditsvc.jobs.logs import configure_logs

BENCHMARKS: Mapping[str, Callable[[Ground], list[frame.Result]]] = {
    "import": usage_import.measure, "balance": balance.measure, "night": night.measure,
    "large-night": large_night.measure,
    "plan": plan.measure, "awards": awards.measure, "pages": pages.measure,
    "holdings": holdings.measure, "delivery": delivery.measure,
}


def main(names: Sequence[str]) -> int:
    """Runs those of the names, or all."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"there is no benchmark {', '.join(unknown)}: {', '.join(BENCHMARKS)} are there", file=sys.stderr)
        return 2
    configure_logs(logging.WARNING)
    results: list[frame.Result] = []
    with ground() as place:
        for name in names or BENCHMARKS:
            print(f"{name} ...", file=sys.stderr)
            results += BENCHMARKS[name](place)
    print(frame.table(results))
    frame.write(results, ROOT / "instance" / "bench.json")
    return 0 if all(result.holds for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
