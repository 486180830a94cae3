"""A startup's seats: who sits where and who waits; assign, paste a list, release, transfer, import and export."""

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from creditsvc.core.errors import FileRefused, RuleBroken
from creditsvc.core.file_names import file_name
from creditsvc.core.spreadsheets import CSV, XLSX
from creditsvc.ledger.reading import holdings_of
from creditsvc.licences import bulk, seats, sheets, waiting
from creditsvc.licences.keyring import keyring_of
from creditsvc.licences.keys import reveal_key
from creditsvc.licences.reading import Holding, find_seat, holdings_of_seats, list_seats
from creditsvc.licences.seat_schemas import (
    AssignShape,
    FilterShape,
    MoveShape,
    PasteShape,
    PlaceShape,
    TransferShape,
)
from creditsvc.parties.access import may_with, require_startup
from creditsvc.parties.models import Startup
from creditsvc.web import session
from creditsvc.web.downloads import download
from creditsvc.web.forms import Form, attempt, posted, shape, submit, submit_once, text_of
from creditsvc.web.session import config

pages = session.private_pages("seats", __name__)


@pages.get("/startups/<key>/seats")
def listing(key: str) -> ResponseReturnValue:
    """What the startup has of each product, who sits where until when, and who waits."""
    caller = session.caller()
    startup, views = holdings_of(caller, key, caller.now)
    rows = list_seats(caller, startup=key)
    standing = [row for row in rows if row.state(caller.now) in ("taken", "to-come")]
    return render_template(
        "seats.html", startup=startup, holdings=holdings_of_seats(views), seats=standing, now=caller.now,
        former=[row for row in rows if row not in standing], wishes=waiting.wishes_of(caller, startup=key),
        may_assign=may_with(caller, "seat.assign", startup), own_email=caller.actor,
    )


def _open(key: str) -> tuple[Startup, list[Holding]]:
    """A startup whose seats the caller may give, with what it has."""
    caller = session.caller()
    startup = require_startup(caller, "seat.assign", key)
    return startup, holdings_of_seats(holdings_of(caller, key, caller.now)[1])


def _page(template: str, key: str, form: Form, **more: Any) -> ResponseReturnValue:
    startup, holdings = _open(key)
    return render_template(template, startup=startup, holdings=holdings, form=form, **more), form.status


@pages.route("/startups/<key>/seats/assign", methods=["GET", "POST"])
def assign(key: str) -> ResponseReturnValue:
    """Gives somebody a seat, or puts them on the waiting list."""
    caller = session.caller()
    require_startup(caller, "seat.assign", key)
    form = posted({
        "product": _("Product"), "email": _("Mail address"), "name": _("Name"), "from": _("First day"),
        "until": _("Last day"), "note": _("Note"), "wait": _("Put on the waiting list when no seat is free"),
        "new_key": _("Take a new licence key"),
    })

    def act(values: dict[str, Any]) -> str:
        try:
            seats.assign(caller, startup=key, **values)
        except RuleBroken as refusal:
            # who waits gets a key of the grant, so that a new one is only ever given at once
            if refusal.code not in ("none-free", "no-free-key") or not form.value("wait") or values["new_key"]:
                raise
            waiting.wait(caller, config(), startup=key, product=values["product"], grant=values["grant"],
                         email=values["email"], name=values["name"])
            return url_for("seats.listing", key=key, _anchor="waiting")
        return url_for("seats.listing", key=key)

    if request.method == "POST":
        onward = submit_once(form, AssignShape(), caller, act)
        if onward is not None:
            waits = onward.endswith("#waiting")
            flash(_("No seat is free: they wait for the next one.") if waits else _("The seat is assigned."), "success")
            return redirect(onward, 303)
    elif request.args.get("product"):
        form.typed["product"] = request.args["product"]
    return _page("seat_assign.html", key, form)


