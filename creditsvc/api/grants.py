"""Grants, and the pools they are awarded from."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Response, current_app, url_for

from creditsvc.api.paging import id_cursor, page
from creditsvc.api.routes import get, new_blueprint, post
from creditsvc.api.schemas import (
    ActivationListSchema,
    AwardedGrantsSchema,
    GrantListSchema,
    GrantQuerySchema,
    GrantSchema,
    NothingSchema,
    PagingSchema,
)
from creditsvc.api.tokens import current_caller
from creditsvc.api.writes import write_once
from creditsvc.core.amounts import format_amount
from creditsvc.core.days import instant_text
from creditsvc.grants import activation, operations, reading
from creditsvc.grants.activation import activation_document, entered_document
from creditsvc.grants.models import Grant
from creditsvc.grants.reading import GrantView
from creditsvc.grants.schemas import ActivateShape, AmountShape, AwardShape, ExtendShape, MonthsShape, VoidShape
from creditsvc.licences.waiting import seat_startups
from creditsvc.parties.once import Answer

blueprint = new_blueprint("grants", "Grants: awarding, extending, topping up, voiding, returning to the pool, their "
                           "activation.")


GRANT_STEPS = dict.fromkeys(("get_grant", "extend_grant", "top_up_grant", "void_grant", "void_series",
                             "extend_series", "return_to_pool", "activate_grant"), "key")
"""What can be done with a grant once it is awarded."""


@get(blueprint, "/grants", query=GrantQuerySchema, answers=GrantListSchema)
def list_grants(query: dict[str, Any]) -> dict[str, Any]:
    """The grants you may see, in the order of their award."""
    return _page(query, None)


@get(blueprint, "/startups/<key>/grants", query=GrantQuerySchema, answers=GrantListSchema)
def list_startup_grants(query: dict[str, Any], key: str) -> dict[str, Any]:
    """The grants of a startup, in the order of their award."""
    return _page(query, key)


def _page(query: dict[str, Any], startup: str | None) -> dict[str, Any]:
    found = reading.grants_of(
        current_caller(), startup, query.get("after"), query["limit"] + 1, pool=query.get("pool")
    )
    return page(found, query["limit"], shown, lambda view: view.key)


@get(blueprint, "/grants/<key>", answers=GrantSchema)
def get_grant(key: str) -> dict[str, Any]:
    """One grant, and what has become of it by now."""
    return shown(reading.find_grant(current_caller(), key))


@post(blueprint, "/grants", scope="award", body=AwardShape, answers=GrantSchema, status=201, next_steps=GRANT_STEPS)
def award_grant(body: dict[str, Any]) -> Response:
    """Awards a startup an amount from a pool.

    `expires` is the last day that counts; without it the grant does not expire. With `months` it is a monthly
    allowance: a grant of the amount for each month, of which the first is answered; all share `series`. The key is made
    up unless given.
    """
    caller = current_caller()
    return _change(lambda: _seats_for(operations.award_grant(caller, **body)), 201)


@post(blueprint, "/grants/<key>/extend", scope="award", body=ExtendShape, answers=GrantSchema)
def extend_grant(body: dict[str, Any], key: str) -> Response:
    """Lets a grant last longer."""
    caller = current_caller()
    return _change(lambda: _seats_for(operations.extend_grant(caller, key, **body)))


@post(blueprint, "/grants/<key>/top-up", scope="award", body=AmountShape, answers=GrantSchema)
def top_up_grant(body: dict[str, Any], key: str) -> Response:
    """Adds an amount from its pool to a grant."""
    caller = current_caller()
    return _change(lambda: _seats_for(operations.top_up_grant(caller, key, **body)))


@post(blueprint, "/grants/<key>/void", scope="award", body=VoidShape, answers=GrantSchema, required=False)
def void_grant(body: dict[str, Any], key: str) -> Response:
    """Stops a grant from an instant on, from now unless given."""
    caller = current_caller()
    return _change(lambda: operations.void_grant(caller, key, **body))


@post(
    blueprint, "/grants/<key>/void-series", scope="award", body=VoidShape, answers=AwardedGrantsSchema, required=False
)
def void_series(body: dict[str, Any], key: str) -> Response:
    """Stops the months of a monthly allowance that can be, from an instant on, from now unless given.

    The key is that of any of its months; the months that are stopped are answered.
    """
    caller = current_caller()
    return _answer_all(lambda: operations.void_series(caller, key, **body))


@post(blueprint, "/grants/<key>/extend-series", scope="award", body=MonthsShape, answers=AwardedGrantsSchema)
def extend_series(body: dict[str, Any], key: str) -> Response:
    """Lets a monthly allowance run to so many months in all, each as its last one; the months added are answered.

    The key is that of any of its months. It runs on from its end; repeating it adds nothing.
    """
    caller = current_caller()

    def act() -> list[Grant]:
        made = operations.extend_series(caller, key, **body)
        if made:
            _seats_for(made[0])
        return made

    return _answer_all(act)


@post(blueprint, "/grants/<key>/return", scope="award", body=AmountShape, answers=GrantSchema)
def return_to_pool(body: dict[str, Any], key: str) -> Response:
    """Gives what nobody drew of a grant back to its pool."""
    caller = current_caller()
    return _change(lambda: operations.return_to_pool(caller, key, **body))


@get(blueprint, "/grants/<key>/activations", query=PagingSchema, answers=ActivationListSchema)
def list_activations(query: dict[str, Any], key: str) -> dict[str, Any]:
    """All that was entered of a grant's activation, newest first; the first of them stands."""
    grant = reading.find_grant(current_caller(), key).grant
    before = id_cursor(query.get("after"))
    found = [one for one in activation.activation_history(grant) if before is None or one.id < before]
    return page(found[: query["limit"] + 1], query["limit"], entered_document, lambda one: str(one.id))


