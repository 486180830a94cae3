"""What stands in the tables and in the mailbox, read by plain SQL under the names that a story uses.

It imports nothing of the product beyond the place where the tables are.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

from tests.endurance.places import Place

Lines = Mapping[str, int | str]

_LOTS = """
SELECT lot.key,
       lot.amount + COALESCE((SELECT SUM(CASE kind WHEN 'top_up' THEN amount WHEN 'return' THEN -amount ELSE 0 END)
                              FROM lot_change WHERE lot_id = lot.id), 0),
       COALESCE((SELECT SUM(amount) FROM posting WHERE lot_id = lot.id), 0),
       COALESCE((SELECT MAX(instant) FROM lot_change WHERE lot_id = lot.id AND kind = 'extend'), lot.expires),
       (SELECT MIN(instant) FROM lot_change WHERE lot_id = lot.id AND kind = 'void')
FROM lot
"""
_COUNTS = {
    "paper of {}": "SELECT key, COUNT(*) FROM grant_paper GROUP BY key",
    "change {} of {}": "SELECT lot_change.kind, lot.key, COUNT(*) FROM lot_change JOIN lot ON lot.id = lot_id"
                       " GROUP BY lot_change.kind, lot.key",
    "run {}": "SELECT CASE WHEN reversed_at IS NULL THEN status ELSE 'taken back' END AS what, COUNT(*)"
              " FROM import_run WHERE status <> 'unchanged' GROUP BY what",
    "digest for {}": "SELECT email, COUNT(*) FROM digest JOIN person ON person.id = person_id GROUP BY email",
    "mail {} to {}": "SELECT kind, to_address, COUNT(*) FROM outbox_mail GROUP BY kind, to_address",
    "failed {} to {}": "SELECT kind, to_address, COUNT(*) FROM outbox_mail WHERE state = 'failed'"
                       " GROUP BY kind, to_address",
    "alert {} {} {} {}": "SELECT startup.key, holding, rule, threshold, COUNT(*) FROM alert"
                         " JOIN startup ON startup.id = startup_id GROUP BY startup.key, holding, rule, threshold",
    "told {} of {} {} {} {}": "SELECT email, startup.key, holding, rule, threshold, COUNT(*) FROM alert_told"
                              " JOIN alert ON alert.id = alert_id JOIN startup ON startup.id = startup_id"
                              " JOIN person ON person.id = person_id"
                              " GROUP BY email, startup.key, holding, rule, threshold",
}
_SUMS = {
    "pool {}: committed": "SELECT key, committed FROM pool",
    "startup {}: {}": "SELECT startup.key, posting.kind, SUM(posting.amount) FROM posting"
                      " JOIN account ON account.id = account_id JOIN startup ON startup.id = startup_id"
                      " WHERE posting.kind <> 'drawn' GROUP BY startup.key, posting.kind",
    "usage {} {}": "SELECT external_id, day, SUM(amount) FROM usage_fact JOIN scope ON scope.id = scope_id"
                   " GROUP BY external_id, day",
    "nights done": "SELECT COUNT(*) FROM job_run WHERE state = 'done'",
    "requests answered": "SELECT COUNT(*) FROM answered_request WHERE status <> 0",
}
_KNOWN = "SELECT message_id, kind, to_address, uncertain_count, state FROM outbox_mail"
_TRAILED = ("grant.awarded", "grant.top_up", "grant.extend", "grant.void", "grant.return", "scope.assign",
            "usage.import", "usage.confirm", "usage.reverse")


@dataclass(frozen=True)
class Standing:
    """Everything that stands, by name, as `Story.account` has it, and how many mails came twice in doubt."""

    lines: dict[str, int | str]
    uncertain: int


def account(place: Place) -> Standing:
    """What stands now."""
    lines: dict[str, int | str] = {}
    trail: Counter[str] = Counter()
    with place.reading() as rows_of:
        for key, amount, drawn, expires, void in rows_of(_LOTS):
            ends = [instant(value) for value in (expires, void) if value is not None]
            lines[f"grant {key}: amount"], lines[f"grant {key}: drawn"] = int(amount), int(drawn)
            lines[f"grant {key}: ends"] = min(ends).isoformat()
        for name, query in {**_COUNTS, **_SUMS}.items():
            for *words, count in rows_of(query):
                lines[name.format(*words)] = int(count)
        for action, after in rows_of("SELECT action, after FROM trail_entry"):
            said = json.loads(after) if isinstance(after, str) else after
            if action in _TRAILED and not (action == "usage.import" and said["status"] == "unchanged"):
                trail[f"trail {action}"] += 1
        delivered, uncertain = _mailed(rows_of(_KNOWN), Counter(letters(place)))
    lines.update(trail)
    lines.update(delivered)
    return Standing({name: value for name, value in lines.items() if value}, uncertain)


def _mailed(outbox: Sequence[tuple[Any, ...]], copies: Counter[str]) -> tuple[Counter[str], int]:
    """What a mailbox got, told apart by Message-ID: one mail that came twice is known by it.

    A mail that came twice without the service's saying that it is in doubt is a line of its own, and so is one that
    came three times, and one that the service does not know.
    """
    known = {message_id: rest for message_id, *rest in outbox}
    lines: Counter[str] = Counter()
    uncertain = 0
    for message_id, count in copies.items():
        if message_id not in known:
            lines["delivered but unknown"] += 1
            continue
        kind, to, doubts, _ = known[message_id]
        lines[f"delivered {kind} to {to}"] += 1
        uncertain += count - 1
        if count > 1 + min(doubts, 1):
            lines[f"delivered again without a doubt: {kind} to {to}"] += count - 1
    for message_id, (kind, to, _, state) in known.items():
        if state == "sent" and message_id not in copies:
            lines[f"said to be sent but was not: {kind} to {to}"] += 1
    return lines, uncertain


def letters(place: Place) -> list[str]:
    """The Message-ID of every mail that was delivered, as often as it was."""
    paths = [*place.config.mail_folder.glob("*.eml"), *(place.folder / "letters").glob("*.eml")]
    return [_message_id(path) for path in paths]


def _message_id(path: Path) -> str:
    with path.open("rb") as letter:
        return str(BytesHeaderParser().parse(letter)["Message-ID"]).strip()


def instant(value: Any) -> datetime:
    """An instant as either database has it."""
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    found: datetime = value.astimezone(UTC)
    return found


@dataclass(frozen=True)
class Difference:
    """A line on which the tables and the story differ: `lost`, `twice`, or `other` where neither word fits."""

    kind: str
    what: str
    expected: object
    found: object

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}: {self.found} instead of {self.expected}"


def compare(expected: Lines, found: Lines) -> list[Difference]:
    """Less than was said is lost, more is there twice."""
    differences = []
    for name in sorted({*expected, *found}):
        said, stands = expected.get(name, 0), found.get(name, 0)
        if said == stands:
            continue
        kind = "other"
        if isinstance(said, int) and isinstance(stands, int):
            kind = "lost" if stands < said else "twice"
        if name.startswith("said to be sent but was not"):
            kind = "lost"
        differences.append(Difference(kind, name, said, stands))
    return differences
