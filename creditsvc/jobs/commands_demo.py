"""The demonstration: `creditsvc demo` fills an empty database, runs the night and says what there is to see."""

import email
import email.policy
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from creditsvc import clock
from creditsvc.config import Config
from creditsvc.core.amounts import format_amount, unit_named
from creditsvc.core.days import last_day
from creditsvc.core.errors import FileRefused
from creditsvc.db import db, transaction
from creditsvc.jobs.commands_night import night_lines
from creditsvc.jobs.commands_usage import error_lines, import_path, import_table, notes
from creditsvc.jobs.logs import configure_logs
from creditsvc.jobs.nightly import run_night
from creditsvc.jobs.shell import Answer, answers, caller, counted, progress_bar, service, settings, shown_amount, table
from creditsvc.onboarding import demo
from creditsvc.onboarding.demo import Change, Fate, Share, SignIn
from creditsvc.onboarding.exports import write_export
from creditsvc.usage.imports import refused_report
from creditsvc.usage.operations import apply_run, read_source
from creditsvc.usage.readers.source import open_source

USD = unit_named("USD")
ILLUSTRATIVE = (
    "Everything here is illustrative: names, amounts and usage are made up, since the incubator publishes no amounts."
)
HELD = {"granted": "granted", "used": "drawn", "booked": "held", "left": "remaining"}
"""What the demonstration says of seats (used: somebody sits there) and hours, and what balances call it."""
AMOUNTS = ("granted", "drawn", "gone", "remaining", "uncovered")


@dataclass
class Built:
    """What filling the database came to, step by step."""

    changes: list[Change] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    night: dict[str, Any] = field(default_factory=dict)
    mails: list[dict[str, str]] = field(default_factory=list)


@click.command("demo")
@click.option("--if-empty", is_flag=True, help="On a database with startups in it, leave it as it is.")
@click.option("--export", type=click.Path(path_type=Path), help="Also import this cost export of yours.")
@answers
def demo_command(if_empty: bool, export: Path | None) -> Answer:
    """Fill an empty database with an illustrative programme, run the night and say what there is to see."""
    configure_logs(logging.WARNING)
    with service() as app:
        config, now = settings(app), clock.now()
        if export is not None:
            open_source(export)  # what is not there is refused before anything is made
        if not if_empty:
            demo.refuse_filled()
        built = None if demo.is_filled() else build(config, now)
        db.session.rollback()  # ends the read
        report, shares = (None, []) if export is None else import_export(export)
        fates, sign_ins = demo.fates(now), demo.sign_ins()
    shown: list[str | Table] = [ILLUSTRATIVE] if sign_ins else []
    shown += [*_built_parts(built, config), *_fate_parts(fates, built is not None)]
    if report is not None:
        shown += _export_parts(report, shares)
    shown += _sign_in_parts(config, sign_ins)
    errors = [{"field": "export", "code": "file-refused", "message": line}
              for line in (error_lines(report) if report is not None else ())]
    document = _document(config, built, fates, sign_ins, report, shares)
    return Answer(document, shown, code=1 if errors else 0, errors=errors)


def build(config: Config, now: datetime) -> Built:
    """Fills the database: the load, exports and changes in the order of time, each in a transaction, then the night.

    The mails go to files whatever the settings say: nobody of the demonstration has an address.
    """
    built = Built()
    transaction(lambda: demo.load(now))
    steps = demo.steps(now)
    for number, step in enumerate(steps, 1):
        _tell(f"{number} of {len(steps)}")
        if isinstance(step, Change):
            transaction(step.act)
            built.changes.append(step)
        else:
            path = write_export(step, demo.export_folder(config.instance))
            built.runs.append(import_path(path, submitted_at=step.submitted_at))
    _tell("the night")
    before = set(_mail_files(config))
    built.night = run_night(replace(config, smtp_url="file:"), now)
    built.mails = [_mail(path) for path in _mail_files(config) if path not in before]
    _tell("")
    return built


