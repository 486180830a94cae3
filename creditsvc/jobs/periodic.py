"""The night's mails of weeks and months: each written outside any transaction, queued with its claim in a commit."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

import structlog
from flask import current_app

from creditsvc.alerts import periodic
from creditsvc.alerts.periodic import STATEMENT, SUMMARY, Due
from creditsvc.alerts.summaries import summary_groups
from creditsvc.alerts.telling import Links
from creditsvc.config import Config
from creditsvc.core.days import DEFAULT_ZONE, zone_named
from creditsvc.db import db
from creditsvc.languages import LANGUAGES
from creditsvc.mail.attachments import MOST_BYTES, Attachment, forget_attachments
from creditsvc.mail.outbox import Draft, refusal_of
from creditsvc.mail.periodic_mails import StatementOfStartup, render_statement, render_summary
from creditsvc.mail.render import money
from creditsvc.mail.session_mails import moment
from creditsvc.parties.access import Caller, caller_of
from creditsvc.parties.models import Person, Startup
from creditsvc.statements.pdf_maker import STATEMENT_PDF
from creditsvc.statements.reading import Statement, statement

Commit = Callable[[Callable[[], int]], int]
_Writer = Callable[[Config, Person, Due, datetime, str | None], Draft | None]

log = structlog.get_logger(__name__)


def mail_all(config: Config, day: date, now: datetime, links: Links, commit: Commit) -> tuple[int, int]:
    """Queues what is due on a business day, each in a commit of its own; how many, and how many could not be sent.

    Each has a link that ends it. Files of mails that have left go.
    """
    commit(_forget)
    queued = refused = 0
    for due in periodic.due_on(day):
        draft = _draft(config, due, now, links.unsubscribe(due.mails, due.person_id))
        refusal = None if draft is None else refusal_of(draft)
        if refusal is not None:
            log.error("night.no_mail", person=due.person_id, reason=refusal.code)
            refused += 1
        kept = None if refusal is not None else draft
        queued += commit(lambda due=due, kept=kept: periodic.keep_told(due, kept, config.mail_from, now))  # type: ignore[misc]
    return queued, refused


def _forget() -> int:
    forget_attachments()
    return 0


def _draft(config: Config, due: Due, now: datetime, end: str) -> Draft | None:
    person = db.session.get(Person, due.person_id)
    if person is None:
        return None
    caller = caller_of(person, now)
    if due.mails not in periodic.mails_for(caller):  # no manager any more, or of no startup
        return None
    return _WRITERS[due.mails](config, person, due, now, end)


def _as_of(person: Person, now: datetime, language: str) -> str:
    return moment(now, DEFAULT_ZONE if person.time_zone is None else zone_named(person.time_zone), language)


def _summary(config: Config, person: Person, due: Due, now: datetime, end: str | None) -> Draft | None:
    language = person.language or LANGUAGES[0]
    groups = summary_groups(caller_of(person, now), due.period, config.base_url, language)
    if not groups:
        return None
    content = render_summary({
        "person_name": person.name, "first_day": due.period - timedelta(days=1), "groups": groups,
        "as_of": _as_of(person, now, language), "base_url": config.base_url, "unsubscribe_url": end,
    }, language)
    return Draft(SUMMARY, person.email, content, person.id, unsubscribe_url=end)


def _statement(config: Config, person: Person, due: Due, now: datetime, end: str | None) -> Draft | None:
    """The month before the one that began; of startups of which nothing was ever granted there is nothing to say.

    A PDF that would make the mail too large is left out, and the mail says where it is: else nothing would come.
    """
    last = due.period - timedelta(days=1)
    first = last.replace(day=1)
    startups = [db.session.get_one(Startup, startup_id) for startup_id in periodic.startups_of(person.id)]
    language = person.language or (startups[0].language if startups else LANGUAGES[0])
    zone = person.time_zone or DEFAULT_ZONE.key
    caller: Caller = caller_of(person, now)
    told: list[StatementOfStartup] = []
    files: list[Attachment] = []
    for startup in startups:
        found = statement(caller, startup.key, first=first, last=last)
        if not found.accounts:
            continue
        name = f"statement-{startup.key}-{first}-{last}.pdf"
        file = Attachment(name, "application/pdf", current_app.extensions[STATEMENT_PDF](found, language, zone))
        fits = sum(len(one.content) for one in (*files, file)) <= MOST_BYTES
        told.append(_of_startup(found, f"{config.base_url}/startups/{startup.key}/statement?from={first}&to={last}",
                                name if fits else "", language))
        files += [file] if fits else []
    if not told:
        return None
    content = render_statement({
        "person_name": person.name, "first_day": first, "last_day": last, "startups": told,
        "as_of": _as_of(person, now, language), "base_url": config.base_url, "unsubscribe_url": end,
    }, language)
    return Draft(STATEMENT, person.email, content, person.id, unsubscribe_url=end, attachments=tuple(files))


def _of_startup(found: Statement, url: str, file: str, language: str) -> StatementOfStartup:
    return {
        "name": found.name, "url": url, "file": file,
        "accounts": [
            (
                one.view.resource_name, money(one.opening, one.view.unit.name, language),
                money(one.drawn, one.view.unit.name, language), money(one.closing, one.view.unit.name, language),
            )
            for one in found.accounts
        ],
    }


_WRITERS: Mapping[str, _Writer] = {SUMMARY: _summary, STATEMENT: _statement}
