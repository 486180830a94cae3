"""Who is written to about a startup's own upload, and the mail, queued in the transaction that holds it (A6, U12)."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from creditsvc.config import Config
from creditsvc.core.amounts import MONEY_STEPS
from creditsvc.core.sentences import said
from creditsvc.db import db
from creditsvc.mail import outbox
from creditsvc.mail.export_mails import ExportWaits, render_export_waits
from creditsvc.mail.render import day, gettext_for, money
from creditsvc.parties.access import Caller
from creditsvc.parties.audience import looks_after, people
from creditsvc.parties.models import Person, Startup
from creditsvc.usage.models import ImportRun
from creditsvc.usage.suspicions import OFFERED


def tell_of_upload(caller: Caller, report: Mapping[str, Any], config: Config) -> list[int]:
    """Queues a mail to everybody who looks after the startup whose upload is held; the mails' ids.

    For the transaction that holds it, which an upload goes through once. `report` is what that gave. An address that
    no server would take gets none.
    """
    run = db.session.get_one(ImportRun, report["id"])
    assert run.startup_id is not None
    startup = db.session.get_one(Startup, run.startup_id)
    sent_by = db.session.scalar(select(Person.name).where(Person.email == run.actor)) or run.actor
    drafts = [_draft(run, report, startup, sent_by, one, config) for one in people(looks_after(startup.id))]
    sendable = [draft for draft in drafts if outbox.refusal_of(draft) is None]
    return outbox.queue_all(sendable, config.mail_from, caller.now) if sendable else []


def _draft(
    run: ImportRun, report: Mapping[str, Any], startup: Startup, sent_by: str, to: Person, config: Config
) -> outbox.Draft:
    language = to.language or "en"
    words = gettext_for(language)
    first, last = (day(date.fromisoformat(one), language) for one in report["cover"])
    values: ExportWaits = {
        "person_name": to.name, "startup_name": startup.name, "file": run.name, "first_day": first, "last_day": last,
        "sent_by": sent_by,
        "changes": [
            money(int(Decimal(amount) * MONEY_STEPS), currency, language)
            for currency, amount in report["delta"].items()
        ],
        "suspicions": [str(said(text, words)) for text in report["suspicions"] if text != OFFERED],
        "run_url": f"{config.base_url}/usage/runs/{run.id}", "base_url": config.base_url,
    }
    return outbox.Draft("export-waits", to.email, render_export_waits(values, language), to.id)
