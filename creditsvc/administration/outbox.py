"""The outbox in people's hands: who may look, send again or give up, and that the trail says so."""

from creditsvc.core.errors import RuleBroken
from creditsvc.mail import tending
from creditsvc.mail.models import FAILED, UNCERTAIN
from creditsvc.mail.tending import MailRow
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, may, require


def list_mails(
    caller: Caller, chosen: str, before: int | None, limit: int = tending.PAGE
) -> tuple[list[MailRow], int | None]:
    """A page of mails (`tending.CHOICES`, newest first) and where to go on. Raises Forbidden."""
    require(caller, "mail.see")
    return tending.page_of(chosen if chosen in tending.CHOICES else "", before, limit=limit)


def counts(caller: Caller) -> dict[str, int]:
    """How many mails each choice holds. Raises Forbidden."""
    require(caller, "mail.see")
    return tending.counts()


def find_mail(caller: Caller, mail_id: int) -> MailRow:
    """What became of a mail. Raises Forbidden and NotFound("mail")."""
    require(caller, "mail.see")
    return tending.row_of(mail_id)


def ended_mails_of(caller: Caller, person_id: int) -> list[MailRow]:
    """The newest mails to a person that bounced or are in doubt. Raises Forbidden."""
    require(caller, "mail.see")
    return [row for row in tending.page_of("", None, person_id)[0] if row.state in (FAILED, UNCERTAIN)]


def shows_addresses(caller: Caller) -> bool:
    """Whether the caller may see to whom mails go."""
    return may(caller, "people.edit")


def send_again(caller: Caller, mail_id: int, reason: str) -> None:
    """Sends a mail once more that failed or is in doubt, under its Message-ID.

    Raises Forbidden, NotFound("mail"), RuleBroken("reason", "missing" | "too-long"), Conflict("", "waits" |
    "was-sent").
    """
    require(caller, "mail.edit")
    said = _reason(reason)
    mail = tending.find_mail(mail_id)
    before = mail.state
    tending.send_again(mail, caller.now)
    trail.record(
        caller, "mail.sent-again", f"mail:{mail.id}", before={"state": before}, after={"reason": said}
    )


def dismiss(caller: Caller, mail_id: int, reason: str) -> None:
    """Gives a mail up; again does nothing.

    Raises Forbidden, NotFound("mail"), RuleBroken("reason", "missing" | "too-long"), Conflict("", "was-sent" |
    "is-sending").
    """
    require(caller, "mail.edit")
    said = _reason(reason)
    mail = tending.find_mail(mail_id)
    before = mail.state
    if tending.dismiss(mail, caller.now):
        trail.record(caller, "mail.dismissed", f"mail:{mail.id}", before={"state": before}, after={"reason": said})


def _reason(reason: str) -> str:
    said = reason.strip()
    if not said:
        raise RuleBroken("reason", "missing", "Say why: the trail keeps it.")
    if len(said) > 500:
        raise RuleBroken("reason", "too-long", "A reason has at most %(most)d characters.", most=500)
    return said
