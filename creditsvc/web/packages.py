"""Packages of a programme: a new one, and a new version of one. A line is a row of the form; blank rows are none."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from marshmallow import Schema

from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.grants.reading import pools
from creditsvc.parties.access import Caller
from creditsvc.programmes.changes import change_package, terms_of
from creditsvc.programmes.operations import add_package, own_programme
from creditsvc.programmes.packages import LineTerms
from creditsvc.programmes.reading import find_package, line_views
from creditsvc.programmes.schemas import MOST_LINES, PackageEditShape, PackageShape
from creditsvc.web import session
from creditsvc.web.forms import Form, posted, submit_once
from creditsvc.web.show import unit_word

pages = session.private_pages("packages", __name__)

SPARE = 3
"""How many blank rows follow those that say something; without a script that is how a line is added."""


@pages.route("/programmes/<key>/new-package", methods=["GET", "POST"])
def new(key: str) -> ResponseReturnValue:
    """Makes a package."""
    caller = session.caller()
    own_programme(caller, key)
    form = _form({"key": _("Key")}, [])
    if request.method == "POST":

        def make(values: dict[str, Any]) -> object:
            return add_package(caller, programme=key, key=values["key"], lines=_lines(form))

        onward = _send(form, PackageShape(), caller, key, make)
        if onward is not None:
            flash(_("The package is added."), "success")
            return redirect(onward, 303)
    return _page(caller, form, key, None, 1)


@pages.route("/programmes/<key>/packages/<package>/edit", methods=["GET", "POST"])
def edit(key: str, package: str) -> ResponseReturnValue:
    """States a new version of a package."""
    caller = session.caller()
    found = find_package(own_programme(caller, key).id, package)
    if found is None:
        raise NotFound("package", package)
    stands = found.version  # a refusal ends what was read
    form = _form({"reason": _("Reason")}, [terms_of(view) for view in line_views(found.id)])
    form.typed["version"] = request.form.get("version") or str(stands)
    if request.method == "POST":

        def change(values: dict[str, Any]) -> object:
            return change_package(
                caller, programme=key, key=package, lines=_lines(form), reason=values["reason"],
                version=values["version"],
            )

        onward = _send(form, PackageEditShape(), caller, key, change)
        if onward is not None:
            flash(_("The new version stands for enrolments made from now on."), "success")
            return redirect(onward, 303)
    return _page(caller, form, key, package, stands)


def _send(
    form: Form, shape: Schema, caller: Caller, key: str, act: Callable[[dict[str, Any]], object]
) -> str | None:
    def acted(values: dict[str, Any]) -> str:
        act(values)
        return url_for("programmes.one", key=key)

    onward = submit_once(form, shape, caller, acted)
    if onward is None:
        form.errors = {_in_row(form, name): messages for name, messages in form.errors.items()}
    return onward


def _in_row(form: Form, name: str) -> str:
    """A refusal names a line by its place among those that say something; the form by its row."""
    if not name.startswith("lines["):
        return name
    place, _dot, field = name.removeprefix("lines[").partition("].")
    return f"lines[{_rows(form)[int(place)]}].{'pool' if field == 'resource' else field}"


def _form(labels: dict[str, str], lines: Sequence[LineTerms]) -> Form:
    """The form with what was sent, else with what stands."""
    rows = MOST_LINES if request.method == "POST" else len(lines) + SPARE
    words = {"pool": _("Pool"), "amount": _("Amount"), "months": _("Months"), "monthly": _("Each month anew")}
    for row in range(rows):
        for field, text in words.items():
            labels[f"lines[{row}].{field}"] = _("Line %(number)s, %(field)s", number=row + 1, field=text)
    form = posted(labels)
    if request.method != "POST":
        for row, line in enumerate(lines):
            values = {"pool": f"{line.resource} {line.pool}", "amount": line.amount, "months": str(line.months),
                      "monthly": "true" if line.monthly else ""}
            form.typed.update({f"lines[{row}].{field}": value for field, value in values.items()})
    return form


def _rows(form: Form) -> list[int]:
    return [row for row in range(MOST_LINES) if any(
        form.value(f"lines[{row}].{field}").strip() for field in ("pool", "amount", "months")
    )]


def _lines(form: Form) -> list[LineTerms]:
    """The lines that say something. Raises RuleBroken at `lines[n].months`, `lines[n].pool`."""
    lines = []
    for number, row in enumerate(_rows(form)):
        typed = {field: form.value(f"lines[{row}].{field}").strip() for field in ("pool", "amount", "months")}
        resource, _space, pool = typed["pool"].partition(" ")
        if not pool:
            raise RuleBroken(f"lines[{number}].pool", "missing", "Choose the pool.")
        if not (typed["months"].isascii() and typed["months"].isdecimal()) or len(typed["months"]) > 6:
            raise RuleBroken(f"lines[{number}].months", "not-a-number", "Write a whole number of months.")
        lines.append(LineTerms(
            resource, pool, typed["amount"], int(typed["months"]), bool(form.value(f"lines[{row}].monthly"))
        ))
    return lines


def _page(caller: Caller, form: Form, key: str, package: str | None, version: int) -> ResponseReturnValue:
    options = [
        (f"{pool.resource} {pool.key}", f"{pool.key}: {pool.resource_name} ({unit_word(pool.unit.name)})")
        for pool in pools(caller)
    ]
    known = {value for value, _text in options}
    used = [form.value(f"lines[{row}].pool") for row in _rows(form)]
    options += [(value, _("%(pool)s, to follow", pool=value)) for value in dict.fromkeys(used)
                if value and value not in known]
    rows = range(min(MOST_LINES, max([0, *(row + 1 for row in _rows(form))]) + SPARE))
    page = render_template(
        "package_form.html", form=form, programme=key, package=package, version=version, options=options, rows=rows,
    )
    return page, form.status
