"""What was typed into a form outlives the session it was typed in: it goes through the sign-in and is shown again.

A form whose session (or token) has ended does nothing. What it says is carried along in the pages up to the form, which
then shows it, and only pressing its button again does anything. Passwords and files are never carried.
"""

import json
from collections.abc import Iterable
from io import BytesIO
from urllib.parse import urlencode, urlsplit

from flask import current_app, flash, render_template, request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

FIELD = "typed_before"
"""The field in which the pages on the way carry what was typed, as JSON."""
IS_SHOWN = "creditsvc.shown_again"
"""Set in the environment of a request that shows a form again."""
NOT_KEPT = ("csrf_token", FIELD)


def typed() -> str:
    """What this request typed, or carries, as it is carried on; empty where there is nothing to keep."""
    if request.method != "POST" or not _is_from_here():
        return ""
    if FIELD in request.form:
        return json.dumps(_read(request.form[FIELD]), ensure_ascii=False)
    pairs = [
        (name, value) for name, value in request.form.items(multi=True)
        if name not in NOT_KEPT and "password" not in name
    ]
    is_typed = any(value.strip() for name, value in pairs if name != "once_key")
    return json.dumps(pairs, ensure_ascii=False) if is_typed else ""


def form_address() -> str:
    """The page on which the form of this request stands: its own address, else the page it was sent from, else `/`."""
    if _can_be_shown(request.path):
        return request.full_path.rstrip("?")
    came = urlsplit(request.referrer or "")
    if came.netloc == request.host and _can_be_shown(came.path):
        return came.path + (f"?{came.query}" if came.query else "")
    return "/"


def offer(target: str, carried: str, status: int = 200) -> Response:
    """The page that leads back to the form at `target` (an address within this service)."""
    return Response(
        render_template("typed_before.html", target=target, typed=carried, field=FIELD), status, mimetype="text/html"
    )


def show_again() -> Response | None:
    """The page at this address with what was typed before in its form, where that is asked for. It can change nothing:
    the page is got, not posted to."""
    if request.method != "POST" or FIELD not in request.form or request.path == "/sign-in":
        return None
    body = urlencode(_read(request.form[FIELD])).encode()
    environ = {name: value for name, value in request.environ.items() if not name.startswith(("werkzeug.", "flask."))}
    environ |= {
        "REQUEST_METHOD": "GET", "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body), IS_SHOWN: True,
    }
    return Response.from_app(current_app.wsgi_app, environ, buffered=True)


def told() -> None:
    """Says above a form that is shown again that nothing was done."""
    if request.environ.get(IS_SHOWN):
        flash(_("Nothing was done yet. What you had typed is here again: press the button to do it."), "info")


def typed_before(labels: Iterable[str]) -> MultiDict[str, str] | None:
    """What was typed before into a form of those fields, where this request shows it again."""
    if request.environ.get(IS_SHOWN) and any(name in request.form for name in labels):
        return request.form
    return None


def _read(text: str) -> list[tuple[str, str]]:
    """Anything else than pairs of text is nothing; a NUL, or half a character, is in nothing that people type."""
    try:
        pairs = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(pairs, list):
        return []
    return [
        (pair[0], pair[1]) for pair in pairs
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, str) and _is_typed(one) for one in pair)
        and pair[0] not in NOT_KEPT
    ]


def _is_typed(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _is_from_here() -> bool:
    """Browsers say where a form was sent from; another site's words are not carried into our forms."""
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def _can_be_shown(path: str) -> bool:
    adapter = current_app.create_url_adapter(request)
    try:
        return adapter is not None and bool(adapter.match(path, method="GET"))
    except HTTPException:
        return False
