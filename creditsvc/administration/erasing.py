"""Erasing a person: pages and mails know them no more, the trail and the book keep a pseudonym.

The pseudonym is what hashes of the book and seals of the night read an address as anyway (core/pseudonyms.py), so that
putting it in the address's place leaves every one of them as it is: `creditsvc verify` stays clean.
"""

from collections.abc import Iterable
from html import escape
from typing import Any

from sqlalchemy import Table, delete, func, or_, select, update

from creditsvc.administration.person_data import holds, texts_of
from creditsvc.alerts.models import AlertPreference, AlertRhythm, AlertSnooze, IncubatorSnooze
from creditsvc.alerts.periodic_models import MailSubscription
from creditsvc.consulting.models import BOOKED, Booking, CalendarFeed, Consultant
from creditsvc.core.days import instant_text
from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.core.pseudonyms import PREFIX, pseudonym, values_without_address
from creditsvc.db import Model, db, table_of
from creditsvc.licences.models import WAITING, WITHDRAWN, SeatAssignment, SeatWish
from creditsvc.mail.attachments import forget_attachments
from creditsvc.mail.models import QUEUED, SENDING, UNCERTAIN, OutboxMail
from creditsvc.mail.tending import drop
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require
from creditsvc.parties.models import (
    AnsweredRequest,
    ApiToken,
    Invitation,
    ManagerProgramme,
    Membership,
    PasswordReset,
    Person,
    SavedView,
    SignInAttempt,
)
from creditsvc.parties.reading import person_by_id
from creditsvc.statements.models import Visit

SCRUBBED = "erased"
"""What stands instead of a mail to the person."""


def erase_person(caller: Caller, person_id: int, *, confirmed: str) -> str:
    """Erases a person; `confirmed` is their address, typed again. Their pseudonym. Again does nothing.

    It cannot be undone. What people wrote in free text (reasons, topics, notes) loses the address, not a name.
    Raises Forbidden, NotFound("person"), RuleBroken("confirmed", "not-the-address"), Conflict("", "is-yourself" |
    "has-sessions" | "is-sending").
    """
    require(caller, "people.edit")
    person = person_by_id(person_id, locked=True)
    if person.email.startswith(PREFIX):
        return person.email
    if person.id == caller.person_id:
        raise Conflict("", "is-yourself", "You cannot erase yourself: another administrator can.")
    if confirmed.strip().lower() != person.email:
        raise RuleBroken("confirmed", "not-the-address", "Write the mail address of the person who is to be erased.")
    _refuse_with_sessions(caller, person)
    address, name, mine = person.email, person.name, pseudonym(person.email)
    _end_access(caller, person)
    _scrub_mails(caller, person)
    _wait_no_more(caller, person)
    _scrub_names(person, mine)
    taken = db.session.scalar(select(Person.id).where(Person.email == mine))
    person.email = mine if taken is None else f"{mine}-{person.id}"  # erased before, and came back
    person.name = person.email
    db.session.flush()
    for table in Model.metadata.sorted_tables:
        _rewrite(table, address)
    _rewrite_name_in_mails(name, mine)
    db.session.expire_all()
    trail.record(caller, "person.erased", f"person:{mine}")
    return mine


def _refuse_with_sessions(caller: Caller, person: Person) -> None:
    """A consultant whose sessions are still to come is not erased: startups wait for them, and nobody would tell.

    Locks the consultant, as booking does, so that none is added meanwhile.
    """
    consultant_id = db.session.scalar(select(Consultant.id).where(Consultant.person_id == person.id).with_for_update())
    if consultant_id is None:
        return
    count, first = db.session.execute(
        select(func.count(), func.min(Booking.starts)).where(
            Booking.consultant_id == consultant_id, Booking.state == BOOKED, Booking.ends > caller.now
        )
    ).one()
    if count:
        raise Conflict(
            "", "has-sessions",
            "Sessions with this consultant are still to come, %(count)s in all, the first at %(first)s: cancel them "
            "first, and book others with somebody else.", count=count, first=instant_text(first),
        )


