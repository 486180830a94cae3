"""What a reader sets: language and time zone on a page of its own, the language alone at the foot of every page."""

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import refresh
from werkzeug.wrappers import Response

from creditsvc.core.days import DEFAULT_ZONE, time_zones
from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.db import transaction
from creditsvc.languages import NAMES
from creditsvc.parties.operations import check_language
from creditsvc.parties.own_settings import OwnSettings, change_own_settings, choose_language, own_settings
from creditsvc.parties.schemas import OwnSettingsShape
from creditsvc.web import reader, session
from creditsvc.web.forms import Form, posted, shape
from creditsvc.web.plain_forms import Piece, Way, form_page

pages = session.private_pages("me", __name__)
languages = Blueprint("languages", __name__)


@pages.get("/me/settings")
def settings() -> ResponseReturnValue:
    """The form with what stands."""
    there = own_settings(session.caller())
    return _page(Form(_labels(), {"language": there.language or "", "time_zone": there.time_zone or ""}), there)


@pages.post("/me/settings")
def save_settings() -> ResponseReturnValue:
    """Saves them, unless they were changed after they were shown."""
    caller = session.caller()
    form = posted(_labels())
    values = shape(form, OwnSettingsShape())
    after = None if values is None else _saved(form, values)
    if after is None:
        return _page(form, own_settings(caller))
    session.reads(after.language, after.time_zone)
    refresh()  # what is said next is said in the language just chosen
    flash(_("Your settings are saved."), "success")
    return _in_cookie(redirect(url_for("me.settings"), 303), after.language)


def _saved(form: Form, values: dict[str, Any]) -> OwnSettings | None:
    caller, shown = session.caller(), request.form.get("shown", "")
    try:
        return transaction(lambda: change_own_settings(
            caller, language=values["language"] or None, time_zone=values["time_zone"] or None, shown=shown
        ))
    except Conflict as error:
        stands = own_settings(caller)
        form.typed = {"language": stands.language or "", "time_zone": stands.time_zone or ""}
        form.show(error)
    except RuleBroken as error:
        form.show(error)
    return None


@languages.post("/language")
def choose() -> ResponseReturnValue:
    """Takes the language chosen at the foot of a page: for the person who is signed in, and for this browser."""
    language = check_language(request.form.get("language", ""))
    if session.is_signed_in():
        caller = session.caller()
        transaction(lambda: choose_language(caller, language))
    return _in_cookie(redirect(session.safe_next(request.form.get("next")), 303), language)


def _in_cookie(response: Response, language: str | None) -> Response:
    if language is None:
        response.delete_cookie(reader.COOKIE)
    else:
        response.set_cookie(
            reader.COOKIE, language, max_age=reader.COOKIE_LIFE, httponly=True, samesite="Lax",
            secure=session.config().base_url.startswith("https://"),
        )
    return response


def _labels() -> dict[str, str]:
    return {"language": _("Language"), "time_zone": _("Time zone")}


def _page(form: Form, there: OwnSettings) -> ResponseReturnValue:
    pieces = [
        Piece("language", "choice", _("Of pages and mails."), False, list(NAMES.items()), _("As this browser asks")),
        Piece(
            "time_zone", "choice",
            _("In which pages and mails tell you the time. Days on which something begins or ends stay Hong Kong's."),
            False, [(name, name) for name in time_zones()],
            _("%(zone)s, as for everybody", zone=DEFAULT_ZONE.key),
        ),
    ]
    return form_page(
        form, pieces, title=_("My settings"), back=Way(url_for("entry.home"), _("First page")), button=_("Save"),
        hidden={"shown": there.stamp}, once=False,
    )
