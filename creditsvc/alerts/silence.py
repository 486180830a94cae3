"""Nights that do not succeed: the administrators are told, once for each silence, by whichever process sees it (A7)."""

from datetime import datetime, timedelta

from sqlalchemy import select

from creditsvc.alerts.models import NightSilence
from creditsvc.alerts.reading import LastNight, last_night
from creditsvc.core.days import DEFAULT_ZONE, zone_named
from creditsvc.db import db
from creditsvc.languages import LANGUAGES
from creditsvc.mail.night_mails import render_night_silent
from creditsvc.mail.outbox import Draft, queue_all, refusal_of
from creditsvc.mail.session_mails import moment
from creditsvc.parties.models import Person
from creditsvc.sets import insert_if_absent

KIND = "night-silent"


def was_told(last: LastNight) -> bool:
    """Whether the administrators were told of the silence since then. Only reads."""
    return db.session.get(NightSilence, last.since) is not None


def tell_administrators(now: datetime, mail_from: str, base_url: str) -> int:
    """Queues a mail to every administrator, in their language, unless that was done for this silence; how many.

    The row of the silence and its mails are one commit, so that of any number of processes one tells, and all of it.
    An address that no server would take is passed over, so that it keeps no mail from the others.
    """
    last = last_night(now)
    if not last.is_late or last.since is None:
        return 0
    if not insert_if_absent(NightSilence, {"since": last.since, "told_at": now}):
        return 0
    administrators = db.session.scalars(
        select(Person).where(Person.role == "administrator", Person.active).order_by(Person.id)
    )
    drafts = [_draft(person, last, last.since, now, base_url) for person in administrators]
    return len(queue_all([draft for draft in drafts if refusal_of(draft) is None], mail_from, now))


def _draft(person: Person, last: LastNight, since: datetime, now: datetime, base_url: str) -> Draft:
    language = person.language or LANGUAGES[0]
    zone = DEFAULT_ZONE if person.time_zone is None else zone_named(person.time_zone)
    content = render_night_silent({
        "person_name": person.name, "is_first": last.succeeded_at is None,
        "since": moment(since, zone, language),
        "hours": (now - since) // timedelta(hours=1), "jobs_url": f"{base_url}/jobs", "base_url": base_url,
    }, language)
    return Draft(KIND, person.email, content, person.id)
