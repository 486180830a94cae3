"""`creditsvc` and `python -m creditsvc`: the commands, given the application that they work on."""

import gc

# Loading modules alone would have garbage looked for a hundred times. What is freed is freed by counting references.
gc.set_threshold(100_000, 10, 10)

from typing import Any  # noqa: E402

from flask import Flask  # noqa: E402

from creditsvc.app import create_app  # noqa: E402
from creditsvc.jobs.commands import main  # noqa: E402


def run() -> None:
    """The console script."""
    main(prog_name="creditsvc", obj=_application)


def _application(**asked: Any) -> Flask:
    app = create_app(**asked)
    gc.freeze()  # what was imported stays to the end: no collection of garbage need look through it again
    return app


if __name__ == "__main__":
    run()
