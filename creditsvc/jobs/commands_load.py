"""The command `load`: partners to grants from YAML or JSON (CONTRACT: section 4)."""

from pathlib import Path

import click
from rich.table import Table

from creditsvc.db import transaction
from creditsvc.jobs.shell import Answer, answers, caller, service, settings, table
from creditsvc.licences.waiting import seat_everywhere
from creditsvc.onboarding.documents import read_documents
from creditsvc.onboarding.load import load_documents
from creditsvc.onboarding.loading import LoadReport


@click.command("load")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@answers
def load_command(files: tuple[Path, ...]) -> Answer:
    """Load partners, programmes, startups and grants from YAML or JSON, all or nothing; repeating changes nothing."""
    documents = read_documents(files)
    with service() as app:

        def act() -> LoadReport:
            report = load_documents(caller(), documents)
            seat_everywhere(caller(), settings(app))
            return report

        report = transaction(act)
    document = {"new": report.new, "changed": report.changed, "same": report.same, "notes": report.notes}
    return Answer(document, _lines(report))


def _lines(report: LoadReport) -> list[str | Table]:
    kinds = list(dict.fromkeys([*report.new, *report.changed, *report.same]))
    if not kinds:
        return ["The files say nothing: nothing is loaded."]
    outcomes = table("what", "new", "changed", "same", right=("new", "changed", "same"))
    for kind in kinds:
        outcomes.add_row(kind, *(str(counts.get(kind, 0)) for counts in (report.new, report.changed, report.same)))
    return [outcomes, *report.notes, "Nothing has changed." if report.is_unchanged else "Loaded."]
