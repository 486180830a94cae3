"""Everybody: the list, one person's page, inviting staff, ending access, a person's data and erasing them."""

import json
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.administration import erasing, person_data, welcoming
from creditsvc.administration.outbox import ended_mails_of
from creditsvc.consulting.consultants import consultants
from creditsvc.db import transaction
from creditsvc.parties import directory, invitations
from creditsvc.parties.access import Caller, may, require
from creditsvc.parties.directory import PersonView
from creditsvc.parties.models import STAFF_ROLES
from creditsvc.parties.schemas import InviteStaffShape, PersonShape
from creditsvc.programmes.models import Programme
from creditsvc.programmes.reading import partners, programmes
from creditsvc.web import session
from creditsvc.web.downloads import download
from creditsvc.web.forms import Form, attempt, posted, submit, submit_once
from creditsvc.web.paging import asked_before

pages = session.private_pages("directory", __name__)


@pages.get("/people")
def listing() -> ResponseReturnValue:
    """Everybody, narrowed by a search or a role, a page at a time."""
    caller = session.caller()
    search, chosen = request.args.get("q", "").strip()[:200], request.args.get("show", "")
    after = request.args.get("after") or None
    rows, onward = directory.list_people(caller, search=search, chosen=chosen, after=after)
    invited = invitations.open_invitations(caller) if may(caller, "people.edit") and after is None else []
    return render_template(
        "directory.html", rows=rows, onward=onward, search=search, chosen=chosen, paged=after is not None,
        invited=invited, now=caller.now,
    )


@pages.get("/people/<int:person_id>")
def one(person_id: int) -> ResponseReturnValue:
    """A person's page."""
    person = directory.find_person(session.caller(), person_id)
    return _page(person, _edit_form(person))


@pages.post("/people/<int:person_id>")
def save(person_id: int) -> ResponseReturnValue:
    """Saves name, role and what goes with it."""
    caller = session.caller()
    require(caller, "people.edit")
    person = directory.find_person(caller, person_id)
    form = posted(_edit_labels(caller))

    def act(values: dict[str, Any]) -> Any:
        return directory.change_person(
            caller, person_id, name=values["name"], role=values["role"], language=values["language"],
            programme_ids=_ticked(caller, form) if values["limited"] else None, partner_id=values["partner"],
            seen=form.value("seen"),
        )

    if submit(form, PersonShape(), act) is None:
        return _page(person, form)
    flash(_("Saved."), "success")
    return redirect(url_for("directory.one", person_id=person_id), 303)


@pages.post("/people/<int:person_id>/deactivate")
def deactivate(person_id: int) -> ResponseReturnValue:
    """Lets a person sign in no more; their sessions and tokens end."""
    caller = session.caller()
    transaction(lambda: directory.deactivate(caller, person_id))
    flash(_("They cannot sign in any more; their sessions and tokens have ended."), "success")
    return redirect(url_for("directory.one", person_id=person_id), 303)


@pages.post("/people/<int:person_id>/activate")
def activate(person_id: int) -> ResponseReturnValue:
    """Lets a person sign in again."""
    caller = session.caller()
    transaction(lambda: directory.activate(caller, person_id))
    flash(_("They can sign in again, with the password they had."), "success")
    return redirect(url_for("directory.one", person_id=person_id), 303)


@pages.get("/people/<int:person_id>/data")
def data(person_id: int) -> ResponseReturnValue:
    """All that is held about a person, as a file of JSON."""
    held = person_data.export_person(session.caller(), person_id)
    content = json.dumps(held, indent=2, ensure_ascii=False)
    return download(content, "application/json", f"person-{person_id}.json")


@pages.get("/people/<int:person_id>/erase")
def erase_form(person_id: int) -> ResponseReturnValue:
    """What erasing a person does, with the field that confirms it."""
    caller = session.caller()
    require(caller, "people.edit")
    return _erase_page(caller, person_id, Form(_erase_labels()))


@pages.post("/people/<int:person_id>/erase")
def erase(person_id: int) -> ResponseReturnValue:
    """Erases a person."""
    caller = session.caller()
    require(caller, "people.edit")
    form = posted(_erase_labels())
    done = attempt(form, lambda: erasing.erase_person(caller, person_id, confirmed=form.value("confirmed")))
    if done is None:
        return _erase_page(caller, person_id, form)
    flash(_("Erased. The book and the trail keep the pseudonym %(pseudonym)s.", pseudonym=done), "success")
    return redirect(url_for("directory.one", person_id=person_id), 303)


