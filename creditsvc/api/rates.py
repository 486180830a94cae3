"""Exchange rates, by which usage in another currency is settled."""

from typing import Any

from flask import Response, url_for

from creditsvc.api.paging import page_of_all
from creditsvc.api.routes import get, new_blueprint, post
from creditsvc.api.schemas import PagingSchema
from creditsvc.api.tokens import current_caller
from creditsvc.api.usage_schemas import (
    RateBodySchema,
    RateListSchema,
    RateOutcomeSchema,
    RateSchema,
    WithdrawRateBodySchema,
)
from creditsvc.api.writes import write_or_try
from creditsvc.core.days import parse_day
from creditsvc.db import MAX_ID
from creditsvc.parties.once import Answer
from creditsvc.usage.rates import (
    RateOutcome,
    add_rate,
    find_rate,
    list_rates,
    outcome_document,
    rate_document,
    withdraw_rate,
)

blueprint = new_blueprint("rates", "Exchange rates: what usage in another currency than its grant's is worth.")


@get(blueprint, "/rates", query=PagingSchema, answers=RateListSchema)
def list_exchange_rates(query: dict[str, Any]) -> dict[str, Any]:
    """All that was ever said of rates, in the order of charge days; `standing` says which words count."""
    everything = list_rates(current_caller())
    return page_of_all(
        everything, query, rate_document,
        lambda view: f"{view.day} {view.from_currency} {view.to_currency} {view.id:012}",
    )


@get(blueprint, f"/rates/<int(max={MAX_ID}):rate_id>", answers=RateSchema)
def get_rate(rate_id: int) -> dict[str, Any]:
    """One word on a rate."""
    return rate_document(find_rate(current_caller(), rate_id))


@post(blueprint, "/rates", scope="import", body=RateBodySchema, answers=RateOutcomeSchema, status=201, also=(200,),
      next_steps={"get_rate": "rate_id"})
def state_rate(body: dict[str, Any]) -> Response:
    """States a rate: usage that waits for it settles, and what an older one had settled is posted anew.

    It holds from its charge day until the next later day that has a rate of its own. Of two rates for one day the one
    stated last stands. 200 when it stands already, and nothing is done. A dry run tells what it would settle (200).
    """
    caller = current_caller()
    day = parse_day(body["day"], "day")

    def act() -> Answer:
        outcome = add_rate(
            caller, from_currency=body["from_currency"], to_currency=body["to_currency"], day=day, rate=body["rate"],
            source=body["source"],
        )
        if body["dry_run"]:
            return _tried(outcome)
        location = url_for("api_rates.get_rate", rate_id=outcome.rate.id)
        return Answer(201 if outcome.changed else 200, {**outcome_document(outcome), "dry_run": False}, location)

    return write_or_try(act, dry_run=body["dry_run"])


@post(blueprint, "/rates/withdraw", scope="import", body=WithdrawRateBodySchema, answers=RateOutcomeSchema)
def withdraw_stated_rate(body: dict[str, Any]) -> Response:
    """Takes the rate stated for a day back: the one of an earlier day holds again, or usage waits."""
    caller = current_caller()
    day = parse_day(body["day"], "day")

    def act() -> Answer:
        outcome = withdraw_rate(
            caller, from_currency=body["from_currency"], to_currency=body["to_currency"], day=day,
            reason=body["reason"],
        )
        if body["dry_run"]:
            return _tried(outcome)
        return Answer(200, {**outcome_document(outcome), "dry_run": False})

    return write_or_try(act, dry_run=body["dry_run"])


def _tried(outcome: RateOutcome) -> Answer:
    return Answer(200, {**outcome_document(outcome), "id": None, "dry_run": True})
