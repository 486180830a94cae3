"""The first page of a startup's own people: what is left, until when, what comes then, and what became different."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import OperationalError

from creditsvc.core.days import day_of
from creditsvc.db import transaction
from creditsvc.grants.activation import activations_of_startup
from creditsvc.grants.request_reading import RequestView, requests_of_startup
from creditsvc.ledger.reading import AccountView
from creditsvc.parties.access import Caller, may_with
from creditsvc.parties.models import Startup
from creditsvc.statements.changes import changes_since
from creditsvc.statements.reading import history_of
from creditsvc.statements.visits import note_visit, visit_before
from creditsvc.usage.reading import scope_views, scopes_held
from creditsvc.web.cards import cards_of, grants_held

log = structlog.get_logger()

KINDS = ("credit", "hours", "seats")
"""In which order holdings stand."""

MOST_CHANGES = 12
"""How many changes the page tells one by one; the statement has the rest."""

ASKED_SHOWN = timedelta(days=30)
"""For how long the answer to a request stands on the page."""


def first_page(caller: Caller, startup: Startup, views: Sequence[AccountView]) -> ResponseReturnValue:
    """The page of a startup as its own people see it."""
    held = scopes_held(view.id for view in views)
    history = history_of(views, caller.now, with_seats=False)
    since, is_due = visit_before(caller, startup.id)
    told = [] if since is None else changes_since(views, history, since, caller.now)
    asked = _asked(requests_of_startup(startup, 20), caller.now)
    page = render_template(
        "founder.html", startup=startup, now=caller.now,
        cards=sorted(cards_of(views, held, caller.now, history), key=lambda card: KINDS.index(card.view.kind)),
        grants=grants_held(views, activations_of_startup(startup.id)), own_scopes={one.external_id for one in held},
        scopes=scope_views(held, {view.id: view.resource for view in views}), since=since,
        since_day=None if since is None else day_of(since), changes=told, most_changes=MOST_CHANGES,
        asked=asked,
        may_activate=may_with(caller, "grant.activate", startup), may_ask=may_with(caller, "request.make", startup),
        may_report=may_with(caller, "balance.report", startup),
    )
    if is_due:
        _note(caller, startup.id)
    return page


def _asked(found: Sequence[RequestView], now: datetime) -> list[RequestView]:
    """The requests that wait, and those answered lately."""
    return [
        one for one in found
        if one.is_open or (one.request.decided_at is not None and now - one.request.decided_at < ASKED_SHOWN)
    ]


def _note(caller: Caller, startup_id: int) -> None:
    """The mark of this visit can be left undone: a page waits for no writer."""
    try:
        transaction(lambda: note_visit(caller, startup_id), waits=False)
    except OperationalError as error:
        log.info("a visit is not noted", error=str(error.orig))
