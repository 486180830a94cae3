"""Commands about exchange rates: rate add, rate list, rate withdraw."""

from collections.abc import Callable
from datetime import date

import click
from rich.table import Table

from creditsvc.core.days import parse_day
from creditsvc.db import transaction
from creditsvc.jobs.shell import Answer, answers, caller, service, shown_amount, table
from creditsvc.usage.rates import (
    RateOutcome,
    add_rate,
    list_rates,
    outcome_document,
    rate_document,
    withdraw_rate,
)


@click.group("rate")
def rate_group() -> None:
    """Exchange rates, by which usage in another currency than its grant's is settled."""


@rate_group.command("add")
@click.argument("from_currency", metavar="FROM")
@click.argument("to_currency", metavar="TO")
@click.argument("day", metavar="DAY")
@click.argument("rate", metavar="RATE")
@click.option("--source", required=True, help="Where the rate is from.")
@click.option("--dry-run", is_flag=True, help="Say what would settle and keep nothing.")
@answers
def add_command(from_currency: str, to_currency: str, day: str, rate: str, source: str, dry_run: bool) -> Answer:
    """State that from charge day DAY on, 1 FROM is RATE TO; what waits for it settles."""
    first = parse_day(day, "day")
    return _told(
        lambda: add_rate(
            caller(), from_currency=from_currency, to_currency=to_currency, day=first, rate=rate, source=source
        ),
        dry_run,
    )


@rate_group.command("withdraw")
@click.argument("from_currency", metavar="FROM")
@click.argument("to_currency", metavar="TO")
@click.argument("day", metavar="DAY")
@click.option("--reason", required=True, help="Why it is taken back.")
@click.option("--dry-run", is_flag=True, help="Say what would change and keep nothing.")
@answers
def withdraw_command(from_currency: str, to_currency: str, day: str, reason: str, dry_run: bool) -> Answer:
    """Take back the rate stated for DAY: an earlier day's holds again, or usage waits."""
    first = parse_day(day, "day")
    return _told(
        lambda: withdraw_rate(
            caller(), from_currency=from_currency, to_currency=to_currency, day=first, reason=reason
        ),
        dry_run,
    )


def _told(act: Callable[[], RateOutcome], dry_run: bool) -> Answer:
    with service():
        outcome = transaction(act, keep=not dry_run)
    document = {**outcome_document(outcome), "dry_run": dry_run}
    if dry_run and outcome.changed:
        document["id"] = None
    view = outcome.rate
    word = f"1 {view.from_currency} is {view.rate} {view.to_currency} from {view.day} on"
    if view.rate is None:
        word = f"No rate is stated for {view.from_currency} to {view.to_currency} from {view.day} on"
    show: list[str | Table] = [f"{word} ({view.source})." if outcome.changed else f"{word}: nothing has changed."]
    if outcome.effects:
        changed = table("startup", "resource", "drawn", "uncovered", right=("drawn", "uncovered"))
        for one in outcome.effects:
            changed.add_row(one.startup, one.resource, f"{one.unit.name} {shown_amount(one.drawn, one.unit)}",
                            f"{one.unit.name} {shown_amount(one.uncovered, one.unit)}")
        show.append(changed)
    if dry_run:
        show.append("This was a dry run: nothing is kept.")
    return Answer(document, show)


@rate_group.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what was replaced or withdrawn.")
@answers
def list_command(everything: bool) -> Answer:
    """The rates that stand, newest charge day first."""
    with service():
        views = [
            view for view in list_rates(caller()) if everything or (view.standing and view.rate is not None)
        ]
    made = table("rate", "from", "to", "is", "source", "stated", "by", "stands", right=("rate", "is"))
    for view in views:
        made.add_row(str(view.id), f"1 {view.from_currency}", _days(view.day, view.until),
                     "withdrawn" if view.rate is None else f"{view.rate} {view.to_currency}", view.source,
                     f"{view.stated_at:%Y-%m-%d %H:%M}", view.actor, "yes" if view.standing else "no")
    return Answer({"rates": [rate_document(view) for view in views]}, (made,) if views else ("There are no rates.",))


def _days(first: date, until: date | None) -> str:
    return f"from {first}" + (f" until {until}" if until else "")
