"""The provider's own figures beside ours (U11)."""

from typing import Any

from flask import Response

from creditsvc.api.routes import get, new_blueprint, post
from creditsvc.api.schemas import ReportedListSchema, ReportedSchema
from creditsvc.api.tokens import current_caller
from creditsvc.api.writes import write_once
from creditsvc.core.amounts import format_amount
from creditsvc.core.days import instant_text
from creditsvc.parties.once import Answer
from creditsvc.statements.reported import Reported, report_balance, reported_of
from creditsvc.statements.schemas import ReportShape

blueprint = new_blueprint("reported", "What the provider's own portal showed as left, beside our estimate.")


@get(blueprint, "/startups/<key>/reported-balances", answers=ReportedListSchema)
def list_reported_balances(key: str) -> dict[str, Any]:
    """The newest figures of each credit of a startup (at most 24 of each), with our estimate of the same instants."""
    return {"items": [shown(one) for one in reported_of(current_caller(), key)]}


@post(
    blueprint, "/startups/<key>/reported-balances", scope="import", body=ReportShape, answers=ReportedSchema,
    status=201,
)
def report_a_balance(body: dict[str, Any], key: str) -> Response:
    """Keeps what the portal shows; the estimate is not adjusted to it."""
    caller = current_caller()
    return write_once(lambda: Answer(201, shown(report_balance(caller, startup=key, **body))))


def shown(one: Reported) -> dict[str, Any]:
    """A figure as JSON."""
    return {
        "startup": one.startup, "resource": one.resource, "unit": one.unit.name,
        "amount": format_amount(one.amount, one.unit), "estimate": format_amount(one.estimate, one.unit),
        "gap": format_amount(one.gap, one.unit), "seen_at": instant_text(one.seen_at),
        "entered_at": instant_text(one.entered_at), "entered_by": one.actor,
    }
