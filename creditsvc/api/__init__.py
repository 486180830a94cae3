"""The REST API under /api/v1: bearer tokens, cursor paging, problem JSON, an Idempotency-Key on every write."""

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.routing import RequestRedirect

from creditsvc.api import (
    administration,
    alerts,
    audit,
    bookings,
    grants,
    licences,
    month_ends,
    offers,
    people,
    programmes,
    proposals,
    rates,
    reported,
    requests,
    scopes,
    seats,
    startups,
    usage_runs,
)
from creditsvc.api.document import make_api
from creditsvc.api.limiting import hang_limit
from creditsvc.api.problems import http_problem

BLUEPRINTS = (startups.blueprint, grants.blueprint, scopes.blueprint, rates.blueprint, usage_runs.blueprint,
              reported.blueprint, programmes.blueprint, people.blueprint, alerts.blueprint, licences.blueprint,
              seats.blueprint, bookings.blueprint, requests.blueprint, proposals.blueprint,
              month_ends.blueprint, offers.blueprint, audit.blueprint, administration.blueprint)


def hang(app: Flask) -> None:
    """Hangs the API into the app. To be called after the pages, whose guard against forged forms it opts out of."""
    app.before_request(_answer_strays)
    hang_limit(app)
    api = make_api(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
        if "csrf" in app.extensions:  # no cookie is read here, so there is nothing to forge
            app.extensions["csrf"].exempt(blueprint)


def _answer_strays() -> Response | None:
    """A problem for an address below /api that is none, or that does not take the method."""
    error = request.routing_exception
    if not request.path.startswith("/api/") or error is None or isinstance(error, RequestRedirect):
        return None
    return http_problem(error, "There is no such address." if isinstance(error, NotFound) else None)
