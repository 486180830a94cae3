"""Mails that tell of a seat that freed: the person who waited for it, and the startup's owners, each once."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import select

from creditsvc.config import Config
from creditsvc.core.days import day_of, last_day
from creditsvc.db import db
from creditsvc.ledger.seats import clipped
from creditsvc.licences.desk import Desk, Placed
from creditsvc.mail import outbox
from creditsvc.mail.outbox import Draft
from creditsvc.mail.render import SeatFreed, render_seat_freed
from creditsvc.parties.audience import owns
from creditsvc.parties.audience import people as people_who
from creditsvc.parties.models import Person
from creditsvc.programmes.reading import zone_of_startup


def tell_seated(desk: Desk, config: Config, placed: Sequence[Placed]) -> None:
    """Queues a mail to everybody who was seated, and to each owner for each of them, in the same transaction.

    In a person's own language, else the startup's. Where an owner was seated, they get the one mail. An address that
    no server would take gets none: it must not keep others from their seats.
    """
    emails = {one.wanted.email for one in placed}
    people = {person.email: person for person in db.session.scalars(select(Person).where(Person.email.in_(emails)))}
    owners = people_who(owns(desk.startup.id))
    zone = zone_of_startup(desk.startup.id)
    drafts: list[Draft] = []
    for one in placed:
        values, holder = _values(desk, one, config, zone), people.get(one.wanted.email)
        drafts.append(_draft(values, one.wanted.email, one.wanted.name, holder, desk))
        drafts += [
            _draft(values, owner.email, owner.name, owner, desk) for owner in owners if owner.email != one.wanted.email
        ]
    sendable = [draft for draft in drafts if outbox.refusal_of(draft) is None]
    if sendable:
        outbox.queue_all(sendable, config.mail_from, desk.caller.now)


def _values(desk: Desk, one: Placed, config: Config, zone: ZoneInfo) -> SeatFreed:
    end = clipped(one.terms.until_at, one.lot.lot)
    return {
        "person_name": "", "is_holder": False, "holder_name": one.wanted.name, "holder_email": one.wanted.email,
        "startup_name": desk.startup.name, "product": desk.product.title,
        "first_day": day_of(one.terms.from_at, zone), "last_day": None if end is None else last_day(end, zone),
        "delivery": desk.product.delivery, "portal": desk.product.portal, "base_url": config.base_url,
    }


def _draft(values: SeatFreed, email: str, name: str, person: Person | None, desk: Desk) -> Draft:
    mine: SeatFreed = {**values, "person_name": name, "is_holder": email == values["holder_email"]}
    language = (person.language if person is not None else None) or desk.startup.language
    return Draft("seat-freed", email, render_seat_freed(mine, language), None if person is None else person.id)
