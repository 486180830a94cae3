"""Commands about grants and what their providers say of them: activate, reported."""

import click

from creditsvc.core.days import day_of, parse_moment
from creditsvc.db import transaction
from creditsvc.grants.activation import activate_grant, activation_document
from creditsvc.grants.reading import GrantView, find_grant
from creditsvc.jobs.shell import Answer, answers, caller, service


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
