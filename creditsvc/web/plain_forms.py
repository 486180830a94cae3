"""Forms that need no page of their own: a title, an explanation, fields in their order, a button, a way back."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import render_template
from flask.typing import ResponseReturnValue

from creditsvc.web.forms import Form


@dataclass(frozen=True)
class Piece:
    """A field of such a form. `kind` is a type of an input, or `choice`, `tick`; `options` are of a choice."""

    name: str
    kind: str = "text"
    help: str = ""
    required: bool = True
    options: Sequence[tuple[str, str]] = ()
    blank: str = ""
    maxlength: int = 0
    inputmode: str = ""


@dataclass(frozen=True)
class Way:
    """A link: where it leads and what it says."""

    href: str
    text: str


def form_page(
    form: Form, pieces: Sequence[Piece], *, title: str, back: Way, button: str, intro: Sequence[str] = (),
    hidden: dict[str, str] | None = None, once: bool = True,
) -> ResponseReturnValue:
    """The page of such a form with its status. `hidden` are values that go along unseen."""
    page = render_template(
        "plain_form.html", form=form, pieces=pieces, title=title, back=back, button=button, intro=intro,
        hidden=hidden or {}, once=once,
    )
    return page, form.status
