"""The provider's own figures beside ours (U11)."""

from typing import Any

from flask import Response

from creditsvc.api.paging import id_cursor, page
from creditsvc.api.routes import get, new_blueprint, post
from creditsvc.api.schemas import PagingSchema, ReportedListSchema, ReportedSchema
from creditsvc.api.tokens import current_caller
from creditsvc.api.writes import write_once
from creditsvc.parties.once import Answer
from creditsvc.statements.reported import report_balance, reported_document, reported_of
from creditsvc.statements.schemas import ReportShape

blueprint = new_blueprint("reported", "What the provider's own portal showed as left, beside our estimate.")


@get(blueprint, "/startups/<key>/reported-balances", query=PagingSchema, answers=ReportedListSchema)
def list_reported_balances(query: dict[str, Any], key: str) -> dict[str, Any]:
    """The figures of a startup's credits, newest first, with our estimate of the same instants."""
    found = reported_of(
        current_caller(), key, before=id_cursor(query.get("after")), limit=query["limit"] + 1
    )
    return page(found, query["limit"], reported_document, lambda one: str(one.id))


@post(
    blueprint, "/startups/<key>/reported-balances", scope="import", body=ReportShape, answers=ReportedSchema,
    status=201,
)
def report_a_balance(body: dict[str, Any], key: str) -> Response:
    """Keeps what the portal shows; the estimate is not adjusted to it."""
    caller = current_caller()
    return write_once(lambda: Answer(201, reported_document(report_balance(caller, startup=key, **body))))
