"""Startups and what they hold."""

from datetime import UTC, date, timedelta
from typing import Any

from flask import Response, url_for

from creditsvc.alerts.startup_list import Filters, narrowed
from creditsvc.api.balance_schemas import BalanceQuerySchema, BalanceSchema
from creditsvc.api.etags import check_match
from creditsvc.api.paging import day_cursor, page
from creditsvc.api.routes import get, new_blueprint, patch, post
from creditsvc.api.schemas import StatementQuerySchema, StatementSchema
from creditsvc.api.startup_schemas import (
    HoldingListSchema,
    StartupListSchema,
    StartupQuerySchema,
    StartupSchema,
    UsageDayListSchema,
    UsageQuerySchema,
)
from creditsvc.api.tokens import current_caller
from creditsvc.api.writes import edit_once, write_once
from creditsvc.core.days import as_of_instant, instant_text, parse_day
from creditsvc.ledger.documents import balance_document
from creditsvc.ledger.reading import holdings_of
from creditsvc.ledger.seat_outlook import all_forecasts, all_outlook_documents
from creditsvc.parties import operations, reading
from creditsvc.parties.models import Startup
from creditsvc.parties.once import Answer
from creditsvc.parties.schemas import StartupEditShape, StartupShape
from creditsvc.statements.holdings import holding_document, holdings, waiting_for_seats
from creditsvc.statements.reading import conversion_documents, statement, statement_document
from creditsvc.statements.usage_days import account_of, newest_paid_days, paid_day_document

FIRST_DAY = date(1970, 1, 1)
"""Before any charge day that can be kept."""

blueprint = new_blueprint("startups", "Startups, their balances and statements.")


@get(blueprint, "/startups", query=StartupQuerySchema, answers=StartupListSchema)
def list_startups(query: dict[str, Any]) -> dict[str, Any]:
    """The startups you may see, by key; several filters narrow together."""
    caller = current_caller()
    asked = Filters(**{name: value for name, value in query.items() if name not in ("limit", "after")})
    found = reading.list_startups(
        caller, after=query.get("after"), limit=query["limit"] + 1, where=narrowed(caller, asked)
    )
    return page(found, query["limit"], shown, lambda startup: startup.key)


@get(blueprint, "/startups/<key>", answers=StartupSchema, etag=True)
def get_startup(key: str) -> dict[str, Any]:
    """One startup."""
    return shown(reading.find_startup(current_caller(), key))


@post(
    blueprint, "/startups", scope="admin", body=StartupShape, answers=StartupSchema, status=201,
    next_steps={"get_startup": "key", "get_balance": "key", "get_statement": "key", "list_startup_grants": "key"},
)
def create_startup(body: dict[str, Any]) -> Response:
    """Makes a startup."""
    caller = current_caller()

    def act() -> Answer:
        startup = operations.create_startup(caller, **body)
        return Answer(201, shown(startup), url_for("api_startups.get_startup", key=startup.key))

    return write_once(act)


@patch(blueprint, "/startups/<key>", scope="admin", body=StartupEditShape, answers=StartupSchema)
def edit_startup(body: dict[str, Any], key: str) -> Response:
    """Changes a startup's name or the language of its mails; what is not sent stays."""
    caller = current_caller()

    def act() -> Answer:
        startup = operations.edit_startup(caller, key, **body, check=lambda found: check_match(shown(found)))
        return Answer(200, shown(startup))

    return edit_once(act)


@get(blueprint, "/startups/<key>/balance", query=BalanceQuerySchema, answers=BalanceSchema)
def get_balance(query: dict[str, Any], key: str) -> dict[str, Any]:
    """What a startup holds, as of an instant, as it was known at another."""
    caller = current_caller()
    as_of = as_of_instant(query["as_of"], "as_of") if "as_of" in query else caller.now
    known_at = as_of_instant(query["known_at"], "known_at") if "known_at" in query else None
    startup, views = holdings_of(caller, key, as_of, known_at)
    forecast = query["forecast"] and known_at is None
    outlooks = all_outlook_documents(views, all_forecasts(views, as_of)) if forecast else {}
    conversions = conversion_documents(views, as_of) if query["conversions"] and known_at is None else None
    return balance_document(startup.key, views, as_of, known_at or caller.now, outlooks, conversions)


@get(blueprint, "/startups/<key>/holdings", answers=HoldingListSchema)
def get_holdings(key: str) -> dict[str, Any]:
    """What a startup holds now of credit, hours and seats, in one shape, and what happens next with each."""
    caller = current_caller()
    _, views = holdings_of(caller, key, caller.now)
    waiting = waiting_for_seats(view.id for view in views if view.kind == "seats")
    found = holdings(views, all_forecasts(views, caller.now), caller.now, waiting)
    return {"items": [holding_document(one) for one in found]}


@get(blueprint, "/startups/<key>/statement", query=StatementQuerySchema, answers=StatementSchema)
def get_statement(query: dict[str, Any], key: str) -> dict[str, Any]:
    """What happened to a startup's holdings, and what remained after each step."""
    first = parse_day(query["first"], "from") if "first" in query else None
    last = parse_day(query["last"], "to") if "last" in query else None
    return statement_document(statement(current_caller(), key, first=first, last=last))


@get(blueprint, "/startups/<key>/usage", query=UsageQuerySchema, answers=UsageDayListSchema)
def list_usage_days(query: dict[str, Any], key: str) -> dict[str, Any]:
    """A startup's usage by charge day, newest first, with what each day was paid from and what it was for."""
    caller = current_caller()
    view = account_of(holdings_of(caller, key, caller.now)[1], query.get("resource"))
    first = parse_day(query["first"], "from") if "first" in query else FIRST_DAY
    last = parse_day(query["last"], "to") if "last" in query else caller.now.astimezone(UTC).date()
    before = day_cursor(query.get("after"))
    if before is not None:
        last = min(last, before - timedelta(days=1))
    if view is None or last < first:
        return {"items": [], "next": None}
    found = newest_paid_days(view, first, last, query["limit"] + 1)
    return page(
        found, query["limit"], lambda one: paid_day_document(one, view.unit), lambda one: one.usage.day.isoformat()
    )


def shown(startup: Startup) -> dict[str, Any]:
    """A startup as JSON."""
    return {
        "key": startup.key, "name": startup.name, "language": startup.language,
        "created_at": instant_text(startup.created_at),
    }
