"""Commands about usage: usage import, usage runs, usage reverse."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from creditsvc.core.errors import FileError, FileRefused, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.jobs.shell import INSTANT, Answer, answers, caller, progress_bar, service, table
from creditsvc.usage.imports import refused_report
from creditsvc.usage.models import ImportRun
from creditsvc.usage.operations import apply_run, read_source, reverse_run
from creditsvc.usage.readers.source import open_source
from creditsvc.usage.reading import list_runs
from creditsvc.usage.suspicions import answered_report

SCOPES_NAMED = 5
"""How many scopes a note names; the JSON answer has all."""

MEANINGS = {
    "applied": "applied",
    "unchanged": "unchanged: nothing had to be posted",
    "stale": "stale: newer data stands for all its days",
    "held": "held: a manager must say yes (--confirm)",
    "refused": "refused: nothing was posted",
}


@click.group("usage")
def usage_group() -> None:
    """Cost exports."""


@usage_group.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--submitted-at", type=INSTANT, help="When the export was made. Default: its manifest's word, else now.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and keep nothing.")
@click.option("--confirm", is_flag=True, help="Post a run even when it would take much away.")
@click.option("--no-keep", is_flag=True, help="Do not keep the files.")
@answers
def import_command(
    paths: tuple[Path, ...], submitted_at: datetime | None, dry_run: bool, confirm: bool, no_keep: bool
) -> Answer:
    """Import cost exports: one run for each file, folder with its manifest, or zip of either, in the order given.

    Files are CSV, plain or in gzip, or Parquet; docs/formats.md has the schemas.
    """
    with service(doors=False):
        reports = [
            import_path(path, submitted_at=submitted_at, dry_run=dry_run, confirm=confirm, keep_files=not no_keep)
            for path in paths
        ]
    return _import_answer(reports, dry_run)


def import_path(
    path: Path, *, submitted_at: datetime | None = None, dry_run: bool = False, confirm: bool = False,
    keep_files: bool = True,
) -> dict[str, Any]:
    """Imports one export in a transaction of its own; a refused one is a report too, and nothing is posted."""
    name = path.name or str(path)
    try:
        source = open_source(path)
        with progress_bar(source.name) as progress:
            prepared = read_source(source, keep_files=keep_files and not dry_run, progress=progress)
        db.session.rollback()  # ends the read that asked for the units
        return transaction(
            lambda: apply_run(caller(), prepared, submitted_at=submitted_at, confirm=confirm), keep=not dry_run
        )
    except FileRefused as refusal:
        return refused_report(name, refusal)
    except RuleBroken as refusal:
        return refused_report(name, FileRefused([FileError(name, 0, refusal.field, "", str(refusal))]))
    except OSError as fault:
        return refused_report(name, FileRefused([FileError(name, 0, "", "", f"cannot be read: {fault.strerror}")]))


def _import_answer(reports: Sequence[dict[str, Any]], dry_run: bool) -> Answer:
    if dry_run:
        reports = [{**report, "id": None} for report in reports]
    errors = [
        {"field": "file", "code": "file-refused", "message": message}
        for report in reports
        if report["status"] == "refused"
        for message in error_lines(report)
    ]
    shown: list[str | Table] = [import_table(reports)]
    for report in reports:
        shown += notes(report)
    if dry_run:
        shown.append("This was a dry run: nothing is kept.")
    return Answer({"runs": list(reports), "dry_run": dry_run}, shown, code=1 if errors else 0, errors=errors)


def error_lines(report: Mapping[str, Any]) -> list[str]:
    """Why a run was refused, a line for each fault."""
    lines = []
    for error in report["errors"]:
        place = error["file"] + (f", {error.get('place', 'line')} {error['line']}" if error["line"] else "")
        place += f", column {error['column']}" if error["column"] else ""
        value = f": {error['value']!r}" if error["value"] else ""
        lines.append(f"{place}{value}: {error['message']}")
    if report["more_errors"]:
        lines.append(f"{report['name']}: and {report['more_errors']} more")
    return lines


def import_table(reports: Sequence[Mapping[str, Any]]) -> Table:
    """The runs, a line each."""
    made = table("run", "export", "what came of it", "days", "rows", "counted", "change", "uncovered",
                 right=("run", "rows", "counted", "change", "uncovered"))
    for report in reports:
        made.add_row(
            "" if report["id"] is None else str(report["id"]), report.get("name", ""),
            MEANINGS.get(report["status"], report["status"]), " to ".join(report["cover"]), str(report["rows"]),
            str(report["counted_rows"]), _money(report["delta"]), _money(report["uncovered_delta"]),
        )
    return made


def _money(amounts: dict[str, str], between: str = "\n") -> str:
    return between.join(f"{currency} {amount}" for currency, amount in amounts.items())


def notes(report: Mapping[str, Any], *, left_out: bool = True) -> list[str]:
    """What somebody should look at, a line each."""
    name = report.get("name") or f"run {report['id']}"
    lines = [
        f"{name}: {one['rows']} rows left out ({one['reason']}): {_money(one['amounts'], ', ') or 'no amount'}"
        for one in report["left_out"]
        if left_out
    ]
    lines += [f"{name}: held because it {suspicion}" for suspicion in report.get("suspicions", ())
              if report["status"] == "held"]
    lines += [f"{name}: {line}" for line in _waiting_lines(report["waiting"])]
    lines += [f"{name}: scope {one['scope']}: newer data stands for {len(one['days'])} days" for one in report["stale"]]
    lines += [f"{name}: scope {scope} was in the export before and is missing here; its usage stays"
              for scope in report.get("missing_scopes", ())]
    lines += [
        f"{name}: {one['currency']} {one['amount']} changed in {one['month']} after its close (scope {one['scope']})"
        for one in report.get("after_close", ())
    ]
    return lines


def _waiting_lines(waiting: Sequence[dict[str, str]]) -> list[str]:
    """What settles nowhere yet: for each reason its sum, and the scopes with most of it."""
    lines = []
    for why, currency in sorted({(one["why"], one["currency"]) for one in waiting}):
        amounts = {
            one["scope"]: Decimal(one["amount"])
            for one in waiting
            if (one["why"], one["currency"]) == (why, currency)
        }
        largest = sorted(amounts, key=lambda scope: (-abs(amounts[scope]), scope))
        named = ", ".join(f"{scope} {amounts[scope]:f}" for scope in largest[:SCOPES_NAMED])
        more = f", and {len(largest) - SCOPES_NAMED} more" if len(largest) > SCOPES_NAMED else ""
        lines.append(f"{currency} {sum(amounts.values()):f} waits, {why}: {named}{more}")
    return lines


@usage_group.command("runs")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many, newest first.")
@answers
def runs_command(limit: int) -> Answer:
    """The import runs, newest first."""
    with service(doors=False):
        runs = [_run_document(run) for run in list_runs(caller(), limit)]
    made = table("run", "received", "export", "status", "days", "rows", "change", right=("run", "rows", "change"))
    for run in runs:
        made.add_row(str(run["id"]), str(run["received_at"])[:16].replace("T", " "), run["name"],
                     "taken back" if run["reversed_at"] else run["status"], " to ".join(run.get("cover", ())),
                     str(run.get("rows", "")), _money(run.get("delta", {})))
    return Answer({"runs": runs}, (made,) if runs else ("There are no runs yet.",))


def _run_document(run: ImportRun) -> dict[str, Any]:
    return {
        **answered_report(run.report), "id": run.id, "name": run.name, "status": run.status,
        "received_at": run.received_at.isoformat(), "submitted_at": run.submitted_at.isoformat(), "actor": run.actor,
        "reversed_at": run.reversed_at.isoformat() if run.reversed_at else None, "reversed_by": run.reversed_by,
    }


@usage_group.command("reverse")
@click.argument("run", type=click.IntRange(1))
@answers
def reverse_command(run: int) -> Answer:
    """Take an import back whole: its days fall back to the next newest run."""
    with service(doors=False):
        report = transaction(lambda: reverse_run(caller(), run))
    change = _money(report["delta"], ", ") or "nothing"
    return Answer(report, (f"Run {run} is taken back; usage changed by {change}.",))