@pages.route("/startups/<key>/seats/paste", methods=["GET", "POST"])
def paste(key: str) -> ResponseReturnValue:
    """Seats the people of a pasted list, and says of each line what happened."""
    caller = session.caller()
    require_startup(caller, "seat.assign", key)
    form = posted({
        "product": _("Product"), "people": _("People"), "from": _("First day"), "until": _("Last day"),
        "otherwise": _("Where no seat is free"), "new_key": _("Take a new licence key"),
    })
    if request.method != "POST":
        return _page("seats_paste.html", key, form)

    def act(values: dict[str, Any]) -> list[bulk.Outcome]:
        people = bulk.read_people(values.pop("people"))
        return bulk.assign_all(caller, config(), startup=key, people=people, **values)

    outcomes = submit(form, PasteShape(), act)
    if outcomes is None:
        return _page("seats_paste.html", key, form)
    return _page("seats_pasted.html", key, form, outcomes=outcomes, text_of=text_of)


@pages.route("/startups/<key>/seats/release", methods=["GET", "POST"])
def release_many(key: str) -> ResponseReturnValue:
    """Shows the seats that a filter finds, and releases those that stay ticked."""
    caller = session.caller()
    startup = require_startup(caller, "seat.assign", key)
    labels = {"product": _("Product"), "grant": _("Grant"), "domain": _("Domain of the mail address"),
              "unused_since": _("Not used since")}
    form = Form(labels, {name: request.args.get(name, "") for name in labels})
    if request.method == "POST":
        chosen = [int(value) for value in request.form.getlist("seat")
                  if value.isascii() and value.isdigit() and len(value) < 20]
        count = attempt(form, lambda: bulk.release_all(caller, config(), startup=key, seat_ids=chosen))
        if count is not None:
            flash(ngettext("%(num)s seat is released.", "%(num)s seats are released.", count), "success")
            return redirect(url_for("seats.listing", key=key), 303)
    values = shape(form, FilterShape()) or {}
    found = [] if not any(values.values()) else bulk.matching_seats(caller, startup=startup.key, **values)
    return _page("seats_release.html", key, form, found=found, asked=any(values.values()), now=caller.now)


@pages.route("/startups/<key>/seats/move", methods=["GET", "POST"])
def move(key: str) -> ResponseReturnValue:
    """Moves the people of a grant to its successor."""
    caller = session.caller()
    require_startup(caller, "seat.assign", key)
    form = posted({"grant": _("From the grant"), "to": _("To the grant"), "at": _("On")})
    if request.method == "POST":

        def act(values: dict[str, Any]) -> list[str]:
            return [paper.email for paper in seats.move(caller, startup=key, **values)]

        moved = submit(form, MoveShape(), act)
        if moved is not None:
            flash(ngettext("%(num)s person moves.", "%(num)s people move.", len(moved)), "success")
            return redirect(url_for("seats.listing", key=key), 303)
    return _page("seats_move.html", key, form)


@pages.get("/startups/<key>/seats/export/<kind>")
def export(key: str, kind: str) -> ResponseReturnValue:
    """The seats as a file."""
    caller = session.caller()
    rows = list_seats(caller, startup=key)
    if kind == "csv":
        return download(sheets.seats_csv(rows, caller.now), CSV, f"{key}-seats.csv")
    if kind == "xlsx":
        return download(sheets.seats_xlsx(rows, caller.now), XLSX, f"{key}-seats.xlsx")
    abort(404)


@pages.route("/startups/<key>/seats/import", methods=["GET", "POST"])
def bring(key: str) -> ResponseReturnValue:
    """Seats the people of a file, all or nobody."""
    caller = session.caller()
    require_startup(caller, "seat.assign", key)
    form = posted({"file": _("File")})
    if request.method == "POST":
        count = _bring(form, key)
        if count is not None:
            flash(ngettext("%(num)s person is seated.", "%(num)s people are seated.", count), "success")
            return redirect(url_for("seats.listing", key=key), 303)
    return _page("seats_import.html", key, form)


