"""What administrators watch: the jobs and their runs, and the mails of the outbox."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Response

from creditsvc.administration import jobs, outbox
from creditsvc.administration.jobs import JobView, RunView
from creditsvc.api.administration_schemas import (
    JobListSchema,
    JobSchema,
    MailListSchema,
    MailQuerySchema,
    MailReasonSchema,
    MailSchema,
    MailStateSchema,
)
from creditsvc.api.paging import id_cursor, page_before
from creditsvc.api.routes import get, new_blueprint, post
from creditsvc.api.schemas import NothingSchema
from creditsvc.api.tokens import current_caller
from creditsvc.api.writes import write_once
from creditsvc.core.days import instant_text
from creditsvc.db import MAX_ID
from creditsvc.mail.tending import MailRow
from creditsvc.parties.once import Answer

blueprint = new_blueprint("administration", "The jobs, and the mails of the outbox: for administrators and auditors.")

MAIL = f"<int(max={MAX_ID}):mail_id>"


@get(blueprint, "/jobs", answers=JobListSchema)
def list_jobs() -> dict[str, Any]:
    """The jobs, each with its next run, and the newest runs of those that keep one."""
    caller = current_caller()
    return {
        "items": [_shown_job(job) for job in jobs.list_jobs(caller)],
        "runs": [_shown_run(run) for run in jobs.list_runs(caller)],
    }


@post(blueprint, "/jobs/<job>/run", scope="admin", body=NothingSchema, answers=JobSchema, required=False)
def run_job(body: dict[str, Any], job: str) -> Response:
    """Asks for a job to run now: the next scheduler takes it. A night that has succeeded is refused."""
    caller = current_caller()

    def act() -> Answer:
        jobs.ask_to_run(caller, job)
        [asked] = [view for view in jobs.list_jobs(caller) if view.job == job]
        return Answer(200, _shown_job(asked))

    return write_once(act)


@get(blueprint, "/mails", query=MailQuerySchema, answers=MailListSchema)
def list_mails(query: dict[str, Any]) -> dict[str, Any]:
    """The mails, newest first, without what they say."""
    caller = current_caller()
    found, onward = outbox.list_mails(
        caller, query.get("show", ""), id_cursor(query.get("after")), query["limit"]
    )
    with_addresses = outbox.shows_addresses(caller)
    return page_before(found, onward, lambda mail: _shown_mail(mail, with_addresses))


@get(blueprint, f"/mails/{MAIL}", answers=MailSchema)
def get_mail(mail_id: int) -> dict[str, Any]:
    """What became of one mail."""
    return _mail_of(mail_id)


@post(blueprint, f"/mails/{MAIL}/send-again", scope="admin", body=MailReasonSchema, answers=MailStateSchema)
def send_mail_again(body: dict[str, Any], mail_id: int) -> Response:
    """Sends a mail once more that failed or is in doubt, under its Message-ID."""
    caller = current_caller()
    return _changed(lambda: outbox.send_again(caller, mail_id, body["reason"]), mail_id)


@post(blueprint, f"/mails/{MAIL}/dismiss", scope="admin", body=MailReasonSchema, answers=MailStateSchema)
def dismiss_mail(body: dict[str, Any], mail_id: int) -> Response:
    """Gives a mail up that has not been sent."""
    caller = current_caller()
    return _changed(lambda: outbox.dismiss(caller, mail_id, body["reason"]), mail_id)


def _changed(act: Callable[[], None], mail_id: int) -> Response:
    def answer() -> Answer:
        act()
        mail = _mail_of(mail_id)
        return Answer(200, {name: mail[name] for name in MailStateSchema().fields})  # kept, so nothing of a person

    return write_once(answer)


def _mail_of(mail_id: int) -> dict[str, Any]:
    caller = current_caller()
    return _shown_mail(outbox.find_mail(caller, mail_id), outbox.shows_addresses(caller))


def _shown_job(job: JobView) -> dict[str, Any]:
    return {
        "job": job.job, "next_run": instant_text(job.next_run), "asked_at": instant_text(job.asked_at),
        "is_done": job.is_done, "waiting": job.waiting, "last_sent": instant_text(job.last_sent),
        "last": None if job.last is None else _shown_run(job.last),
    }


def _shown_run(run: RunView) -> dict[str, Any]:
    return {**asdict(run), "began": instant_text(run.began)}


def _shown_mail(mail: MailRow, with_addresses: bool) -> dict[str, Any]:
    return {
        "id": mail.id, "kind": mail.kind, "to": mail.to_address if with_addresses else None, "subject": mail.subject,
        "state": mail.state, "tries": mail.tries, "queued_at": instant_text(mail.queued_at),
        "next_try_at": instant_text(mail.next_try_at), "sent_at": instant_text(mail.sent_at),
        "dismissed_at": instant_text(mail.dismissed_at), "last_error": mail.last_error if with_addresses else None,
        "message_id": mail.message_id,
    }
