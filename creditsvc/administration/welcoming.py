"""Invitations with all that goes with them: the mail that brings the link, and the consultant somebody signs in as."""

from datetime import datetime

from sqlalchemy import select

from creditsvc.config import Config
from creditsvc.consulting.models import Consultant
from creditsvc.core.days import DEFAULT_ZONE
from creditsvc.db import db
from creditsvc.mail.outbox import queue
from creditsvc.mail.render import render_invitation
from creditsvc.parties import trail
from creditsvc.parties.access import Caller
from creditsvc.parties.invitations import Sending
from creditsvc.parties.models import Person


def send(sending: Sending, config: Config, now: datetime) -> int:
    """Queues the mail of an invitation, whose link leads to the page `/invitations/<token>`; its id in the outbox.

    Raises RuleBroken("to_address", "not-an-address").
    """
    content = render_invitation(
        {
            "startup_name": sending.startup, "inviter_name": sending.inviter, "role": sending.role,
            "invitation_url": f"{config.base_url}/invitations/{sending.token}",
            "last_day": sending.expires_at.astimezone(DEFAULT_ZONE).date(), "base_url": config.base_url,
        },
        sending.language,
    )
    return queue(
        kind="invitation", to_address=sending.email, content=content, mail_from=config.mail_from, now=now
    )


def sign_in_as_consultant(caller: Caller, person: Person, key: str | None) -> bool:
    """Lets the person sign in as the consultant of that key, unless somebody does already; whether it was done.

    For the link of an invitation that names one: the person may not edit consultants, the administrator said it for
    them.
    """
    if key is None or person.role != "consultant":
        return False
    free = select(Consultant).where(Consultant.key == key, Consultant.person_id.is_(None)).with_for_update()
    consultant = db.session.scalar(free.execution_options(populate_existing=True))
    mine = db.session.scalar(select(Consultant.id).where(Consultant.person_id == person.id))
    if consultant is None or mine is not None:
        return False
    consultant.person_id = person.id
    db.session.flush()
    trail.record(caller, "consultant.changed", f"consultant:{key}", before={"email": None}, after={
        "email": person.email
    })
    return True
