"""Commands about programmes: what holds of their sessions, enrolling a cohort from a table, month-end reports."""

import json
from dataclasses import asdict, replace
from typing import Any, BinaryIO

import click
from rich.table import Table

from creditsvc.administration import welcoming
from creditsvc.consulting.consultants import Policy, policy_of_programme, set_policy
from creditsvc.core.amounts import shown_amount
from creditsvc.core.errors import Conflict, FileError, FileRefused
from creditsvc.db import begin_snapshot, transaction
from creditsvc.grants.proposal_letters import tell
from creditsvc.jobs.shell import Answer, answers, caller, counted, service, settings, table
from creditsvc.languages import LANGUAGES
from creditsvc.licences.sheets import LARGEST_FILE
from creditsvc.licences.waiting import seat_startups
from creditsvc.onboarding.cohort_enrolling import CohortEnrolled, RowsRefused, enrol_cohort
from creditsvc.onboarding.cohort_tables import Planned, read_table
from creditsvc.programmes.models import Programme
from creditsvc.programmes.reading import by_key
from creditsvc.statements.month_end import WITHOUT_POOL
from creditsvc.statements.month_freezing import MonthPage, freeze_month, month_page


@click.group("programme")
def programme_group() -> None:
    """Programmes: what holds of their sessions, enrolling a cohort, month-end reports."""


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
            seat_startups(who, settings(app), done.startup_ids)
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


@programme_group.command("month-end")
@click.argument("programme")
@click.argument("month")
@click.option("--edition", type=int, help="That edition; 0 previews the next. Default: the newest, if any.")
@click.option("--freeze", is_flag=True, help="Freeze the next edition of a month that is over.")
@answers
def month_end_command(programme: str, month: str, edition: int | None, freeze: bool) -> Answer:
    """What became of a programme's credit, hours and seats in a month such as 2026-05, at its end."""
    if freeze and edition is not None:
        raise click.UsageError("--freeze makes the next edition: leave --edition out.")
    with service():
        who = caller()
        if freeze:
            transaction(lambda: freeze_month(
                who, programme, month, follows=month_page(who, programme, month).newest
            ))
        begin_snapshot()
        page = month_page(who, programme, month, edition)
        sha256, kept = page.sha256, page.kept is not None
        if not page.is_intact:
            raise Conflict("edition", "changed", "edition %(edition)s is not as it was frozen", edition=page.newest)
    return Answer({**json.loads(page.text), "sha256": sha256}, _month_parts(page, kept))


def _month_parts(page: MonthPage, kept: bool) -> list[str | Table]:
    report = page.report
    words = [word.replace("_", " ") for word in WITHOUT_POOL]
    made = table("resource", "pool", *words, right=tuple(words))
    for resource in report.resources:
        for line in (resource, *(pool for pool in report.pools if pool.resource == resource.resource)):
            figures = [shown_amount(line.closing[word], line.unit) for word in WITHOUT_POOL if word in line.closing]
            made.add_row(f"{line.resource}, {line.unit.name}", line.pool, *figures)
    state = f"edition {report.edition}" if kept else "preview, not frozen"
    return [f"{report.programme_name} {report.name}, {state}", made, f"SHA-256 {page.sha256}"]
