"""What a manager writes to many startups at once: words of their own, or a reminder in each reader's language.

Who gets which mail is planned and shown first; then all mails go into the outbox in one act, or none does.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select

from creditsvc.config import Config
from creditsvc.core.days import day_of, last_day
from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.db import db
from creditsvc.ledger.listing import EXPIRING_WITHIN, stale_day
from creditsvc.ledger.reading import AccountView, balances
from creditsvc.mail import outbox
from creditsvc.mail.outbox import Draft
from creditsvc.mail.render import Rendered, day, gettext_for, money, render_message
from creditsvc.parties.access import Caller, require
from creditsvc.parties.models import Membership, Person, Startup
from creditsvc.parties.trail import record_all
from creditsvc.sets import chunks

KINDS = ("own", "expiring", "not-begun", "stale")
"""Words of one's own; reminders of what expires, of what nothing was drawn from, of cost data that stays away."""

LONGEST_SUBJECT, LONGEST_TEXT = 150, 5000
BEGUN_WITHIN = timedelta(days=30)


@dataclass(frozen=True)
class Letter:
    """What is to be written: of kind `own` with a subject and a text, else a reminder to which `text` is added."""

    kind: str
    subject: str = ""
    text: str = ""
    owners_only: bool = False


@dataclass(frozen=True)
class Recipients:
    """The mails of one startup, or why it gets none."""

    startup: str
    name: str
    drafts: tuple[Draft, ...] = field(default=(), repr=False)
    languages: tuple[str, ...] = ()
    why_not: RuleBroken | None = None

    @property
    def seal(self) -> str:
        """What tells these mails from any others."""
        said = [(draft.to_address, draft.content.subject, draft.content.text) for draft in self.drafts]
        return hashlib.sha256(repr((self.startup, said)).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Mailing:
    """Who gets what."""

    rows: tuple[Recipients, ...]

    @property
    def seals(self) -> dict[str, str]:
        """The rows' seals by the startups' keys."""
        return {row.startup: row.seal for row in self.rows}

    @property
    def count(self) -> int:
        """How many mails there are."""
        return sum(len(row.drafts) for row in self.rows)

    def samples(self) -> dict[str, Rendered]:
        """The first mail in each language."""
        found: dict[str, Rendered] = {}
        for row in self.rows:
            for draft, language in zip(row.drafts, row.languages, strict=True):
                found.setdefault(language, draft.content)
        return found


def plan_mailing(caller: Caller, config: Config, startups: Sequence[Startup], letter: Letter) -> Mailing:
    """The mails that writing to the startups would send, in a fixed number of queries.

    Raises Forbidden, RuleBroken at `kind`, `subject` or `text` for what cannot be sent.
    """
    require(caller, "startup.message")
    _check(letter)
    views: dict[int, list[AccountView]] = {startup.id: [] for startup in startups}
    if letter.kind != "own":
        for view in balances(caller.now, startup_ids=list(views)):
            views[view.startup_id].append(view)
    people = _people(startups, letter.owners_only)
    sender = _name_of(caller)
    rows = []
    for startup in startups:
        holds = views[startup.id]
        if letter.kind != "own" and not _REMINDERS[letter.kind](caller, holds, "en"):
            rows.append(_nothing(startup, Conflict("startup", "nothing-to-say", "there is nothing to remind it of")))
        elif not people.get(startup.id):
            rows.append(_nothing(startup, Conflict("startup", "nobody", "nobody of it has a mail address here")))
        else:
            rows.append(_recipients(caller, config, startup, letter, people[startup.id], holds, sender))
    return Mailing(tuple(rows))


def send_all(
    caller: Caller, config: Config, startups: Sequence[Startup], letter: Letter, seen: Mapping[str, str]
) -> Mailing:
    """Puts the mails that the preview showed (`seen`: its seals) into the outbox, all of them or none.

    Raises what `plan_mailing` does, Conflict("preview", "changed" | "nothing").
    """
    mailing = plan_mailing(caller, config, startups, letter)
    if mailing.seals != dict(seen):
        raise Conflict(
            "preview", "changed", "this changed since the preview was shown, so nothing was done: look at it again"
        )
    if not mailing.count:
        raise Conflict("preview", "nothing", "there is nothing to do for any of these startups")
    outbox.queue_all([draft for row in mailing.rows for draft in row.drafts], config.mail_from, caller.now)
    record_all(caller, "startup.messaged", [
        (f"startup:{row.startup}", {
            "kind": letter.kind, "subject": row.drafts[0].content.subject, "text": letter.text,
            "mails": len(row.drafts),
        })
        for row in mailing.rows if row.drafts
    ])
    return mailing


def _check(letter: Letter) -> None:
    if letter.kind not in KINDS:
        raise RuleBroken("kind", "unknown-kind", "%(value)r is no kind of message: %(right)s are", value=letter.kind,
                         right=", ".join(KINDS))
    if letter.kind == "own" and not letter.subject.strip():
        raise RuleBroken("subject", "missing", "write a subject")
    if letter.kind == "own" and not letter.text.strip():
        raise RuleBroken("text", "missing", "write what the mail is to say")
    if len(letter.subject) > LONGEST_SUBJECT or not letter.subject.isprintable():
        raise RuleBroken("subject", "too-long", "a subject is one line of at most %(most)s characters",
                         most=LONGEST_SUBJECT)
    if len(letter.text) > LONGEST_TEXT:
        raise RuleBroken("text", "too-long", "a message has at most %(most)s characters", most=LONGEST_TEXT)


def _people(startups: Sequence[Startup], owners_only: bool) -> dict[int, list[Person]]:
    found: dict[int, list[Person]] = {}
    for part in chunks([startup.id for startup in startups]):
        statement = (
            select(Membership.startup_id, Person).join(Person, Person.id == Membership.person_id)
            .where(Membership.startup_id.in_(part), Person.active).order_by(Membership.startup_id, Person.email)
        )
        if owners_only:
            statement = statement.where(Membership.role == "owner")
        for startup_id, person in db.session.execute(statement):
            found.setdefault(startup_id, []).append(person)
    return found


def _name_of(caller: Caller) -> str:
    person = None if caller.person_id is None else db.session.get(Person, caller.person_id)
    return caller.actor if person is None else person.name


def _recipients(
    caller: Caller, config: Config, startup: Startup, letter: Letter, people: Sequence[Person],
    views: Sequence[AccountView], sender: str,
) -> Recipients:
    drafts, languages = [], []
    refusal: RuleBroken | None = None
    for person in people:
        language = person.language or startup.language
        draft = Draft(
            "message", person.email,
            _written(caller, config, startup, letter, person, language, views, sender), person.id,
        )
        refused = outbox.refusal_of(draft)
        refusal = refusal or refused
        if refused is None:
            drafts.append(draft)
            languages.append(language)
    return Recipients(startup.key, startup.name, tuple(drafts), tuple(languages), None if drafts else refusal)


def _written(
    caller: Caller, config: Config, startup: Startup, letter: Letter, person: Person, language: str,
    views: Sequence[AccountView], sender: str,
) -> Rendered:
    typed = [part.strip() for part in letter.text.replace("\r\n", "\n").split("\n\n") if part.strip()]
    subject, paragraphs, lines = letter.subject.strip(), typed, list[str]()
    if letter.kind != "own":
        subject, opening, closing = _words(letter.kind, startup, language)
        lines = _REMINDERS[letter.kind](caller, views, language)
        paragraphs = [opening, *typed, closing]
    return render_message(
        {
            "person_name": person.name, "subject": subject, "paragraphs": paragraphs, "lines": lines,
            "startup_name": startup.name, "startup_url": f"{config.base_url}/startups/{startup.key}",
            "sender_name": sender, "base_url": config.base_url,
        },
        language,
    )


def _words(kind: str, startup: Startup, language: str) -> tuple[str, str, str]:
    """Subject, first and last paragraph of a reminder."""
    _ = gettext_for(language)
    words = {
        "expiring": (
            _("Some of what %(startup)s holds ends soon"),
            _("some of what %(startup)s holds ends soon. What is left then is lost."),
            _("Use it before then, or ask for more time on the page below. What ends when:"),
        ),
        "not-begun": (
            _("%(startup)s has not begun to use its grants"),
            _("%(startup)s has grants of which nothing was drawn so far."),
            _("Redeem them in the provider's portal, or tell us if something is in your way. These are meant:"),
        ),
        "stale": (
            _("There is no new cost data of %(startup)s"),
            _("no cost data of %(startup)s has come for some days, so nobody sees what was used since."),
            _("Check that your cost export still runs, and send us its newest file. This is what we have:"),
        ),
    }[kind]
    subject, opening, closing = (text % {"startup": startup.name} for text in words)
    return subject, opening, closing


def _ending(caller: Caller, views: Sequence[AccountView], language: str) -> list[str]:
    _ = gettext_for(language)
    return [
        _("%(amount)s of %(resource)s, last day %(day)s") % {
            "amount": money(lot.standing.remaining, view.unit.name, language), "resource": view.resource_name,
            "day": day(last_day(lot.expires), language),
        }
        for view in views if view.kind != "seats"
        for lot in view.lots
        if lot.standing.remaining > 0 and lot.expires is not None and lot.end == lot.expires
        and lot.expires <= caller.now + EXPIRING_WITHIN
    ]


def _unbegun(caller: Caller, views: Sequence[AccountView], language: str) -> list[str]:
    _ = gettext_for(language)
    return [
        _("%(amount)s of %(resource)s, usable since %(day)s") % {
            "amount": money(lot.standing.remaining, view.unit.name, language), "resource": view.resource_name,
            "day": day(day_of(lot.effective), language),
        }
        for view in views if view.kind == "credit"
        for lot in view.lots
        if lot.standing.remaining > 0 and not lot.standing.drawn and lot.effective <= caller.now - BEGUN_WITHIN
    ]


def _without_data(caller: Caller, views: Sequence[AccountView], language: str) -> list[str]:
    _ = gettext_for(language)
    return [
        _("%(resource)s: the newest data is of %(day)s") % {
            "resource": view.resource_name, "day": day(view.newest_charge_day, language),
        }
        for view in views
        if view.newest_charge_day is not None and view.newest_charge_day <= stale_day(caller.now)
    ]


_REMINDERS: Mapping[str, Callable[[Caller, Sequence[AccountView], str], list[str]]] = {
    "expiring": _ending, "not-begun": _unbegun, "stale": _without_data,
}


def _nothing(startup: Startup, why_not: RuleBroken) -> Recipients:
    return Recipients(startup.key, startup.name, why_not=why_not)
