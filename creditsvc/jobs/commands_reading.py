"""Commands that read: balance, statement, simulate, verify, check-copy."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

import click
from rich.table import Table

from creditsvc.config import load_config
from creditsvc.consulting.verify_bookings import check_bookings
from creditsvc.core.amounts import shown_amount
from creditsvc.core.days import day_of, last_day, parse_day
from creditsvc.core.errors import RuleBroken
from creditsvc.core.forecast import Forecast
from creditsvc.core.forecast_seats import SeatForecast
from creditsvc.core.simulation import simulate
from creditsvc.db import begin_snapshot, transaction
from creditsvc.jobs.shell import INSTANT, Answer, answers, caller, counted, service, table
from creditsvc.ledger.documents import balance_document
from creditsvc.ledger.reading import AccountView, LotView, balances
from creditsvc.ledger.seat_outlook import Outlook, all_forecasts, all_outlook_documents
from creditsvc.ledger.verified import keep
from creditsvc.ledger.verify import verify
from creditsvc.parties.access import require_startup
from creditsvc.statements.audit import check_copy
from creditsvc.statements.entries import Entry
from creditsvc.statements.reading import AccountStatement, conversion_documents, statement, statement_document


@click.command("balance")
@click.argument("startup")
@click.option("--as-of", type=INSTANT, help="Charge days up to then; a bare day means its end. Default: now.")
@click.option("--known-at", type=INSTANT, help="As it was known then. Default: now.")
@answers
def balance_command(startup: str, as_of: datetime | None, known_at: datetime | None) -> Answer:
    """Every account of a startup, with its grants."""
    with service():
        begin_snapshot()
        who = caller()
        company = require_startup(who, "startup.see", startup)
        views = balances(as_of or who.now, startup_ids=[company.id], known_at=known_at)
        outlooks = all_forecasts(views, as_of or who.now) if known_at is None else {}
        conversions = conversion_documents(views, as_of or who.now) if known_at is None else None
        document = balance_document(
            company.key, views, as_of or who.now, known_at or who.now, all_outlook_documents(views, outlooks),
            conversions,
        )
        heading = f"{company.name} ({company.key})"
    if not views:
        return Answer(document, (f"{heading} holds nothing yet.",))
    parts = (part for view in views for part in _account_parts(view, outlooks.get(view.id)))
    return Answer(document, (heading, *parts))


_HEADINGS = {
    "credit": {"granted": "granted", "drawn": "drawn", "expired": "expired", "voided": "voided", "not_yet": "not yet",
               "remaining": "remaining"},
    "hours": {"granted": "granted", "drawn": "used", "held": "booked", "expired": "expired", "voided": "voided",
              "not_yet": "not yet", "remaining": "remaining"},
    "seats": {"granted": "granted", "drawn": "assigned", "expired": "expired", "voided": "voided",
              "not_yet": "not yet", "remaining": "free"},
}
"""What the columns of an account are called, by kind of resource; each is a word of `Standing` first."""


def _account_parts(view: AccountView, outlook: Outlook | None) -> list[str | Table]:
    unit = view.unit
    words = _HEADINGS[view.kind]
    grants = table("grant", "from", "to", *words.values(), title=f"{view.resource}, {unit.name}",
                   right=list(words.values()))
    for lot in view.lots:
        values = [shown_amount(getattr(lot.standing, word), unit) for word in words]
        grants.add_row(lot.key, day_of(lot.effective).isoformat(), _end(lot), *values)
    if len(view.lots) != 1:
        grants.add_row("together", "", "", *(shown_amount(getattr(view, word), unit) for word in words), style="bold")
    notes: list[str | Table] = ["", grants]
    if view.uncovered:
        notes.append(f"{unit.name} {shown_amount(view.uncovered, unit)} of usage is uncovered: no grant paid it.")
    if view.uncredited:
        notes.append(f"{unit.name} {shown_amount(view.uncredited, unit)} of refunds found nothing to take back.")
    if view.newest_charge_day is not None:
        notes.append(f"Usage is known up to {view.newest_charge_day}.")
    if isinstance(outlook, SeatForecast):
        notes += _seat_outlook_notes(outlook)
    elif outlook is not None:
        notes += _outlook_notes(view, outlook)
    return notes


def _seat_outlook_notes(outlook: SeatForecast) -> list[str | Table]:
    """The forecast of seats in sentences, with what it is told from."""
    pace = outlook.pace
    when = "A seat is free until they end"
    if outlook.run_out is not None:
        late = f"and {outlook.late}" if outlook.late else "and their end"
        when = f"None is free from about {outlook.run_out} on, between {outlook.early} {late}"
    elif outlook.early is not None:
        when = f"A seat is free until they end, or perhaps none from {outlook.early} on"
    unused = outlook.unused_in_all
    lost = f"about {counted(unused, 'seat')} will expire unused" if unused else "none expires unused"
    return [
        f"Forecast from {counted(pace.weeks, 'whole week')} up to {pace.last}: {counted(pace.given, 'seat')} given, "
        f"{pace.released} released.", f"{when}; {lost}.",
    ]


def _outlook_notes(view: AccountView, outlook: Forecast) -> list[str | Table]:
    """The forecast in sentences, with what it is told from."""
    unit = view.unit
    burn = outlook.burn
    notes: list[str | Table] = [
        f"Forecast from {counted(burn.days, 'complete day')} up to {burn.last}: "
        f"{unit.name} {shown_amount(burn.daily, unit)} in a usual day."
    ]
    if view.remaining or view.not_yet:
        when = "It does not run out before it expires"
        if outlook.run_out is not None:
            late = f"and {outlook.late}" if outlook.late else "and its expiry"
            when = f"It runs out about {outlook.run_out}, between {outlook.early} {late}"
        elif outlook.early is not None:
            when = f"It runs out perhaps, not before {outlook.early}"
        unused = outlook.unused_in_all
        lost = "nothing expires unused"
        if unused:
            lost = f"about {unit.name} {shown_amount(unused, unit)} will expire unused"
        notes.append(f"{when}; {lost}.")
    if outlook.first_bill:
        notes.append(f"The first bill after it, 30 days: about {unit.name} {shown_amount(outlook.first_bill, unit)} "
                     f"(an estimate).")
    return notes


def _end(lot: LotView) -> str:
    if lot.voided_at is not None:
        return f"void {day_of(lot.voided_at)}"
    if lot.worthless:
        return "ends before it starts"
    return last_day(lot.expires).isoformat() if lot.expires else "no end"


class DayParam(click.ParamType[date]):
    """A day, as 2026-03-01."""

    name = "DAY"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day."""
        if isinstance(value, date):
            return value
        try:
            return parse_day(str(value))
        except RuleBroken as error:
            self.fail(str(error), param, ctx)


