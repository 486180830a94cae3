"""Nights that do not succeed: the administrators are told, once for each silence, by whichever process sees it (A7)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from creditsvc.alerts.models import NightSilence
from creditsvc.alerts.reading import LastNight, last_night
from creditsvc.core.due_alerts import NIGHT_ZONE
from creditsvc.db import db, insert_if_absent
from creditsvc.languages import LANGUAGES
from creditsvc.mail.night_mails import render_night_silent
from creditsvc.mail.outbox import Draft, queue_all, refusal_of
from creditsvc.mail.session_mails import moment
from creditsvc.parties.models import Person

KIND = "night-silent"


def is_to_tell(now: datetime) -> bool:
    """Whether no night has succeeded for too long and nobody has said so yet. Only reads."""
    last = last_night(now)
    return last.is_late and db.session.get(NightSilence, last.since) is None


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
    drafts = [_draft(person, last, now, base_url) for person in administrators]
    return len(queue_all([draft for draft in drafts if refusal_of(draft) is None], mail_from, now))


def _draft(person: Person, last: LastNight, now: datetime, base_url: str) -> Draft:
    language = person.language or LANGUAGES[0]
    since = last.since or now
    content = render_night_silent({
        "person_name": person.name, "is_first": last.succeeded_at is None,
        "since": moment(since, ZoneInfo(person.time_zone or NIGHT_ZONE.key), language),
        "hours": (now - since) // timedelta(hours=1), "jobs_url": f"{base_url}/jobs", "base_url": base_url,
    }, language)
    return Draft(KIND, person.email, content, person.id)
