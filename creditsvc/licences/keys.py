"""Keys of licences: imported into a pool of seats, handed to seats, shown to whom the seat belongs, rotated.

Which key a seat gets, `handing` says: one that was handed out was seen, and stays with the seats of its grant.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, bindparam, func, select, update

from creditsvc.core.errors import Conflict, FileError, Forbidden, NotFound, RuleBroken, refusal_for
from creditsvc.core.sentences import Sentence
from creditsvc.db import db, table_of
from creditsvc.ledger.models import Pool, Resource, SeatFact
from creditsvc.ledger.seats import SeatView, seats_of
from creditsvc.licences.desk import desk_of
from creditsvc.licences.key_files import COLUMN, KeyLine
from creditsvc.licences.keyring import Keyring
from creditsvc.licences.models import LicenceKey, Product, SeatAssignment
from creditsvc.parties.access import Caller, may, require, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.parties.trail import record
from creditsvc.programmes.reading import by_key
from creditsvc.sets import chunks, insert_absent, send

BATCH = 200
"""How many keys a transaction of the rotation encrypts anew."""

_KEY = table_of(LicenceKey)
_ROTATED = update(_KEY).where(_KEY.c.id == bindparam("of")).values(
    ciphertext=bindparam("ciphertext"), fingerprint=bindparam("fingerprint")
)


@dataclass(frozen=True)
class SealedKey:
    """A key ready to be kept: where it stood, its fingerprint and its ciphertext."""

    line: int
    fingerprint: str
    ciphertext: str


@dataclass(frozen=True)
class Rotated:
    """What a batch of the rotation did; `last_id` is None when there was nothing more."""

    last_id: int | None
    rotated: int
    unchanged: int
    unreadable: tuple[tuple[str, int], ...]  # pool and number of the key
    twice: tuple[tuple[str, int], ...]


def seal_keys(keyring: Keyring, keys: Iterable[KeyLine]) -> list[SealedKey]:
    """The keys encrypted, which takes its time and so comes before the transaction. Raises Conflict("keys", ...)."""
    keyring.require_keys()
    return [SealedKey(key.line, keyring.fingerprint(key.text), keyring.encrypt(key.text)) for key in keys]


def import_keys(
    caller: Caller, keyring: Keyring, *, pool: str, name: str, keys: Sequence[SealedKey], place: str = "line"
) -> int:
    """Puts keys into a pool of seats, all or none; how many. `name` is the file they came in.

    Raises FileRefused naming line and pool of those that are known already, RuleBroken("pool", "not-of-seats"),
    Conflict("keys", ...) when duplicates could not be told, NotFound("pool"), Forbidden.
    """
    require(caller, "licence.keys")
    into = _pool_of_seats(pool)
    _check_fingerprints(keyring)
    known = _known(key.fingerprint for key in keys)
    if not known:
        rows = [
            {"pool_id": into.id, "fingerprint": key.fingerprint, "ciphertext": key.ciphertext,
             "imported_at": caller.now, "imported_by": caller.actor, "seat_id": None, "handed_at": None}
            for key in keys
        ]
        added = {row[0] for row in insert_absent(LicenceKey, rows, "fingerprint")}
        # whom another process was faster with
        known = _known(key.fingerprint for key in keys if key.fingerprint not in added)
    if known:
        raise refusal_for(
            FileError(name, key.line, COLUMN, "", Sentence(
                "is known already, in the pool %(pool)s", pool=known[key.fingerprint]
            ), place)
            for key in keys if key.fingerprint in known
        )
    record(caller, "licence.keys-imported", f"pool:{pool}", after={"file": name, "keys": len(keys)})
    return len(keys)


def hand_key(caller: Caller, seat_id: int) -> int | None:
    """The key that a seat has, or gets now as `handing` says, for who has been asked whether they may; locks as whoever
    assigns does. None where there is none for it yet. Raises NotFound("seat"), RuleBroken("seats", "no-free-key").
    """
    row = db.session.execute(
        select(Startup, Product, SeatAssignment.email)
        .join(SeatAssignment, SeatAssignment.startup_id == Startup.id)
        .join(Product, Product.id == SeatAssignment.product_id)
        .where(SeatAssignment.seat_id == seat_id)
    ).first()
    if row is None:
        raise NotFound("seat", str(seat_id))
    startup, product, email = row
    desk = desk_of(caller, startup, product)
    there = db.session.scalar(select(LicenceKey.id).where(LicenceKey.seat_id == seat_id))
    seat = next((one.seat for one in desk.sittings.get(email, ()) if one.seat.id == seat_id), None)
    if there is not None or desk.keys is None or seat is None:
        return there
    return desk.keys.hand(caller, desk.lot_of(seat.lot_id), seat, email)


def reveal_key(caller: Caller, keyring: Keyring, seat_id: int) -> str:
    """The key of a seat, for its holder while they have it, or a manager; writes the trail, so it needs a transaction.

    Raises NotFound("seat") for who may not know of the seat, NotFound("licence key") where it has none,
    Forbidden("licence.keys") for others of the startup and for auditors, Conflict("seat", "not-theirs-now") for the
    holder before it begins and after it has ended, Conflict("keys", ...).
    """
    found = db.session.execute(
        select(SeatAssignment.email, SeatAssignment.startup_id, Startup.key, Product.key, SeatFact.account_id)
        .join(Startup, Startup.id == SeatAssignment.startup_id)
        .join(Product, Product.id == SeatAssignment.product_id)
        .join(SeatFact, SeatFact.id == SeatAssignment.seat_id)
        .where(SeatAssignment.seat_id == seat_id, visible_startups(caller))
    ).one_or_none()
    if found is None:
        raise NotFound("seat", str(seat_id))
    email, startup_id, startup, product, account_id = found
    if not may(caller, "licence.keys"):
        if startup_id not in caller.memberships or caller.person_id is None or caller.actor.lower() != email:
            raise Forbidden("licence.keys")
        _require_taken(seat_id, account_id, caller.now)
    kept = _kept(seat_id) or _handed_late(caller, seat_id, account_id)
    if kept is None:
        raise NotFound("licence key", f"of seat {seat_id}")
    text = keyring.decrypt(kept.ciphertext)
    record(caller, "licence.key-shown", f"seat:{seat_id}",
           after={"key": kept.id, "startup": startup, "product": product, "holder": email})
    return text


def _kept(seat_id: int) -> Row[int, str] | None:
    return db.session.execute(
        select(LicenceKey.id, LicenceKey.ciphertext).where(LicenceKey.seat_id == seat_id)
    ).one_or_none()


def _handed_late(caller: Caller, seat_id: int, account_id: int) -> Row[int, str] | None:
    """The key of a seat that has begun and had none so far, since all were out when it was given."""
    if not _seat(seat_id, account_id).is_taken(caller.now):
        return None
    try:
        hand_key(caller, seat_id)
    except RuleBroken:
        return None
    return _kept(seat_id)


def rotate_batch(caller: Caller, keyring: Keyring, after_id: int = 0) -> Rotated:
    """Encrypts the next keys under the newest key of the keyring, and makes their fingerprints anew where the secret of
    the service was changed. What is right already stays, so it can be stopped and repeated. Raises Conflict, Forbidden.
    """
    require(caller, "licence.keys")
    keyring.require_keys()
    rows = db.session.execute(
        select(LicenceKey.id, LicenceKey.fingerprint, LicenceKey.ciphertext, Pool.key)
        .join(Pool, Pool.id == LicenceKey.pool_id)
        .where(LicenceKey.id > after_id).order_by(LicenceKey.id).limit(BATCH).with_for_update(of=LicenceKey)
    ).all()
    changes: list[dict[str, object]] = []
    unreadable, new_prints = [], {}
    for key_id, fingerprint, ciphertext, pool in rows:
        try:
            text = keyring.decrypt(ciphertext)
        except Conflict:
            unreadable.append((pool, key_id))
            continue
        new_print = keyring.fingerprint(text)
        if new_print != fingerprint:
            new_prints[key_id] = new_print
        if new_print != fingerprint or not keyring.is_under_newest(ciphertext):
            new = ciphertext if keyring.is_under_newest(ciphertext) else keyring.encrypt(text)
            changes.append({"of": key_id, "ciphertext": new, "fingerprint": new_print})
    twice = _taken_prints(new_prints)
    for change in changes:  # a key that was imported again under another secret keeps the old fingerprint, and is named
        if change["of"] in twice:
            change["fingerprint"] = next(row.fingerprint for row in rows if row.id == change["of"])
    send(_ROTATED, changes)
    if changes:
        record(caller, "licence.keys-rotated", "licence-keys",
               after={"keys": len(changes), "first": changes[0]["of"], "last": changes[-1]["of"]})
    return Rotated(
        rows[-1].id if rows else None, len(changes), len(rows) - len(changes) - len(unreadable), tuple(unreadable),
        tuple((row.key, row.id) for row in rows if row.id in twice),
    )


def _taken_prints(new_prints: Mapping[int, str]) -> set[int]:
    """The keys whose new fingerprint another key has, or gets in the same batch."""
    statement = select(LicenceKey.fingerprint, LicenceKey.id).where(
        LicenceKey.fingerprint.in_(list(new_prints.values()))
    )
    others = {row.fingerprint: row.id for row in db.session.execute(statement)}
    twice = set()
    for key_id, fingerprint in new_prints.items():
        if others.setdefault(fingerprint, key_id) != key_id:
            twice.add(key_id)
    return twice


def _pool_of_seats(key: str) -> Pool:
    pool = by_key(Pool, "pool", key)
    kind = db.session.scalar(select(Resource.kind).where(Resource.id == pool.resource_id))
    if kind != "seats":
        raise RuleBroken("pool", "not-of-seats", "%(value)r holds %(kind)s: keys belong to a pool of seats",
                         value=key, kind=kind)
    return pool


def _known(fingerprints: Iterable[str]) -> dict[str, str]:
    """The pool of each of the fingerprints that is known."""
    known: dict[str, str] = {}
    for part in chunks(fingerprints):
        statement = (
            select(LicenceKey.fingerprint, Pool.key).join(Pool, Pool.id == LicenceKey.pool_id)
            .where(LicenceKey.fingerprint.in_(part))
        )
        known.update((fingerprint, pool) for fingerprint, pool in db.session.execute(statement))
    return known


def _check_fingerprints(keyring: Keyring) -> None:
    """Refuses when the first or the last key has a fingerprint of another secret: the rotation goes in their order."""
    ends = select(func.min(LicenceKey.id)).union(select(func.max(LicenceKey.id)))
    for fingerprint, ciphertext in db.session.execute(
        select(LicenceKey.fingerprint, LicenceKey.ciphertext).where(LicenceKey.id.in_(ends))
    ):
        if keyring.fingerprint(keyring.decrypt(ciphertext)) != fingerprint:
            raise Conflict(
                "keys", "other-secret", "CREDITSVC_SECRET_KEY is not the one under which keys were imported, so known"
                " ones could not be told: run creditsvc licences rotate-keys first",
            )


def _seat(seat_id: int, account_id: int) -> SeatView:
    return next(view for view in seats_of([account_id]) if view.id == seat_id)


def _require_taken(seat_id: int, account_id: int, now: datetime) -> None:
    if not _seat(seat_id, account_id).is_taken(now):
        raise Conflict("seat", "not-theirs-now", "The seat is not yours at this time, so its key is not shown.")


@dataclass(frozen=True)
class KeyCount:
    """How many keys a pool has: free, with a seat that is taken now or later, and used (the seat is
    over; the next person on its grant gets it)."""

    pool: str
    resource: str
    free: int
    handed: int
    used: int

    @property
    def total(self) -> int:
        """All keys ever imported into it."""
        return self.free + self.handed + self.used


def key_counts(caller: Caller) -> list[KeyCount]:
    """The pools of seats that have keys, by key. Raises Forbidden."""
    require(caller, "licence.see")
    counted: dict[tuple[str, str], list[int]] = {}
    statement = (
        select(Pool.key, Resource.key, LicenceKey.seat_id, SeatFact.account_id)
        .join(Pool, Pool.id == LicenceKey.pool_id).join(Resource, Resource.id == Pool.resource_id)
        .outerjoin(SeatFact, SeatFact.id == LicenceKey.seat_id).order_by(Pool.key)
    )
    rows = db.session.execute(statement).all()
    seats = _seats(row[3] for row in rows)
    for pool, resource, seat_id, _ in rows:
        counts = counted.setdefault((pool, resource), [0, 0, 0])
        counts[0 if seat_id is None else 2 if _is_over(seats[seat_id], caller.now) else 1] += 1
    return [KeyCount(pool, resource, *counts) for (pool, resource), counts in counted.items()]


def _seats(account_ids: Iterable[int | None]) -> dict[int, SeatView]:
    ids = sorted({account_id for account_id in account_ids if account_id is not None})
    return {view.id: view for part in chunks(ids) for view in seats_of(part)}


def _is_over(seat: SeatView, now: datetime) -> bool:
    return seat.ends_at is not None and seat.ends_at <= now