def _bring(form: Form, key: str) -> int | None:
    file = request.files.get("file")
    if file is None or not file.filename:
        form.refuse("file", _("Choose a file."))
        return None
    caller, name = session.caller(), file_name(file.filename)
    try:
        rows = sheets.read_seats(name, file.stream.read(sheets.LARGEST_FILE + 1))
        return attempt(form, lambda: sheets.import_seats(caller, startup=key, name=name, rows=rows))
    except FileRefused as refusal:
        form.show_file(refusal)
    return None


@pages.post("/seats/<int:seat_id>/release")
def release(seat_id: int) -> ResponseReturnValue:
    """Frees a seat from now on."""
    caller = session.caller()
    return _then_list(lambda: find_seat(caller, seat_id).startup,
                      lambda: seats.release(caller, config(), seat_id), _("The seat is free."))


@pages.route("/seats/<int:seat_id>/transfer", methods=["GET", "POST"])
def transfer(seat_id: int) -> ResponseReturnValue:
    """Gives a seat to somebody else."""
    caller = session.caller()
    seat = find_seat(caller, seat_id)
    require_startup(caller, "seat.assign", seat.startup)
    form = posted({"email": _("Mail address"), "name": _("Name"), "at": _("From")})
    if request.method == "POST":

        def act(values: dict[str, Any]) -> str:
            seats.transfer(caller, seat_id, **values)
            return url_for("seats.listing", key=seat.startup)

        onward = submit_once(form, TransferShape(), caller, act)
        if onward is not None:
            flash(_("The seat has a new holder."), "success")
            return redirect(onward, 303)
    return _page("seat_transfer.html", seat.startup, form, seat=seat)


@pages.post("/seats/<int:seat_id>/key")
def key(seat_id: int) -> ResponseReturnValue:
    """Shows a seat's key to whom it belongs and to managers; each showing is in the trail, so it takes a button."""
    caller = session.caller()
    seat, form = find_seat(caller, seat_id), Form({})
    text = attempt(form, lambda: reveal_key(caller, keyring_of(config()), seat_id))
    return render_template("seat_key.html", seat=seat, text=text, form=form), form.status


@pages.post("/seat-wishes/<int:wish_id>/place")
def place(wish_id: int) -> ResponseReturnValue:
    """Puts somebody at another place of the waiting list."""
    caller, form = session.caller(), posted({"place": _("Place")})
    startup = waiting.find_wish(caller, wish_id).startup
    require_startup(caller, "seat.rank", startup)
    done = submit(form, PlaceShape(), lambda values: waiting.put_in_place(caller, wish_id, values["place"]))
    return _told(startup, form, done is not None, _("The order is changed."))


@pages.post("/seat-wishes/<int:wish_id>/withdraw")
def withdraw(wish_id: int) -> ResponseReturnValue:
    """Takes somebody from the waiting list."""
    caller = session.caller()
    return _then_list(lambda: waiting.find_wish(caller, wish_id).startup,
                      lambda: waiting.withdraw(caller, wish_id), _("They wait no more."))


@pages.post("/seat-wishes/<int:wish_id>/seat")
def seat_by_hand(wish_id: int) -> ResponseReturnValue:
    """Seats somebody before those in front of them."""
    caller = session.caller()
    return _then_list(lambda: waiting.find_wish(caller, wish_id).startup,
                      lambda: waiting.seat_by_hand(caller, config(), wish_id), _("They have a seat and are told."))


def _then_list(whose: Callable[[], str], act: Callable[[], object], done: str) -> ResponseReturnValue:
    startup, form = whose(), Form({})

    def acted() -> bool:
        act()
        return True

    return _told(startup, form, bool(attempt(form, acted)), done)


def _told(startup: str, form: Form, is_done: bool, done: str) -> ResponseReturnValue:
    """Back to the list, with what came of it."""
    if is_done:
        flash(done, "success")
    else:
        flash(" ".join([*form.general, *(text for texts in form.errors.values() for text in texts)]), "danger")
    return redirect(url_for("seats.listing", key=startup), 303)
