"""The mail that tells a startup's people what became of what they hold when they left a cohort (A6)."""

from collections.abc import Sequence
from datetime import datetime

from creditsvc.config import Config
from creditsvc.core.amounts import Unit
from creditsvc.core.days import last_day
from creditsvc.mail import outbox
from creditsvc.mail.leaving_mails import LeftMail, render_cohort_left
from creditsvc.mail.render import day, money
from creditsvc.parties.access import Caller
from creditsvc.parties.audience import belongs_to, people
from creditsvc.parties.models import Startup
from creditsvc.programmes.reading import zone_of_startup

Line = tuple[str, Unit, datetime | None, int, int, str, bool]
"""A holding: resource, unit, its end, what was left, what went back, the way chosen, whether it was over anyway."""


def tell(
    caller: Caller, config: Config, startup: Startup, cohort: str, status: str, sessions: int, lines: Sequence[Line]
) -> list[int]:
    """Queues a mail to each of the startup's people, in the transaction of the act; the mails' ids."""
    zone = zone_of_startup(startup.id)
    drafts = []
    for person in people(belongs_to(startup.id)):
        language = person.language or startup.language
        values: LeftMail = {
            "person_name": person.name, "startup_name": startup.name, "cohort": cohort,
            "is_graduation": status == "graduated", "sessions": sessions,
            "holdings": [
                (resource, money(left, unit.name, language), way, over,
                 None if end is None else day(last_day(end, zone), language))
                for resource, unit, end, left, _back, way, over in lines
            ],
            "startup_url": f"{config.base_url}/startups/{startup.key}", "base_url": config.base_url,
        }
        drafts.append(outbox.Draft("cohort-left", person.email, render_cohort_left(values, language), person.id))
    sendable = [draft for draft in drafts if outbox.refusal_of(draft) is None]
    return outbox.queue_all(sendable, config.mail_from, caller.now) if sendable else []
