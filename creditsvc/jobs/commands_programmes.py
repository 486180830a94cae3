"""Commands about programmes: what holds of sessions with consultants, and enrolling a cohort from a table."""

from dataclasses import asdict, replace
from typing import Any, BinaryIO

import click

from creditsvc.administration import welcoming
from creditsvc.consulting.consultants import Policy, policy_of_programme, set_policy
from creditsvc.core.errors import FileError, FileRefused
from creditsvc.db import transaction
from creditsvc.grants.proposal_letters import tell
from creditsvc.jobs.shell import Answer, answers, caller, counted, service, settings, table
from creditsvc.languages import LANGUAGES
from creditsvc.licences.sheets import LARGEST_FILE
from creditsvc.onboarding.cohort_enrolling import CohortEnrolled, RowsRefused, enrol_cohort
from creditsvc.onboarding.cohort_tables import Planned, read_table
from creditsvc.programmes.models import Programme
from creditsvc.programmes.reading import by_key


@click.group("programme")
def programme_group() -> None:
    """Programmes: what holds of their sessions, and enrolling a cohort."""


@programme_group.command("consulting")
@click.argument("programme")
@click.option("--confirm-days", type=int, help="Days within which noted minutes are disputed, or count.")
@click.option("--excess", type=click.Choice(["draw", "uncovered"]), help="Who pays minutes beyond those booked.")
@click.option("--no-show-percent", type=int, help="Of the minutes booked, when nobody came.")
@click.option("--late-hours", type=int, help="Cancelled less than so many hours before the start is late.")
@click.option("--late-percent", type=int, help="Of the minutes booked, when cancelled late.")
@answers
def consulting_command(programme: str, **given: Any) -> Answer:
    """What holds of sessions booked in a programme; with options, said anew for those booked from now on."""
    changes = {name: value for name, value in given.items() if value is not None}
    with service():
        who = caller()

        def act() -> Policy:
            by_key(Programme, "programme", programme)
            policy = replace(policy_of_programme(programme), **changes)
            if changes:
                set_policy(who, programme, policy)
            return policy

        policy = transaction(act, keep=bool(changes))
    made = table("what", "value", right=("value",))
    for name, value in asdict(policy).items():
        made.add_row(name.replace("_", " "), str(value))
    return Answer({"programme": programme, **asdict(policy)}, (made,))


@programme_group.command("enrol")
@click.argument("cohort")
@click.argument("file", type=click.File("rb"))
@click.option("--language", type=click.Choice(LANGUAGES), default="en", help="Of startups that are made.")
@click.option("--dry-run", is_flag=True, help="Say what each row would do and keep nothing.")
@answers
def enrol_command(cohort: str, file: BinaryIO, language: str, dry_run: bool) -> Answer:
    """Enrol everybody of a table (CSV, TSV or XLSX) in a cohort, or nobody."""
    rows = read_table(file.name, file.read(LARGEST_FILE + 1))
    with service() as app:
        who = caller()

        def act() -> CohortEnrolled:
            done = enrol_cohort(who, cohort=cohort, rows=rows, language=language)
            for sending in done.sendings:
                welcoming.send(sending, settings(app), who.now)
            tell(who, done.proposals, settings(app))
            return done

        try:
            done = transaction(act, keep=not dry_run)
        except RowsRefused as refusal:
            raise FileRefused([
                FileError(file.name, one.row.line, fault.field, one.row.cells.get(fault.field, ""), str(fault))
                for one in refusal.planned for fault in one.refusals
            ]) from refusal
    made = table("line", "startup", "state", "package", "outcome")
    for one in done.planned:
        made.add_row(str(one.row.line), one.key, one.status, one.package or "-", _outcome(one))
    enrolled = sum(not one.there for one in done.planned)
    document = {
        "cohort": cohort, "dry_run": dry_run, "enrolled": enrolled, "grants": done.grants,
        "proposals": len(done.proposals), "invited": len(done.sendings),
        "items": [{"line": one.row.line, "startup": one.key, "outcome": _outcome(one)} for one in done.planned],
    }
    word = "would be enrolled" if dry_run else "enrolled"
    return Answer(document, (made, f"{counted(enrolled, 'startup')} {word}."))


def _outcome(one: Planned) -> str:
    if one.there:
        return "enrolled already"
    if not one.awards:
        return "enrolled"
    return "enrolled, package proposed" if one.proposes else "enrolled, package awarded"
