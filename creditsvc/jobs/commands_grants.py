"""Commands about grants and what their providers say of them: activate, reported."""

from datetime import datetime

import click

from creditsvc.core.amounts import shown_amount
from creditsvc.core.days import day_of, parse_moment
from creditsvc.core.errors import RuleBroken
from creditsvc.db import begin_snapshot, transaction
from creditsvc.grants.activation import activate_grant, activation_document
from creditsvc.grants.reading import GrantView, find_grant
from creditsvc.jobs.shell import Answer, answers, caller, service, table
from creditsvc.statements.reported import report_balance, reported_document, reported_of


@click.command("activate")
@click.argument("grant")
@click.option("--on", "on", required=True, metavar="DAY", help="When, as the portal shows it; also an instant.")
@click.option("--subscription", required=True, metavar="ID", help="The subscription that redeemed it.")
@click.option("--reason", default="", help="Why, where it corrects what was entered before.")
@answers
def activate_command(grant: str, on: str, subscription: str, reason: str) -> Answer:
    """Keep when a grant's credit was redeemed with its provider, and by which subscription.

    Entered again it corrects what was entered before, which stays in the grant's history.
    """
    moment = parse_moment(on, "on")
    with service():
        who = caller()

        def act() -> tuple[GrantView, GrantView]:
            before = find_grant(who, grant)
            activate_grant(who, grant, on=moment, subscription=subscription, reason=reason)
            return before, find_grant(who, grant)

        before, after = transaction(act)
    assert after.activation is not None
    changed = before.activation is None or before.activation.id != after.activation.id
    word = f"{after.key} was activated on {day_of(after.activation.activated_at)} by {after.activation.subscription}"
    document = {"grant": after.key, "startup": after.startup, "changed": changed,
                "activation": activation_document(after.activation)}
    return Answer(document, (f"{word}." if changed else f"{word}: nothing has changed.",))


@click.command("reported")
@click.argument("startup")
@click.option("--amount", help="What the provider's portal shows as left; without it nothing is entered.")
@click.option("--seen-at", metavar="INSTANT", help="When it showed that, with its offset. Default: now.")
@click.option("--resource", help="Of which credit, where the startup has several.")
@answers
def reported_command(startup: str, amount: str | None, seen_at: str | None, resource: str | None) -> Answer:
    """What the provider's portal showed as left, newest first, beside our estimate; with --amount, enter it first."""
    if amount is None and (seen_at or resource) is not None:
        raise click.UsageError("--seen-at and --resource go with --amount")
    at = _instant(seen_at) if seen_at is not None else None
    with service():
        who = caller()
        entered = None
        if amount is not None:
            entered = transaction(
                lambda: report_balance(who, startup=startup, amount=amount, resource=resource, seen_at=at)
            )
        begin_snapshot()
        found = reported_of(who, startup)
    made = table("seen at", "credit", "in the portal", "our estimate", "gap", "entered by",
                 right=("in the portal", "our estimate", "gap"))
    for one in found:
        figures = (f"{one.unit.name} {shown_amount(steps, one.unit)}" for steps in (one.amount, one.estimate, one.gap))
        made.add_row(f"{one.seen_at:%Y-%m-%d %H:%M}Z", one.resource, *figures, one.actor)
    document = {"startup": startup, "entered": entered and reported_document(entered),
                "items": [reported_document(one) for one in found]}
    return Answer(document, (made,) if found else ("Nobody has entered a figure yet.",))


def _instant(text: str) -> datetime:
    moment = parse_moment(text, "seen_at")
    if not isinstance(moment, datetime):
        raise RuleBroken(
            "seen_at", "not-an-instant", "%(value)r is a day: write an instant, such as 2026-03-01T09:00:00+08:00",
            value=text,
        )
    return moment
