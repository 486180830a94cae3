"""Seals: each night writes into the trail what the rows added since the last one come to, so that a change shows.

Batches and rates are chained by hash in their own rows. Of other facts, which are only ever added, and of columns that
never change, a seal keeps a hash over a run of rows by id; the trail's own rows, and so older seals, are sealed too.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table, func, select

from creditsvc.core.pseudonyms import values_without_addresses
from creditsvc.db import Model, db, wait_for_writers
from creditsvc.parties import trail
from creditsvc.parties.access import Caller
from creditsvc.parties.models import TrailEntry

SEALS = "ledger.seal"
"""The trail's action under which each night seals rows."""

ROWS_AT_ONCE = 50_000

Run = tuple[int, int]
"""The rows of a table from one id through another."""

SEALED: Mapping[str, tuple[str, ...]] = {
    # tables whose rows are never deleted, with the columns that never change, the id first; the trail last, as all
    # write it last
    "resource": ("id", "key", "kind", "unit", "provider"),
    "pool": ("id", "key", "partner_id", "resource_id", "amount", "starts", "ends"),
    "account": ("id", "startup_id", "resource_id"),
    "scope": ("id", "provider", "external_id"),
    "charge_key": ("id", "text"),
    "scope_fact": ("id", "scope_id", "from_at", "account_id", "stated_at", "actor"),
    "import_run": ("id", "name", "received_at", "actor"),
    "usage_fact": ("id", "scope_id", "day", "key_id", "currency", "amount", "run_id"),
    "grant_paper": ("id", "key", "startup_id", "lot_id", "awarded_by", "awarded_at"),
    "activation": ("id", "grant_id", "activated_at", "subscription", "reason", "entered_at", "actor"),
    "reported_balance": ("id", "account_id", "amount", "seen_at", "entered_at", "actor"),
    "month_end_report": ("id", "programme_id", "month", "edition", "follows", "as_of", "known_at", "frozen_by",
                         "document", "sha256"),
    "trail_entry": ("id", "at", "actor", "address", "action", "subject", "before", "after"),
}


def newest_row(name: str) -> int:
    """The highest id of a table to be sealed (0: none), when nobody is about to commit a lower one.

    For a short transaction of its own: locks of several tables at once would meet those of an import.
    """
    wait_for_writers(name)
    return db.session.scalar(select(func.max(_table(name).c.id))) or 0


def seal(caller: Caller, day: date, newest: Mapping[str, int]) -> bool:
    """Seals the next rows up to the ids in `newest`, a part of each table; False when all of them are sealed."""
    sealed_to = dict.fromkeys(SEALED, 0)
    for entry in filter(_is_whole, _seals()):
        sealed_to[entry["table"]] = max(sealed_to[entry["table"]], entry["last"])
    more = False
    for name, last in newest.items():
        if last <= sealed_to[name]:
            continue
        more = True
        first, last = sealed_to[name] + 1, min(last, sealed_to[name] + ROWS_AT_ONCE)
        rows, digest = rows_and_hashes(name, [(first, last)])[first, last]
        words = {"table": name, "first": first, "last": last, "rows": rows, "hash": digest}
        trail.record(caller, SEALS, f"night:{day.isoformat()}", after=words)
    db.session.flush()
    return more


def rows_and_hashes(
    name: str, runs: Sequence[Run], reading: Callable[[Any], Any] = values_without_addresses
) -> dict[Run, tuple[int, str]]:
    """How many rows of a table are in each of some runs, and the hash over what never changes in them, in one reading.

    The runs are in order, and none begins within another. Mail addresses are read as their pseudonyms, so that a person
    can be erased.
    """
    table = _table(name)
    columns = [table.c[column] for column in SEALED[name]]
    least, most = runs[0][0], max(last for _, last in runs)
    rows = iter(db.session.execute(
        select(*columns).where(table.c.id >= least, table.c.id <= most).order_by(table.c.id),
        execution_options={"yield_per": 10_000},
    ))
    found = {}
    row = next(rows, None)
    for first, last in runs:
        digest, count = hashlib.sha256(), 0
        while row is not None and row[0] <= last:
            if row[0] >= first:
                digest.update(_words_of(list(row), reading))
                count += 1
            row = next(rows, None)
        found[first, last] = count, digest.hexdigest()
    return found


def _words_of(values: list[Any], reading: Callable[[Any], Any]) -> bytes:
    text = _line(values)
    if "@" in text:
        text = _line(reading(values))
    return text.encode("ascii") + b"\n"


def _line(values: list[Any]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=_text)


def broken_seals() -> list[tuple[str, str, str]]:
    """(what, expected, found) of each seal that the rows do not fit any more.

    Every sealed row is read, or what is changed after its night would not show; but each table once, however many
    nights there were.
    """
    broken = []
    sealed_by = _seals()
    now = _as_they_are([words for words in sealed_by if _is_whole(words)])
    for words in sealed_by:
        if not _is_whole(words):
            broken.append((f"a seal of the {words['night']}", "a table, its rows and their hash", "something else"))
            continue
        name, run, sealed = words["table"], (words["first"], words["last"]), (words["rows"], words["hash"])
        rows, digest = now[name, run]
        # seals from before addresses could be erased read them as they were written
        if (rows, digest) != sealed and rows_and_hashes(name, [run], list)[run] != sealed:
            what = f"rows {words['first']} to {words['last']} of {words['table']}, as the {words['night']} sealed them"
            broken.append((what, f"{words['rows']} rows, {words['hash']}", f"{rows} rows, {digest}"))
    return broken


def _as_they_are(seals: Iterable[Mapping[str, Any]]) -> dict[tuple[str, Run], tuple[int, str]]:
    """What the rows come to now that seals are of, by table and run.

    A run that begins within another, which no night makes, is read alone: a seal that somebody made up for a row put in
    must not take that row from the seal that has no such row.
    """
    runs: dict[str, set[Run]] = defaultdict(set)
    for words in seals:
        runs[words["table"]].add((words["first"], words["last"]))
    found: dict[tuple[str, Run], tuple[int, str]] = {}
    for name, of_table in runs.items():
        in_a_row: list[Run] = []
        for run in sorted(of_table):
            if in_a_row and run[0] <= in_a_row[-1][1]:
                found[name, run] = rows_and_hashes(name, [run])[run]
            else:
                in_a_row.append(run)
        found.update({(name, run): what for run, what in rows_and_hashes(name, in_a_row).items()})
    return found


def _seals() -> list[dict[str, Any]]:
    found = db.session.execute(
        select(TrailEntry.subject, TrailEntry.after).where(TrailEntry.action == SEALS).order_by(TrailEntry.id)
    )
    return [{**(after or {}), "night": subject.replace(":", " of ")} for subject, after in found.all()]


def _is_whole(words: Mapping[str, Any]) -> bool:
    """Whether a seal says all that one says; the row itself may have been changed by SQL."""
    kinds = {"table": str, "first": int, "last": int, "rows": int, "hash": str}
    return all(isinstance(words.get(name), kind) for name, kind in kinds.items()) and words["table"] in SEALED


def _table(name: str) -> Table:
    return Model.metadata.tables[name]


def _text(value: object) -> str:
    """Days and instants (in UTC) in their one spelling."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value)} is in no column that is sealed")
