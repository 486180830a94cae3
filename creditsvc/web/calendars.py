"""Calendars by their private addresses: for calendar programs, which sign in nowhere."""

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from creditsvc import clock
from creditsvc.consulting.feeds import open_feed
from creditsvc.web import session

pages = Blueprint("calendars", __name__)


@pages.get("/calendars/<token>.ics")
def feed(token: str) -> ResponseReturnValue:
    """The calendar of a consultant or a startup; 404 for an address that there is not, or not any more."""
    text = open_feed(token, session.config(), clock.now())
    response = Response(text, content_type="text/calendar; charset=utf-8")
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