@pages.get("/people/invite")
def invite_form() -> ResponseReturnValue:
    """The form that invites somebody to a role in the incubator."""
    caller = session.caller()
    require(caller, "people.edit")
    return _invite_page(caller, Form(_invite_labels(caller)))


@pages.post("/people/invite")
def invite() -> ResponseReturnValue:
    """Invites somebody to a role in the incubator, by mail."""
    caller = session.caller()
    require(caller, "people.edit")
    form = posted(_invite_labels(caller))

    def act(values: dict[str, Any]) -> str:
        sending = invitations.invite_staff(
            caller, email=values["email"], role=values["role"], language=values["language"],
            programme_ids=_ticked(caller, form) if values["limited"] else None, partner_id=values["partner"],
            consultant=values["consultant"],
        )
        welcoming.send(sending, session.config(), caller.now)
        return url_for("directory.listing")

    onward = submit_once(form, InviteStaffShape(), caller, act)
    if onward is None:
        return _invite_page(caller, form)
    flash(_("An invitation is on its way to %(email)s.", email=form.value("email").strip().lower()), "success")
    return redirect(onward, 303)


@pages.post("/people/invitations/<int:invitation_id>/send-again")
def send_again(invitation_id: int) -> ResponseReturnValue:
    """Sends an invitation to a role once more; the link before it ends."""
    caller = session.caller()
    transaction(lambda: welcoming.send(invitations.send_again(caller, invitation_id), session.config(), caller.now))
    flash(_("The invitation is sent again. The link in the mail before it does not work any more."), "success")
    return redirect(url_for("directory.listing"), 303)


@pages.post("/people/invitations/<int:invitation_id>/revoke")
def revoke(invitation_id: int) -> ResponseReturnValue:
    """Ends an invitation to a role."""
    caller = session.caller()
    transaction(lambda: invitations.revoke(caller, invitation_id))
    flash(_("The invitation is revoked: its link does not work any more."), "success")
    return redirect(url_for("directory.listing"), 303)


def _roles_labels(caller: Caller) -> dict[str, str]:
    """The fields that say a role: the role, and what goes with some of them; a tick for each programme."""
    return {
        "role": _("Role"), "limited": _("Of some programmes only"),
        **{f"programme-{one.id}": one.name for one in programmes(caller)}, "partner": _("Partner"),
        "language": _("Language of mails"),
    }


def _edit_labels(caller: Caller) -> dict[str, str]:
    return {"name": _("Name"), **_roles_labels(caller), "seen": ""}


def _invite_labels(caller: Caller) -> dict[str, str]:
    return {"email": _("Mail address"), **_roles_labels(caller), "consultant": _("Signs in as the consultant")}


def _erase_labels() -> dict[str, str]:
    return {"confirmed": _("Mail address of the person, to confirm")}


def _ticked(caller: Caller, form: Form) -> list[int]:
    return [one.id for one in programmes(caller) if form.value(f"programme-{one.id}")]


def _edit_form(person: PersonView) -> Form:
    caller = session.caller()
    ticked = {f"programme-{number}": "true" for number in person.programme_ids or ()}
    return Form(_edit_labels(caller), {
        "name": person.name, "role": person.role or "", "language": person.language or "",
        "partner": str(person.partner_id or ""), "seen": person.seen, **ticked,
        "limited": "true" if person.programme_ids is not None else "",
    })


def _choices(caller: Caller) -> dict[str, Any]:
    known: list[Programme] = programmes(caller)
    return {"roles": STAFF_ROLES, "programmes": known, "partners": partners(caller)}


def _page(person: PersonView, form: Form) -> ResponseReturnValue:
    caller = session.caller()
    before = asked_before()
    entries, onward = directory.trail_of(caller, person.id, before)
    return render_template(
        "person.html", person=person, form=form, entries=entries, onward=onward, before=before,
        mails=ended_mails_of(caller, person.id), own=person.id == caller.person_id, **_choices(caller),
    ), form.status


def _erase_page(caller: Caller, person_id: int, form: Form) -> ResponseReturnValue:
    person = directory.find_person(caller, person_id)
    return render_template("person_erase.html", person=person, form=form), form.status


def _invite_page(caller: Caller, form: Form) -> ResponseReturnValue:
    free = [one for one in consultants(caller, active=True) if one.person_id is None]
    return render_template("staff_invite.html", form=form, consultants=free, **_choices(caller)), form.status
