"""Who is signed in: the session cookie, the `Caller` of a request, and the pages that ask for one."""

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, abort, current_app, redirect, render_template, request, session, url_for
from flask_babel import gettext, refresh
from flask_login import LoginManager, current_user, login_user, logout_user
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import Select, bindparam, select
from werkzeug.wrappers import Response

from creditsvc import clock
from creditsvc.alerts.links import UNSUBSCRIBE
from creditsvc.alerts.reading import judged_night, night_columns, night_values
from creditsvc.config import Config
from creditsvc.db import transaction
from creditsvc.parties.access import Caller, caller_of, identify, may, people_where
from creditsvc.parties.models import EndedSession, Person
from creditsvc.parties.signing_in import end_session
from creditsvc.parties.tokens import hash_token
from creditsvc.web import keeping_typed, live
from creditsvc.web.forms import Form

PRIVATE: set[str] = set()
"""The blueprints whose pages need somebody signed in."""
LIFETIME = timedelta(hours=10)
"""How long a session lasts without a request."""
_END_KEPT = LIFETIME + timedelta(hours=1)
"""How long an end is remembered: a cookie with it was signed before it, or by a request that was still under way."""


@dataclass(frozen=True)
class SignedIn:
    """The signed-in person as Flask-Login wants them; `epoch` ends the session when it is raised in the database.

    `key` is of this session alone: signing out ends it, and no other of the person.
    Values alone, no row: a row would not outlive the transaction of the request.
    """

    id: int
    epoch: int
    key: str
    name: str
    caller: Caller
    night_is_late: bool = False
    language: str | None = None
    time_zone: str | None = None
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        """What the cookie holds."""
        return f"{self.id}:{self.epoch}:{self.key}"


def hang(app: Flask) -> None:
    """Sets up the cookie, the sign-in and the protection of forms."""
    config: Config = app.config["CREDITSVC"]
    app.config.update(
        SESSION_COOKIE_NAME="creditsvc",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config.base_url.startswith("https://"),
        PERMANENT_SESSION_LIFETIME=LIFETIME,
        WTF_CSRF_CHECK_DEFAULT=False,  # asked below, for everything but the API
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
    )
    logins = LoginManager()
    logins.session_protection = None
    logins.init_app(app)
    logins.user_loader(_load)
    csrf = CSRFProtect(app)

    def protect() -> Response | None:
        is_signed_in()  # before anything refuses, since every answer but to an ended session signs the cookie anew
        _refuse_nul()
        # The API knows no cookie, so nobody's browser can be made to use it; nor does a link that says whom it is for.
        if not request.path.startswith(("/api/", UNSUBSCRIBE)):
            csrf.protect()
        keeping_typed.told()
        return keeping_typed.show_again() if is_signed_in() else None

    app.before_request(protect)


def _refuse_nul() -> None:
    """A NUL character is in nothing that people write, and PostgreSQL keeps none."""
    typed = [*request.args.items(multi=True), *(request.form.items(multi=True) if not request.is_json else ())]
    # what is JSON is read by the API, within its own bound
    names = [file.filename or "" for file in request.files.values()] if not request.is_json else []
    if any("\0" in text for text in (request.path, *chain.from_iterable(typed), *names)):
        abort(400)


def _load(cookie_id: str) -> SignedIn | None:
    signed_in = _find(cookie_id)
    if signed_in is None:
        session.pop("_user_id")  # or whoever has a copy could keep it young until its end is forgotten
    return signed_in


def _find(cookie_id: str) -> SignedIn | None:
    person_id, epoch, key = cookie_id.split(":") if cookie_id.count(":") == 2 else ("", "", "")
    if not (person_id.isdecimal() and epoch.isdecimal() and key):
        return None
    now = clock.now()
    values = {"person": int(person_id), "epoch": int(epoch), "key_hash": hash_token(key), **night_values(now)}
    found = identify(_people_of_cookies(), values, now, address())
    return None if found is None else _signed_in(*found[:2], key, judged_night(now, *found[2]).is_late)


