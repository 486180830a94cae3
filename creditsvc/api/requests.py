"""What startups ask for: more of a holding, or longer; asked, withdrawn, approved, refused."""

from collections.abc import Callable
from typing import Any

from flask import Response, current_app, url_for

from creditsvc.api.paging import id_cursor, page
from creditsvc.api.request_schemas import RequestListSchema, RequestQuerySchema, RequestSchema
from creditsvc.api.routes import get, new_blueprint, post
from creditsvc.api.schemas import NothingSchema
from creditsvc.api.tokens import current_caller
from creditsvc.api.writes import write_once
from creditsvc.db import MAX_ID
from creditsvc.grants import requests
from creditsvc.grants.models import GrantRequest
from creditsvc.grants.request_letters import tell
from creditsvc.grants.request_reading import find_request, request_document, requests_of
from creditsvc.grants.schemas import ApproveShape, AskShape, RefuseShape
from creditsvc.licences.waiting import seat_startups
from creditsvc.parties.once import Answer

blueprint = new_blueprint("requests", "What startups ask for: more of a holding, or longer.")

REQUEST = f"<int(max={MAX_ID}):request_id>"
REQUEST_STEPS = dict.fromkeys(("get_request", "approve_request", "refuse_request", "withdraw_request"), "request_id")


@get(blueprint, "/requests", query=RequestQuerySchema, answers=RequestListSchema)
def list_requests(query: dict[str, Any]) -> dict[str, Any]:
    """The requests of the startups you may see, newest first."""
    found = requests_of(
        current_caller(), startup=query.get("startup"), states=(query["state"],) if "state" in query else (),
        before=id_cursor(query.get("after")), limit=query["limit"] + 1,
    )
    return page(found, query["limit"], request_document, lambda view: str(view.id))


@get(blueprint, f"/requests/{REQUEST}", answers=RequestSchema)
def get_request(request_id: int) -> dict[str, Any]:
    """One request, and what has become of it."""
    return request_document(find_request(current_caller(), request_id))


@post(
    blueprint, "/requests", scope="award", body=AskShape, answers=RequestSchema, status=201, next_steps=REQUEST_STEPS
)
def make_request(body: dict[str, Any]) -> Response:
    """Asks, for a startup, for an amount more of what a grant is of, for a later end of it, or both.

    While a request about the same holding is open, another one is refused.
    """
    caller = current_caller()
    return _step(lambda: requests.ask(caller, **body), 201)


@post(blueprint, f"/requests/{REQUEST}/approve", scope="award", body=ApproveShape, answers=RequestSchema,
      required=False)
def approve_request(body: dict[str, Any], request_id: int) -> Response:
    """Gives what was asked for, or the amount and the end that are said instead: whole or not at all.

    With `pool` a new grant is awarded from it; else the grant itself is extended and topped up.
    """
    caller = current_caller()

    def act() -> GrantRequest:
        request = requests.approve(caller, request_id, **body)
        seat_startups(caller, current_app.config["CREDITSVC"], [request.startup_id])
        return request

    return _step(act)


@post(blueprint, f"/requests/{REQUEST}/refuse", scope="award", body=RefuseShape, answers=RequestSchema)
def refuse_request(body: dict[str, Any], request_id: int) -> Response:
    """Says no, with a reason that the startup reads."""
    caller = current_caller()
    return _step(lambda: requests.refuse(caller, request_id, **body))


@post(blueprint, f"/requests/{REQUEST}/withdraw", scope="award", body=NothingSchema, answers=RequestSchema,
      required=False)
def withdraw_request(body: dict[str, Any], request_id: int) -> Response:
    """Takes a request back, for the startup, before it is decided."""
    caller = current_caller()
    return _step(lambda: requests.withdraw(caller, request_id))


def _step(act: Callable[[], GrantRequest], status: int = 200) -> Response:
    caller = current_caller()

    def answer() -> Answer:
        request = act()
        tell(caller, request, current_app.config["CREDITSVC"])
        view = find_request(caller, request.id)
        location = url_for("api_requests.get_request", request_id=view.id) if status == 201 else ""
        return Answer(status, request_document(view), location)

    return write_once(answer)
