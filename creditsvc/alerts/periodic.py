"""The summary of a manager's week and the statement of a founder's month: who wants one, and each of them once.

Nobody gets one who did not ask for it: the nightly mail tells what is urgent, and a statement is on its page at any
time. The night of a Monday, or of a month's first day, makes them; one that was missed is made up for by the next.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, exists, select, update

from creditsvc.alerts.periodic_models import MailSubscription, PeriodicMail
from creditsvc.core.due_alerts import business_day, rhythm_begins
from creditsvc.db import db
from creditsvc.mail.outbox import Draft, queue_all
from creditsvc.parties import trail
from creditsvc.parties.access import MANAGERS, Caller, require_person
from creditsvc.parties.models import Membership, Person
from creditsvc.sets import insert_absent, insert_if_absent

SUMMARY, STATEMENT = "summary", "statement"

RHYTHM_OF = {SUMMARY: "weekly", STATEMENT: "monthly"}


@dataclass(frozen=True)
class Due:
    """A person who is to get such a mail for the week or month that began on the day `period`."""

    mails: str
    period: date
    person_id: int


def mails_for(caller: Caller) -> tuple[str, ...]:
    """Which of these mails the caller may ask for: managers the summary, a startup's people the statement."""
    return (*((SUMMARY,) if caller.role in MANAGERS else ()), *((STATEMENT,) if caller.is_member else ()))


def subscriptions_of(caller: Caller) -> set[str]:
    """Which of these mails the caller asked for."""
    return set(db.session.scalars(
        select(MailSubscription.mails).where(MailSubscription.person_id == (caller.person_id or 0))
    ))


def subscribe(caller: Caller, wanted: Collection[str]) -> None:
    """Keeps which of the mails they may ask for the caller wants; what they may not ask for is left as it is.

    The first is that of the next week or month. Raises Forbidden for who is no person.
    """
    person_id = require_person(caller, "alert.prefer")
    for mails in mails_for(caller):
        _keep(caller, person_id, mails, wanted=mails in wanted)


def end_subscription(caller: Caller, mails: str) -> None:
    """Ends such mails to the caller; a repeat is a no-op. Raises Forbidden for who is no person."""
    _keep(caller, require_person(caller, "alert.prefer"), mails, wanted=False)


def _keep(caller: Caller, person_id: int, mails: str, *, wanted: bool) -> None:
    key = {"person_id": person_id, "mails": mails}
    if wanted:
        changed = insert_if_absent(MailSubscription, {**key, "since": business_day(caller.now)})
    else:
        row = db.session.get(MailSubscription, tuple(key.values()), with_for_update=True)
        changed = row is not None
        db.session.execute(delete(MailSubscription).filter_by(**key))
    if changed:
        trail.record(
            caller, "mail.subscribed" if wanted else "mail.unsubscribed", f"person:{person_id}", after={"mails": mails}
        )
    db.session.flush()


def due_on(day: date) -> list[Due]:
    """Who has not yet had the mail of the week or month of a business day, by kind and person."""
    found: list[Due] = []
    for mails, rhythm in RHYTHM_OF.items():
        period = rhythm_begins(rhythm, day)
        had = exists().where(
            PeriodicMail.person_id == MailSubscription.person_id, PeriodicMail.mails == mails,
            PeriodicMail.period == period,
        )
        people = db.session.scalars(
            select(MailSubscription.person_id).join(Person, Person.id == MailSubscription.person_id)
            .where(MailSubscription.mails == mails, MailSubscription.since < period, Person.active, ~had)
            .order_by(MailSubscription.person_id)
        )
        found += [Due(mails, period, person_id) for person_id in people]
    return found


def startups_of(person_id: int) -> list[int]:
    """The ids of the startups a person belongs to."""
    return list(db.session.scalars(
        select(Membership.startup_id).where(Membership.person_id == person_id).order_by(Membership.startup_id)
    ))


def keep_told(due: Due, draft: Draft | None, mail_from: str, now: datetime) -> int:
    """Queues the mail of a person's week or month, unless that was done, within the caller's transaction; how many.

    Without a draft nothing is sent, and the week or month is over for them. Raises RuleBroken as `outbox.check` does.
    """
    added: Sequence[tuple[int, ...]] = insert_absent(
        PeriodicMail, [{"person_id": due.person_id, "mails": due.mails, "period": due.period}]
    )
    if not added or draft is None:
        return 0
    (mail_id,) = queue_all([draft], mail_from, now)
    db.session.execute(update(PeriodicMail).where(PeriodicMail.id == added[0][0]).values(outbox_id=mail_id))
    return 1
