"""`creditsvc` and `python -m creditsvc`: the commands, given the application that they work on."""

from creditsvc.app import create_app
from creditsvc.jobs.commands import main


def run() -> None:
    """The console script."""
    main(prog_name="creditsvc", obj=create_app)


if __name__ == "__main__":
    run()
