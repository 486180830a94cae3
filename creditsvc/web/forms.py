"""Between a marshmallow schema and an HTML form: what was typed is kept, each refusal stands at its field."""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, TypeVar

from flask import request
from flask_babel import gettext, ngettext
from marshmallow import EXCLUDE, Schema, ValidationError

from creditsvc.core.days import parse_day
from creditsvc.core.errors import Conflict, FileRefused, RuleBroken
from creditsvc.db import transaction
from creditsvc.parties.access import Caller
from creditsvc.parties.once import Answer, do_once, fingerprint
from creditsvc.web.keeping_typed import typed_before
from creditsvc.web.shape_words import refusals

T = TypeVar("T")


class Form:
    """What was typed into a form, and what is wrong with it. `labels` names its fields in their order."""

    def __init__(self, labels: Mapping[str, str], typed: Mapping[str, str] | None = None) -> None:
        self.labels = labels
        self.typed = dict(typed or {})
        self.errors: dict[str, list[str]] = {}
        self.general: list[str] = []
        self.status = 200
        self.stands: dict[str, str] = {}  # what somebody else has put there since the form was filled
        self.seen = ""  # the mark of what it was filled from, sent with it
        self._typed_before = typed_before(self.labels)
        before: Mapping[str, str] = self._typed_before or {}
        self.once_key = before.get("once_key") or uuid.uuid4().hex  # sent with it: twice does it once

    def value(self, name: str) -> str:
        """What the field shows."""
        if self._typed_before is not None and name in self.labels:
            return self._typed_before.get(name, "")
        return self.typed.get(name, "")

    def fill(self, stands: Mapping[str, str]) -> None:
        """Shows what stands, and marks it, so that `refuse_changed` sees when it stands no more."""
        self.typed |= stands
        self.seen = request.form.get("seen") or mark_of(stands)  # what is shown again keeps its mark

    def refuse_changed(self, stands: Mapping[str, str]) -> None:
        """Raises Conflict("", "changed-meanwhile") where another than what the form was filled from stands now.

        For `transaction`, once what is to change is locked. What was typed is kept, each field says what stands, and
        the form counts as filled from that: sent again, it is a change of what was seen.
        """
        now = mark_of(stands)
        if self.seen and self.seen != now:
            self.stands, self.seen = dict(stands), now
            raise Conflict(
                "", "changed-meanwhile",
                "Somebody else has changed this since you opened the page. What stands now is shown here, and what you "
                "typed is kept: send it again if it is still what you want.",
            )

    def error(self, name: str) -> list[str]:
        """What is wrong at the field."""
        return self.errors.get(name, [])

    @property
    def is_refused(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.errors or self.general)

    def refuse(self, name: str, message: str) -> None:
        """Puts a refusal at its field, or at the top where the form has no such field."""
        self.status = max(self.status, 422)
        if name in self.labels:
            self.errors.setdefault(name, []).append(message)
        else:
            self.general.append(message)

    def show(self, error: RuleBroken) -> None:
        """Shows an operation's refusal."""
        if error.code == "key-reused":
            self.once_key = uuid.uuid4().hex
            self.refuse("", gettext("This form was sent before with other content, and that was done. Send it again "
                                    "only if this is to be done as well."))
        else:
            self.refuse(error.field, text_of(error))
        if isinstance(error, Conflict):
            self.status = 409


    def show_file(self, refusal: FileRefused, name: str = "") -> None:
        """Shows why a file is refused, at its field."""
        for fault in refusal.errors:
            self.refuse(name, fault.said(gettext))
        if refusal.more:
            self.refuse(name, ngettext("and %(num)s more", "and %(num)s more", refusal.more))


def posted(labels: Mapping[str, str]) -> Form:
    """The form as it was sent; empty when it was not sent yet."""
    form = Form(labels, {name: request.form.get(name, "") for name in labels})
    form.once_key = request.form.get("once_key") or form.once_key
    form.seen = request.form.get("seen", "")
    return form


def mark_of(stands: Mapping[str, str]) -> str:
    """The mark of what stands, for a form that is a button alone and so is not filled (`Form.seen`)."""
    return hashlib.sha256(json.dumps(stands, sort_keys=True).encode()).hexdigest()[:16]


def text_of(error: RuleBroken) -> str:
    """A refusal as a sentence in the reader's language; also what another refusal says within it."""
    sentence = error.sentence.said(gettext)
    return sentence[:1].upper() + sentence[1:]


def shape(form: Form, schema: Schema) -> dict[str, Any] | None:
    """The values when their shape is right, else None with the refusals in the form. What is left blank is absent."""
    given = {name: value.strip() if name != "password" else value for name, value in form.typed.items()}
    given = {name: value for name, value in given.items() if value}
    try:
        values: dict[str, Any] = schema.load(given, unknown=EXCLUDE)
    except ValidationError as error:
        for name, messages in error.messages_dict.items():
            for refusal in refusals(messages):
                form.refuse(str(name), refusal)
        return None
    return values


def submit(form: Form, schema: Schema, act: Callable[[dict[str, Any]], T]) -> T | None:
    """Checks the shape, then does the act in the transaction; None with the refusals in the form when it is refused."""
    values = shape(form, schema)
    return None if values is None else attempt(form, lambda: act(values))


def attempt(form: Form, act: Callable[[], T]) -> T | None:
    """Does the act in the transaction; None with its refusal in the form."""
    try:
        return transaction(act)
    except RuleBroken as error:
        form.show(error)
        return None


def submit_once(form: Form, schema: Schema, caller: Caller, act: Callable[[dict[str, Any]], str]) -> str | None:
    """Like `submit` for an act that must not be done twice: the same form sent again gives the first answer.

    `act` returns the address to go on to.
    """
    asked = fingerprint(request.path, form.typed)

    def act_once(values: dict[str, Any]) -> str:
        key = f"form:{form.once_key}"
        return do_once(caller, key, asked, lambda: Answer(303, location=act(values))).location

    return submit(form, schema, act_once)


def typed_day(form: Form, name: str) -> date | None:
    """The day that stands in a field; None for an empty one, and for one that is no day, which is refused there."""
    try:
        return parse_day(form.value(name).strip(), name) if form.value(name).strip() else None
    except RuleBroken as refusal:
        form.show(refusal)
        return None


def asked_period(first: date, last: date, most: timedelta) -> tuple[Form, date, date]:
    """The days that an address asks for (`from`, `to`), or those given; refusals in the form, also of more than `most`.
    """
    typed = {
        "from": request.args.get("from") or first.isoformat(), "to": request.args.get("to") or last.isoformat()
    }
    form = Form({"from": gettext("From"), "to": gettext("To")}, typed)
    try:
        first, last = parse_day(typed["from"], "from"), parse_day(typed["to"], "to")
    except RuleBroken as error:
        form.show(error)
        return form, first, last
    if last < first:
        form.refuse("to", gettext("The last day is before the first."))
    elif last - first > most:
        form.refuse("from", gettext("At most %(days)d days can be shown at once.", days=most.days))
    return form, first, last
