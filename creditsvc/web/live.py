"""Pieces of pages, as htmx asks for them. No other page is ever put into a piece: neither a sign-in nor a refusal."""

from flask import Flask, render_template, request
from werkzeug.wrappers import Response


def hang(app: Flask) -> None:
    """Shows refusals of pieces as whole pages, or not at all."""
    app.after_request(_as_a_page)


def is_asked() -> bool:
    """Whether the page that is there asks for a piece of itself."""
    return request.headers.get("HX-Request") == "true"


def after_session(sign_in: str) -> Response | None:
    """What is answered to a page whose session has ended when it asks for a piece; None where a page is asked for.

    What reads an address goes to the sign-in whole. What looks ahead of a form stays where somebody types: the piece
    says that the session has ended, with the form's own button, which goes by the sign-in and keeps what was typed.
    """
    if not is_asked():
        return None
    if _is_of_a_page():
        return Response(status=401, headers={"HX-Redirect": sign_in})
    return Response(render_template("preview_after_session.html"), 401, mimetype="text/html")


def _is_of_a_page() -> bool:
    """Whether the piece is taken out of a whole page, rather than being all of the answer."""
    return request.headers.get("HX-Request-Type") == "full"


def _as_a_page(response: Response) -> Response:
    if is_asked() and response.status_code >= 400 and response.status_code != 401:
        if _is_of_a_page():
            response.headers.update({"HX-Retarget": "body", "HX-Reselect": "body", "HX-Reswap": "outerHTML"})
        else:
            response.headers["HX-Reswap"] = "none"
    return response