def _end_access(caller: Caller, person: Person) -> None:
    """No session, token, link or calendar of theirs opens anything, and no role or membership is left."""
    person.active, person.password_hash, person.role, person.partner_id = False, None, None, None
    person.limited_to_programmes, person.language, person.time_zone = False, None, None
    person.session_epoch += 1
    db.session.flush()
    for model in (
        Membership, ManagerProgramme, PasswordReset, AlertPreference, AlertRhythm, AlertSnooze, IncubatorSnooze,
        AnsweredRequest, MailSubscription, SavedView, Visit,
    ):
        db.session.execute(delete(model).where(table_of(model).c.person_id == person.id))
    db.session.execute(delete(SignInAttempt).where(SignInAttempt.email == person.email))
    for revoked, of_them in (
        (ApiToken, ApiToken.person_id == person.id), (CalendarFeed, CalendarFeed.created_by == person.email),
        (Invitation, (Invitation.email == person.email) & Invitation.accepted_at.is_(None)),
    ):
        column = table_of(revoked).c.revoked_at
        db.session.execute(update(revoked).where(of_them, column.is_(None)).values(revoked_at=caller.now))


def _scrub_mails(caller: Caller, person: Person) -> None:
    """Mails to them say nothing any more; what waited is not sent. Raises Conflict("", "is-sending")."""
    theirs = or_(OutboxMail.person_id == person.id, OutboxMail.to_address == person.email)
    mails = db.session.scalars(select(OutboxMail).where(theirs).with_for_update()).all()
    if any(mail.state == SENDING for mail in mails):
        raise Conflict("", "is-sending", "A mail to this person is being sent right now: try again in a minute.")
    for mail in mails:
        if mail.state in (QUEUED, UNCERTAIN):
            drop(mail, SCRUBBED)
        mail.subject = mail.text = mail.html = SCRUBBED
        mail.calendar, mail.unsubscribe_url, mail.last_error = None, None, None
    forget_attachments([mail.id for mail in mails])
    db.session.flush()


def _wait_no_more(caller: Caller, person: Person) -> None:
    """Or a seat would go to nobody, before those who wait behind them."""
    waits = (SeatWish.email == person.email) & (SeatWish.state == WAITING)
    db.session.execute(update(SeatWish).where(waits).values(state=WITHDRAWN, settled_at=caller.now))


def _scrub_names(person: Person, mine: str) -> None:
    """Names that stand beside the address, and as a consultant."""
    for model in (SeatAssignment, SeatWish):
        db.session.execute(update(model).where(table_of(model).c.email == person.email).values(name=mine))
    db.session.execute(
        update(Consultant).where(Consultant.person_id == person.id).values(name=mine, active=False, person_id=None)
    )


def _rewrite(table: Table, address: str) -> None:
    """Puts the pseudonym wherever the address stands in a table."""
    columns = texts_of(table)
    if not columns:
        return
    keys = list(table.primary_key.columns)
    found = select(*keys, *columns).where(or_(*(holds(column, address) for column in columns)))
    rows = db.session.execute(found).mappings().all()
    for row in rows:
        changed = _changed({column.name: row[column.name] for column in columns}, address)
        if changed:
            db.session.execute(
                update(table).where(*(key == row[key.name] for key in keys)).values(changed),
                execution_options={"synchronize_session": False},
            )


def _changed(values: dict[str, Any], address: str) -> dict[str, Any]:
    after = {name: values_without_address(value, address) for name, value in values.items()}
    return {name: value for name, value in after.items() if value != values[name]}


def _rewrite_name_in_mails(name: str, mine: str) -> None:
    """Puts the pseudonym for the whole name in mails that others got; digests name nobody."""
    table = table_of(OutboxMail)
    spelled = {name, escape(name, quote=False)}
    columns = [table.c[each] for each in ("subject", "text", "html", "calendar")]
    names_people = table.c.kind != "digest"
    has_name = or_(*(column.contains(one, autoescape=True) for column in columns for one in spelled))
    for row in db.session.execute(select(table.c.id, *columns).where(names_people, has_name)).mappings().all():
        changed = {c.name: _replaced(row[c.name], spelled, mine) for c in columns}
        db.session.execute(update(table).where(table.c.id == row["id"]).values(changed))


def _replaced(text: str | None, spelled: Iterable[str], mine: str) -> str | None:
    for one in sorted(spelled, key=len, reverse=True):
        text = None if text is None else text.replace(one, mine)
    return text