@post(blueprint, "/grants/<key>/activate", scope="award", body=ActivateShape, answers=GrantSchema)
def activate_grant(body: dict[str, Any], key: str) -> Response:
    """Keeps when the credit was redeemed with its provider, and by which subscription.

    Saying otherwise later corrects it; what was said before stays in its history.
    """
    caller = current_caller()
    return _change(lambda: activation.activate_grant(caller, key, **body))


@post(
    blueprint, "/startups/<key>/enrolments/<cohort>/award", scope="award", body=NothingSchema,
    answers=AwardedGrantsSchema, required=False,
)
def award_enrolment(body: dict[str, Any], key: str, cohort: str) -> Response:
    """Awards the package of a startup's enrolment, as a whole or not at all; once it is awarded, nothing is done."""
    caller = current_caller()

    def act() -> list[Grant]:
        made = operations.award_package(caller, startup=key, cohort=cohort)
        _seats_for(made[0])
        return made

    return _answer_all(act)


def _change(act: Callable[[], Grant], status: int = 200) -> Response:
    caller = current_caller()

    def answer() -> Answer:
        view = reading.find_grant(caller, act().key)
        return Answer(status, shown(view), url_for("api_grants.get_grant", key=view.key) if status == 201 else "")

    return write_once(answer)


def _seats_for(grant: Grant) -> Grant:
    """Seats those who waited for what a startup was just given."""
    seat_startups(current_caller(), current_app.config["CREDITSVC"], [grant.startup_id])
    return grant


def _answer_all(act: Callable[[], Sequence[Grant]]) -> Response:
    caller = current_caller()

    def answer() -> Answer:
        return Answer(200, {"items": [shown(reading.find_grant(caller, grant.key)) for grant in act()]})

    return write_once(answer)


def shown(view: GrantView) -> dict[str, Any]:
    """A grant as JSON."""
    words = ("drawn", "held", "expired", "voided", "not_yet", "remaining")
    return {
        "key": view.key,
        "startup": view.startup,
        "pool": view.lot.pool,
        "resource": view.resource,
        "unit": view.unit.name,
        "amount": format_amount(view.lot.amount, view.unit),
        "effective_at": instant_text(view.lot.effective),
        "expires_at": instant_text(view.lot.expires),
        "voided_at": instant_text(view.lot.voided_at),
        **{word: format_amount(getattr(view.lot.standing, word), view.unit) for word in words},
        "priority": view.lot.priority,
        "promotional": view.lot.promotional,
        "series": view.grant.series,
        "month": view.grant.month,
        "reason": view.grant.reason,
        "awarded_by": view.grant.awarded_by,
        "awarded_at": instant_text(view.grant.awarded_at),
        "activation": activation_document(view.activation),
    }