@click.command("statement")
@click.argument("startup")
@click.option("--from", "first", type=DayParam(), help="The first day (Asia/Hong_Kong). Default: the beginning.")
@click.option("--to", "last", type=DayParam(), help="The last day, which counts. Default: up to now.")
@answers
def statement_command(startup: str, first: date | None, last: date | None) -> Answer:
    """What happened in every account, with running balances."""
    with service():
        begin_snapshot()
        told = statement(caller(), startup, first=first, last=last)
        document = statement_document(told)
    parts: list[str | Table] = [f"{told.name} ({told.startup})"]
    for account in told.accounts:
        parts += ["", _statement_table(account)]
    if not told.accounts:
        parts.append("holds nothing yet.")
    return Answer(document, parts)


def _statement_table(account: AccountStatement) -> Table:
    unit = account.view.unit
    lines = table("day", "what", "why", "change", "remaining", "uncovered", right=("change", "remaining", "uncovered"),
                  title=f"{account.view.resource}, {unit.name}")
    lines.add_row("", "Opening balance", "", "", shown_amount(account.opening, unit), "")
    for entry in account.entries:
        lines.add_row(
            entry.day.isoformat(), _what(entry), _why(entry), shown_amount(entry.change, unit) if entry.change else "",
            shown_amount(entry.remaining, unit), shown_amount(entry.uncovered, unit) if entry.uncovered else "",
        )
    lines.add_row("", "Closing balance", "", "", shown_amount(account.closing, unit),
                  shown_amount(account.uncovered, unit) if account.uncovered else "", style="bold")
    return lines


def _what(entry: Entry) -> str:
    grants = entry.grant or ", ".join(grant for grant, _ in entry.paid_from)
    return f"{entry.sentence} ({grants})" if grants else entry.sentence


def _why(entry: Entry) -> str:
    """The batch's cause and who; nothing for what the calendar does."""
    words = [entry.ref.replace("run:", "run ").replace("grant:", ""), entry.by, entry.reason]
    if entry.ref.startswith("grant:"):
        words = words[1:]
    return ", ".join(word for word in words if word)


@click.command("simulate")
@click.argument("file", type=click.File("rb"), default="-")
@answers
def simulate_command(file: BinaryIO) -> Answer:
    """Burn-down of given grants and usage, without a database. Reads standard input without FILE."""
    answer = simulate(_parsed(file.read()))
    return Answer(answer, (json.dumps(answer, indent=2),))


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise RuleBroken("document", "not-json", "the document is not JSON: %(error)s", error=error) from error


@click.command("check-copy")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@answers
def check_copy_command(file: Path) -> Answer:
    """Whether FILE, a signed copy of the book, is as this service made it; exit 1 when anything was changed."""
    manifest = check_copy(load_config().secret_key, file.read_bytes())
    return Answer(manifest, (
        f"{file.name} is as it was signed: {counted(manifest['accounts'], 'account')} as of {manifest['as_of']}, "
        f"as known at {manifest['known_at']}.",
    ))


@click.command("verify")
@click.option("--keep", "keeps", is_flag=True, help="Keep what came of it, for the page of the book.")
@answers
def verify_command(keeps: bool) -> Answer:
    """The book against the facts; exit 1 when anything differs.

    It reads alone, so that it waits for no writer, unless it is to keep what came of it.
    """
    with service():
        who = caller()
        report = verify(check_bookings)
        if keeps:
            transaction(lambda: keep(who, report))
    differences = report["differences"]
    looked_at = ", ".join(
        counted(report[words], word)
        for words, word in (("accounts", "account"), ("grants", "grant"), ("postings", "posting"))
    )
    if not differences:
        return Answer(report, (f"{looked_at}: the book is what the facts make it.",))
    shown = table("account", "what", "expected", "found")
    for one in differences:
        shown.add_row(one["account"], one["what"], one["expected"], one["found"])
    message = f"The book differs from the facts: {counted(len(differences), 'difference')}."
    error = {"field": "", "code": "differs", "message": message}
    return Answer(report, (f"{looked_at}:", shown), code=1, errors=[error])