def _tell(what: str) -> None:
    """How far it is, on a terminal's standard error alone."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[KThe demonstration is being made: {what}" if what else "\r\x1b[K", nl=False, err=True)


def _mail_files(config: Config) -> list[Path]:
    return sorted(config.mail_folder.glob("*.eml"))


def _mail(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        message = email.message_from_binary_file(file, policy=email.policy.default)
    return {"to": str(message["To"]), "subject": str(message["Subject"]), "path": str(path)}


def import_export(path: Path) -> tuple[dict[str, Any], list[Share]]:
    """Imports somebody's own export as any other; its run's report, and per scope what it would have drawn."""
    try:
        source = open_source(path)
        with progress_bar(source.name) as progress:
            prepared = read_source(source, progress=progress)
        db.session.rollback()  # ends the read that asked for the units
        report = transaction(lambda: apply_run(caller(), prepared))
    except FileRefused as refusal:
        return refused_report(path.name, refusal), []
    return report, demo.shares(prepared.export)


def _built_parts(built: Built | None, config: Config) -> Iterator[str | Table]:
    if built is None:
        yield "There are startups in this database already: what is there is served, and nothing was added."
        return
    made = table("day", "what", title="What the manager did")
    for change in built.changes:
        made.add_row(change.at.date().isoformat(), change.what)
    yield from ("", made, "", _runs_table(built.runs))
    for report in built.runs:
        yield from notes(report, left_out=False)
    yield _left_out_line(built.runs)
    yield f"The exports are in {demo.export_folder(config.instance)}."
    yield from ("", *night_lines(built.night, no_send=False), "")
    yield f"Mails, in {config.mail_folder}:"
    for mail in built.mails:
        yield f"{Path(mail['path']).name}\n    to {mail['to']}: {mail['subject']}"


def _runs_table(runs: Sequence[Mapping[str, Any]]) -> Table:
    """The runs in few columns, which fit a narrow terminal."""
    made = table("run", "export", "status", "rows", "change", title="The import runs", right=("run", "rows", "change"))
    for report in runs:
        change = "\n".join(f"{currency} {amount}" for currency, amount in report["delta"].items())
        made.add_row(str(report["id"]), report["name"], report["status"], f"{report['rows']:,}", change)
    return made


def _left_out_line(runs: Sequence[Mapping[str, Any]]) -> str:
    """How many rows of all runs credit does not pay, by reason."""
    rows: dict[str, int] = {}
    for report in runs:
        for one in report["left_out"]:
            rows[one["reason"]] = rows.get(one["reason"], 0) + one["rows"]
    return "Rows left out, since credit does not pay them: " + ", ".join(f"{rows[one]} {one}" for one in sorted(rows))


def _fate_parts(fates: Sequence[Fate], is_new: bool) -> Iterator[str | Table]:
    """The line of each startup, and beside it what it is here to show; both fit a narrow terminal."""
    columns = ("granted", "drawn", "remaining", "uncovered")
    made = table("startup", *columns, "expires on", right=("startup", *columns, "expires on"),
                 title="The startups, in USD" if is_new else "The startups now, in USD")
    made.columns[0].justify = "left"
    shows = table("startup", "shows", title="What each is here to show")
    for fate in fates:
        made.add_row(fate.startup, *(shown_amount(getattr(fate, word), USD) for word in columns),
                     fate.expires.isoformat() if fate.expires else "")
        if fate.fate:
            gone = f"; USD {shown_amount(fate.gone, USD)} was left when it ended" if fate.gone else ""
            shows.add_row(fate.startup, f"{fate.fate}{gone}")
    if shows.row_count:
        yield from ("", shows)
    yield from ("", made)
    held = table("startup", "what", *HELD, "until", title="Seats and hours", right=tuple(HELD))
    for fate in fates:
        for view in fate.others:
            amounts = (shown_amount(getattr(view, word), view.unit) for word in HELD.values())
            held.add_row(fate.startup, view.resource, *amounts,
                         last_day(view.next_expiry).isoformat() if view.next_expiry else "")
    if held.row_count:
        yield from ("", held)


def _export_parts(report: Mapping[str, Any], shares: Sequence[Share]) -> Iterator[str | Table]:
    yield ""
    if report["status"] == "refused":
        return
    yield import_table([report])
    yield from notes(report)
    would_be = f"{shown_amount(demo.WOULD_BE, USD)}"
    amounts = ("usage", "grant pays", "uncovered", "refund left")
    made = table("scope", "belongs to", "rows", "days", *amounts, right=("rows", *amounts),
                 title=f"{report['name']}: what a grant of USD {would_be} would have paid of each scope")
    for share in shares:
        parts = (share.paid, share.uncovered, share.uncredited)
        made.add_row(
            f"{share.provider} {share.scope}", share.startup or "nobody", f"{share.rows:,}",
            f"{share.first} to {share.last:%m-%d}",
            f"{share.currency} {shown_amount(share.amount, unit_named(share.currency))}",
            *("no rate" if part is None else shown_amount(part, USD) for part in parts),
        )
    yield from ("", made)
    waiting = sum(share.startup is None for share in shares)
    said = f"{counted(len(shares), 'scope')}, of which {waiting} of nobody"
    yield f"{said}: their usage waits until a manager assigns them on the page of scopes." if waiting else f"{said}."


def _sign_in_parts(config: Config, sign_ins: Sequence[SignIn]) -> Iterator[str | Table]:
    yield from ("", f"Pages: {config.base_url}/   API: {config.base_url}/api/v1/docs")
    if not sign_ins:
        return
    made = table("sign in as", "e-mail address", "password")
    made.columns[1].no_wrap = made.columns[2].no_wrap = True
    for one in sign_ins:
        made.add_row(one.role, one.email, one.password)
    yield made
    yield "Anybody can read these passwords in the source: serve the demonstration on 127.0.0.1 only."


def _document(
    config: Config, built: Built | None, fates: Sequence[Fate], sign_ins: Sequence[SignIn],
    report: Mapping[str, Any] | None, shares: Sequence[Share],
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "illustrative": bool(sign_ins), "new": built is not None, "address": config.base_url,
        "startups": [_fate_document(fate) for fate in fates],
        "sign_ins": [asdict(one) for one in sign_ins],
    }
    if built is not None:
        document["changes"] = [{"at": change.at.isoformat(), "what": change.what} for change in built.changes]
        document |= {"runs": built.runs, "night": built.night, "mails": built.mails}
    if report is not None:
        document["export"] = {"run": dict(report), "scopes": [_share_document(share) for share in shares]}
    return document


def _fate_document(fate: Fate) -> dict[str, Any]:
    amounts = {word: format_amount(getattr(fate, word), USD) for word in (*AMOUNTS, "not_yet")}
    others = [
        {"resource": view.resource, "unit": view.unit.name,
         **{word: format_amount(getattr(view, of), view.unit) for word, of in HELD.items()}}
        for view in fate.others
    ]
    return {"startup": fate.startup, "name": fate.name, "fate": fate.fate, **amounts,
            "expires_on": fate.expires.isoformat() if fate.expires else None, "seats_and_hours": others}


def _share_document(share: Share) -> dict[str, Any]:
    unit = unit_named(share.currency)
    return {
        "provider": share.provider, "scope": share.scope, "startup": share.startup, "rows": share.rows,
        "days": [share.first.isoformat(), share.last.isoformat()], "currency": share.currency,
        "amount": format_amount(share.amount, unit),
        "would_be": {
            word: None if part is None else format_amount(part, USD)
            for word, part in (("drawn", share.paid), ("uncovered", share.uncovered),
                               ("uncredited_refund", share.uncredited))
        },
    }
