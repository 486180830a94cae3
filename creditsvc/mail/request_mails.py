"""The mails about what a startup asks for: their values, and one function for each.

Amounts and days are ready to read in the language of the mail (`render.money`, `render.day`).
"""

from typing import TypedDict

from creditsvc.mail.render import Rendered, render


class RequestMail(TypedDict):
    """What both of these mails say. `holding` is what the request is about, `more` and `until` what is asked for."""

    person_name: str
    startup_name: str
    holding: str
    grant: str
    more: str | None
    until: str | None
    why: str
    asked_by: str
    request_url: str
    base_url: str


class RequestAsked(RequestMail):
    """`first_by` has said yes, which needs a second person above the pool's limit; None before that."""

    first_by: str | None


class RequestDecided(RequestMail):
    """What was given, or that nothing was, and why; `is_new_grant` where it stands in a grant of its own."""

    is_approved: bool
    given_more: str | None
    given_until: str | None
    is_new_grant: bool
    reason: str
    decided_by: str


def render_request_asked(values: RequestAsked, language: str) -> Rendered:
    """A startup asks for more or for longer: a manager is to decide."""
    return render("request_asked", values, language)


def render_request_decided(values: RequestDecided, language: str) -> Rendered:
    """A manager approved or refused what a startup asked for."""
    return render("request_decided", values, language)
