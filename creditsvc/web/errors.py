"""Refusals that are no form's: what is not there, what is not allowed, what went wrong."""

import secrets
from typing import Any

import structlog
from flask import Flask, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.web import session
from creditsvc.web.forms import text_of

log = structlog.get_logger()


def hang(app: Flask) -> None:
    """Shows refusals as pages, everywhere but below /api/, whose own problems are told there."""
    app.before_request(_name_request)
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(Forbidden, _forbidden)
    app.register_error_handler(RuleBroken, _rule_broken)
    app.register_error_handler(CSRFError, _form_too_old)
    app.register_error_handler(HTTPException, _http)

    def log_exception(exc_info: Any) -> None:
        app.logger.error("Exception on %s [%s]", _shown_path(), request.method, exc_info=exc_info)

    app.log_exception = log_exception  # type: ignore[method-assign]  # Flask's own would write the address


def _name_request() -> None:
    """What is logged from here on says which request it belongs to."""
    structlog.contextvars.bind_contextvars(request=secrets.token_hex(8))


def _shown_path() -> str:
    """The path as logs may have it: where it holds a token, the pattern of such paths."""
    if request.url_rule is not None and "token" in request.url_rule.arguments:
        return request.url_rule.rule
    return request.path


def page(status: int, title: str, text: str) -> tuple[str, int]:
    """A page that says what happened."""
    return render_template("refused.html", title=title, text=text), status


def _not_found(error: NotFound) -> tuple[str, int]:
    return page(404, _("Not found"), _("There is no such page, or it is not yours to see."))


def _forbidden(error: Forbidden) -> tuple[str, int]:
    return page(403, _("Not allowed"), _("Your role does not allow this. An administrator can tell you who may."))


def _rule_broken(error: RuleBroken) -> tuple[str, int]:
    status = 409 if isinstance(error, Conflict) else 422
    return page(status, _("This cannot be done"), text_of(error))


def _form_too_old(error: CSRFError) -> Response | tuple[str, int]:
    return session.sign_in_again() or page(
        400, _("This form is too old"),
        _("Nothing was changed. Go back, load the page again and send it once more; you may have to sign in first."),
    )


def _http(error: HTTPException) -> Response | tuple[str, int] | HTTPException:
    if request.path.startswith("/api/") or error.code is None or error.code < 400:
        return error
    if error.code in (404, 405):
        return page(error.code, _("Not found"), _("There is no such page, or it is not yours to see."))
    if error.code == 413:
        return page(
            413, _("Too large"),
            _("An upload may have 64 MB in all. Larger exports: creditsvc usage import, on the machine itself."),
        )
    if error.code >= 500:
        log.error("request failed", path=_shown_path(), status=error.code)
        return page(error.code, _("Something went wrong"), _("Nothing was changed. Try again, or tell the operator."))
    return page(error.code, _("This cannot be done"), _("Nothing was changed. Try again, or tell the operator."))
