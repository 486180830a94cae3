"""The book for auditors: batches with who and why, the trail, balances as of X as known at Y, and a signed copy."""

import hashlib
import hmac
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import func, select

from creditsvc.core.amounts import Unit, format_amount, unit_named
from creditsvc.core.days import instant_text
from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.core.spreadsheets import Cell, Figure, csv_lines
from creditsvc.db import db, is_id
from creditsvc.ledger.history import PostingView, postings_of_batch
from creditsvc.ledger.models import Account, Batch, Resource
from creditsvc.ledger.reading import AccountView, balances
from creditsvc.parties.access import Caller, require
from creditsvc.parties.models import Startup, TrailEntry
from creditsvc.sets import chunks

SHOWN = 100
"""Rows a page."""

_WORDS = ("granted", "drawn", "held", "expired", "voided", "not_yet", "remaining")
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class BatchView:
    """A batch of the book, with whose account it is in."""

    id: int
    startup: str
    resource: str
    unit: Unit
    number: int
    recorded_at: datetime
    cause: str
    cause_ref: str
    actor: str
    previous_hash: str
    hash: str


@dataclass(frozen=True)
class Total:
    """What all accounts of a resource hold together, in steps of its unit."""

    resource: str
    unit: Unit
    accounts: int
    amounts: dict[str, int]


_BATCHES = (
    select(Batch, Startup.key, Resource.key, Resource.unit)
    .join(Account, Account.id == Batch.account_id)
    .join(Startup, Startup.id == Account.startup_id)
    .join(Resource, Resource.id == Account.resource_id)
)


_ACCOUNTS = (
    select(Account.id)
    .join(Startup, Startup.id == Account.startup_id)
    .join(Resource, Resource.id == Account.resource_id)
    .order_by(Startup.key, Resource.key)
)

_NEWEST = select(func.max(Batch.id))
_TRIES = 3
"""How often a book that is posted to meanwhile is summed; the last sum stands."""

P = TypeVar("P", BatchView, TrailEntry)


def list_batches(
    caller: Caller, *, startup: str = "", cause: str = "", before: int | None = None, limit: int = SHOWN
) -> tuple[list[BatchView], int | None]:
    """The batches written last first, a page of them, and the id from which to go on. Raises Forbidden."""
    require(caller, "book.see")
    statement = _BATCHES.order_by(Batch.id.desc()).limit(limit + 1)
    if startup:
        statement = statement.where(Startup.key == startup)
    if cause:
        statement = statement.where(Batch.cause == cause)
    if before is not None:
        statement = statement.where(Batch.id < before)
    return _page([_batch(*row) for row in db.session.execute(statement)], limit)


def find_batch(caller: Caller, batch_id: int) -> tuple[BatchView, list[PostingView]]:
    """A batch with its postings. Raises Forbidden, NotFound("batch")."""
    require(caller, "book.see")
    row = db.session.execute(_BATCHES.where(Batch.id == batch_id)).one_or_none() if is_id(batch_id) else None
    if row is None:
        raise NotFound("batch", str(batch_id))
    return _batch(*row), postings_of_batch(batch_id)


def _batch(batch: Batch, startup: str, resource: str, unit: str) -> BatchView:
    return BatchView(
        batch.id, startup, resource, unit_named(unit), batch.number, batch.recorded_at, batch.cause, batch.cause_ref,
        batch.actor, batch.previous_hash, batch.hash,
    )


def list_trail(
    caller: Caller, *, subject: str = "", actor: str = "", action: str = "", first: datetime | None = None,
    until: datetime | None = None, before: int | None = None, limit: int = SHOWN,
) -> tuple[list[TrailEntry], int | None]:
    """What was done, the newest first, a page of it, and the id from which to go on.

    `subject` is how a subject begins (`startup:acme`), `actor` and `action` are whole. Raises Forbidden.
    """
    require(caller, "trail.see")
    statement = select(TrailEntry).order_by(TrailEntry.id.desc()).limit(limit + 1)
    if subject:
        statement = statement.where(TrailEntry.subject.startswith(subject, autoescape=True))
    if actor:
        statement = statement.where(TrailEntry.actor == actor)
    if action:
        statement = statement.where(TrailEntry.action == action)
    if first is not None:
        statement = statement.where(TrailEntry.at >= first)
    if until is not None:
        statement = statement.where(TrailEntry.at < until)
    if before is not None:
        statement = statement.where(TrailEntry.id < before)
    return _page(list(db.session.scalars(statement)), limit)


def _page(found: list[P], limit: int) -> tuple[list[P], int | None]:
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def book_page(caller: Caller, as_of: datetime, known_at: datetime | None, page: int) -> tuple[int, list[AccountView]]:
    """How many accounts there are, and a page of them (from 1) as of an instant as they were known at another.

    Raises Forbidden.
    """
    require(caller, "book.see")
    count = db.session.scalar(select(func.count(Account.id))) or 0
    ids = db.session.scalars(_ACCOUNTS.limit(SHOWN).offset((page - 1) * SHOWN)).all()
    return count, balances(as_of, account_ids=ids, known_at=known_at)