@cache
def _people_of_cookies() -> Select[*tuple[Any, ...]]:
    cookie = (Person.id == bindparam("person")) & Person.active & (Person.session_epoch == bindparam("epoch"))
    ended = select(EndedSession.key_hash).where(EndedSession.key_hash == bindparam("key_hash")).exists()
    return people_where(cookie & ~ended, *night_columns())  # every page says whether the night is late


def _signed_in(person: Person, caller: Caller, key: str, night_is_late: bool = False) -> SignedIn:
    return SignedIn(
        person.id, person.session_epoch, key, person.name, caller, night_is_late, person.language, person.time_zone
    )


def sign_in(person: Person) -> None:
    """Begins a session anew: nothing of the one before is kept, and a copy of its cookie opens nothing any more."""
    signed_in = _signed_in(person, caller_of(person, clock.now(), address()), secrets.token_urlsafe(16))
    _end_on_server()
    session.clear()
    session.permanent = True
    login_user(signed_in)
    refresh()  # what is said from here on is said to them


def reads(language: str | None, time_zone: str | None) -> None:
    """Who is signed in reads like this from here on, in this request too."""
    login_user(replace(current_user._get_current_object(), language=language, time_zone=time_zone))


def sign_out() -> None:
    """Ends the session of this browser, in a transaction of its own: a copy of its cookie opens nothing any more."""
    _end_on_server()
    logout_user()
    session.clear()


def _end_on_server() -> None:
    if is_signed_in():
        key, now = current_user.key, clock.now()
        transaction(lambda: end_session(key, now, _END_KEPT))


def is_signed_in() -> bool:
    """Whether somebody is."""
    return bool(current_user.is_authenticated)


def address() -> str:
    """The network address that asks."""
    return (request.remote_addr or "")[:64]


def caller() -> Caller:
    """The caller of this request, made once; 401 when nobody is signed in."""
    if not is_signed_in():
        abort(401)
    made: Caller = current_user.caller
    return made


def config() -> Config:
    """The settings of the service."""
    made: Config = current_app.config["CREDITSVC"]
    return made


def person_name() -> str:
    """The name of who is signed in."""
    return str(current_user.name) if is_signed_in() else ""


def night_is_late() -> bool:
    """Whether the page must say that no night has succeeded for 26 hours."""
    return is_signed_in() and bool(current_user.night_is_late)


def allowed(action: str) -> bool:
    """Whether the page may offer that action (the operation asks again)."""
    return is_signed_in() and may(caller(), action)


def private_pages(name: str, import_name: str) -> Blueprint:
    """A blueprint whose pages need somebody signed in; others are sent to sign in and brought back."""
    PRIVATE.add(name)
    pages = Blueprint(name, import_name)
    pages.before_request(_ask_to_sign_in)
    return pages


def _ask_to_sign_in() -> Response | None:
    if is_signed_in():
        return None
    if request.method == "GET":
        sign_in = url_for("entry.sign_in", next=request.full_path.rstrip("?"))
        return live.after_session(sign_in) or redirect(sign_in, 303)
    sign_in = url_for("entry.sign_in")
    return sign_in_again() or live.after_session(sign_in) or redirect(sign_in, 303)


def sign_in_again() -> Response | None:
    """Where a form of a private page came after its session: the sign-in that keeps what was typed, or the way back to
    the form for who is signed in (again). None where nothing was typed."""
    if request.blueprint not in PRIVATE or not (typed := keeping_typed.typed()):
        return None
    target = keeping_typed.form_address()
    if ended := live.after_session(url_for("entry.sign_in", next=target)):
        return ended
    if is_signed_in():
        return keeping_typed.offer(target, typed, 400)
    return Response(
        render_template("sign_in.html", form=Form(sign_in_labels()), onward=target, typed=typed), 401,
        mimetype="text/html",
    )


def sign_in_labels() -> dict[str, str]:
    """The fields of the sign-in."""
    return {"email": gettext("Mail address"), "password": gettext("Password")}


def safe_next(target: str | None) -> str:
    """An address within this service to go on to, `/` for anything else."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or not target.isprintable():
        return "/"
    parts = urlsplit(target)
    return "/" if parts.scheme or parts.netloc or "\\" in target else target