def book_totals(caller: Caller, as_of: datetime, known_at: datetime | None) -> list[Total]:
    """The sums of all accounts by resource, as of an instant as they were known at another, some accounts at a time.

    Raises Forbidden.
    """
    require(caller, "book.see")
    for _ in range(_TRIES):
        newest = db.session.scalar(_NEWEST)
        totals = _summed(as_of, known_at)
        if db.session.scalar(_NEWEST) == newest:  # else somebody posted between one part and the next
            break
    return totals


def _summed(as_of: datetime, known_at: datetime | None) -> list[Total]:
    ids = db.session.scalars(_ACCOUNTS).all()
    totals: dict[str, Total] = {}
    for view in chain.from_iterable(balances(as_of, account_ids=part, known_at=known_at) for part in chunks(ids)):
        seen = totals.get(view.resource) or Total(view.resource, view.unit, 0, dict.fromkeys(_WORDS, 0))
        amounts = {word: seen.amounts[word] + getattr(view, word) for word in _WORDS}
        totals[view.resource] = Total(view.resource, view.unit, seen.accounts + 1, amounts)
    return [totals[resource] for resource in sorted(totals)]


def signed_copy(caller: Caller, secret_key: str, as_of: datetime, known_at: datetime | None) -> bytes:
    """The book as a ZIP: every account with its figures, every batch with its hash, and a manifest that holds the hash
    of each and is signed with the service's secret key. The same two instants give the same bytes; without `known_at`
    the manifest names the instant at which the newest batch was recorded. Raises Forbidden.
    """
    require(caller, "book.see")
    views = balances(as_of, known_at=known_at)
    batches = _batches_of(views)
    files = {"accounts.csv": _accounts(views), "batches.csv": _batches(batches)}
    known = known_at or max((batch.recorded_at for batch in batches), default=caller.now)
    manifest = {
        "as_of": instant_text(as_of), "known_at": instant_text(known), "accounts": len(views),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    manifest["signature"] = _signature(secret_key, manifest)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**files, _MANIFEST: json.dumps(manifest, indent=2, sort_keys=True).encode()}.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def check_copy(secret_key: str, content: bytes) -> dict[str, Any]:
    """The manifest of a signed copy that is as it was made. Raises RuleBroken("file", ...) saying what was changed."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            held = {name: archive.read(name) for name in archive.namelist()}
        manifest = json.loads(held.pop(_MANIFEST))
        stated = str(manifest.pop("signature"))
    except (zipfile.BadZipFile, KeyError, ValueError, AttributeError) as fault:
        raise RuleBroken("file", "no-copy", "this is no signed copy of the book: %(why)s", why=fault) from None
    if not hmac.compare_digest(stated, _signature(secret_key, manifest)):
        raise RuleBroken("file", "signature", "the manifest was changed, or another service signed it")
    found = {name: hashlib.sha256(text).hexdigest() for name, text in held.items()}
    wrong = sorted(name for name in {*found, *manifest["files"]} if found.get(name) != manifest["files"].get(name))
    if wrong:
        raise RuleBroken("file", "changed", "%(files)s is not what was signed", files=", ".join(wrong))
    return dict(manifest)


def _signature(secret_key: str, manifest: dict[str, Any]) -> str:
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    return hmac.digest(secret_key.encode(), b"book-copy:" + text, hashlib.sha256).hex()


def _accounts(views: Sequence[AccountView]) -> bytes:
    heads = ("startup", "resource", "unit", "batch", *_WORDS, "uncovered", "uncredited_refund")
    return _csv(heads, (
        (view.startup, view.resource, view.unit.name, view.batch,
         *(Figure(format_amount(getattr(view, word), view.unit)) for word in (*_WORDS, "uncovered", "uncredited")))
        for view in views
    ))


def _batches_of(views: Sequence[AccountView]) -> list[BatchView]:
    """The batches that the views know of, by account."""
    newest = {view.id: view.batch for view in views}
    rows = db.session.execute(_BATCHES.order_by(Startup.key, Resource.key, Batch.number))
    return [_batch(*row) for row in rows if row.Batch.number <= newest.get(row.Batch.account_id, 0)]


def _batches(batches: Sequence[BatchView]) -> bytes:
    heads = ("startup", "resource", "batch", "recorded_at", "cause", "ref", "by", "previous_hash", "hash")
    return _csv(heads, (
        (batch.startup, batch.resource, batch.number, instant_text(batch.recorded_at), batch.cause, batch.cause_ref,
         batch.actor, batch.previous_hash, batch.hash)
        for batch in batches
    ))


def _csv(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    return "".join(csv_lines((heads, *rows), end="\n")).encode()
