"""The book against the facts (L18): plans every account anew and compares, names whatever differs.

Reads one snapshot, a slice of accounts at a time, and writes nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import column, func, select, table

from creditsvc.columns import bulk_read
from creditsvc.core.amounts import format_amount, unit_named
from creditsvc.core.errors import RuleBroken
from creditsvc.core.rates import parse_rate
from creditsvc.db import begin_snapshot, db
from creditsvc.ledger.additions import Words, words_by_batch
from creditsvc.ledger.caches import ends_at, lapses_at, used_up_from
from creditsvc.ledger.chain import PostingLine, as_written, batch_hash, rate_hash
from creditsvc.ledger.facts import (
    KnownLot,
    PostingKey,
    lots_of,
    newest_charge_days,
    planned,
    posted_of,
    units_of,
    usage_of,
)
from creditsvc.ledger.holds import hours_of
from creditsvc.ledger.models import (
    Account,
    AccountCache,
    Batch,
    LotCache,
    LotChange,
    LotFact,
    Pool,
    Posting,
    RateFact,
    Resource,
)
from creditsvc.ledger.seals import broken_seals
from creditsvc.ledger.seats import promised_of
from creditsvc.ledger.verify_holdings import Difference, account_names, check_holdings, difference, plan_of_hours
from creditsvc.parties.models import TrailEntry
from creditsvc.sets import chunks

SLICE = 200
HEADS = "ledger.heads"
"""The trail's action under which each night notes the heads of the accounts that changed."""

def verify(*of_rooms: Callable[[], list[Difference]]) -> dict[str, Any]:
    """Counts and differences as CONTRACT section 5 states them; an empty list of differences is a clean book.

    `of_rooms` are checks of rooms above the ledger, which compare their paper with the book in the same snapshot.
    """
    begin_snapshot()
    differences = check_rates()
    names = account_names()
    for part in chunks(names if _rates_readable() else (), SLICE):
        differences += check_accounts(part, names)
        db.session.expunge_all()
    differences += check_pools()
    differences += _check_causes(names)
    differences += _check_heads(names)
    differences += [difference("", what, expected, found) for what, expected, found in broken_seals()]
    for check in of_rooms:
        differences += check()
    report = {
        "accounts": len(names),
        "grants": _count(LotFact.id),
        "postings": _count(Posting.id),
        "batches": _count(Batch.id),
        "differences": differences,
    }
    db.session.rollback()
    return report


def _count(key: Any) -> int:
    return db.session.scalar(select(func.count(key))) or 0


def check_accounts(ids: Sequence[int], names: dict[int, str]) -> list[Difference]:
    """What differs in these accounts: postings from the plan, drawn amounts, caches, chains."""
    known, usage, posted, units = lots_of(ids), usage_of(ids), posted_of(ids), units_of(ids)
    hours = hours_of(ids)
    differences = _check_caches(ids, names, known, posted)
    for account_id in ids:
        name, unit = names[account_id], unit_named(units[account_id])
        keys = {lot.fact.id: lot.fact.key for lot in known[account_id]}
        if account_id not in hours:
            wanted = planned(known[account_id], usage[account_id])
        else:
            wanted, of_plan = plan_of_hours(name, known[account_id], hours[account_id])
            differences += of_plan
        for place in sorted(wanted.keys() | posted[account_id].keys(), key=str):
            expected, found = wanted.get(place, 0), posted[account_id].get(place, 0)
            if expected != found:
                what = _posting_name(place, keys)
                differences.append(
                    difference(name, what, format_amount(expected, unit), format_amount(found, unit))
                )
        differences += _check_lots(name, known[account_id], posted[account_id])
    differences += check_holdings(ids, names, known)
    return differences + _check_chains(ids, names, known)


def _posting_name(place: PostingKey, keys: dict[int, str]) -> str:
    at, kind, lot_id = place
    return f"{kind} {at:%Y-%m-%d}" + (f" grant {keys.get(lot_id, lot_id)}" if lot_id is not None else "")


def _check_lots(name: str, known: Sequence[KnownLot], posted: dict[PostingKey, int]) -> list[Difference]:
    """granted = drawn + what stands under another word (L10), so none of them can be below 0."""
    taken: dict[tuple[str, int | None], int] = defaultdict(int)
    for (_, kind, lot_id), amount in posted.items():
        taken[kind, lot_id] += amount
    differences = []
    for lot in known:
        drawn, held = (taken[kind, lot.fact.id] for kind in ("drawn", "held"))
        if not (drawn >= 0 <= held and drawn + held <= lot.lot.amount):
            found = f"{drawn} and {held} held" if held else drawn
            differences.append(difference(name, f"drawn of grant {lot.fact.key}", f"0 to {lot.lot.amount}", found))
    return differences


def _check_caches(
    ids: Sequence[int],
    names: dict[int, str],
    known: dict[int, list[KnownLot]],
    posted: dict[int, dict[PostingKey, int]],
) -> list[Difference]:
    """Caches that would answer otherwise than facts and postings do; one of an older batch is used by nobody (L16)."""
    differences = []
    newest = newest_charge_days(ids)
    lots: dict[int, dict[int, LotCache]] = defaultdict(dict)
    for lot in db.session.scalars(select(LotCache).where(LotCache.account_id.in_(ids))):
        lots[lot.account_id][lot.lot_id] = lot
    caches = db.session.execute(
        select(AccountCache, Account.batches)
        .join(Account, Account.id == AccountCache.account_id)
        .where(AccountCache.account_id.in_(ids))
    )
    for cache, head in caches:
        account_id = cache.account_id
        if cache.batch != head:
            continue
        expected = _to_cache(known[account_id], posted[account_id]) | {"data up to": newest.get(account_id)}
        found = _cached(cache, lots[account_id])
        differences += [
            difference(names[account_id], f"cached {what}", expected.get(what), found.get(what))
            for what in sorted(expected.keys() | found.keys())
            if expected.get(what) != found.get(what)
        ]
    return differences


def _to_cache(known: Sequence[KnownLot], posted: dict[PostingKey, int]) -> dict[str, object]:
    """What an account's cache must say, by what it is about."""
    sums: dict[tuple[str, int | None], int] = defaultdict(int)
    for (_, kind, lot_id), amount in posted.items():
        sums[kind, lot_id] += amount
    expected: dict[str, object] = {
        "newest charge day": max((at for at, _, _ in posted), default=None),
        "uncovered": sums["uncovered", None],
        "uncredited": sums["uncredited", None],
        "used up from": used_up_from(
            (lot.lot, sums["drawn", lot.fact.id] + sums["held", lot.fact.id]) for lot in known
        ),
    }
    for lot in known:
        drawn, held = sums["drawn", lot.fact.id], sums["held", lot.fact.id]
        expected[f"drawn and held of lot {lot.fact.id}"] = (drawn, held, lot.lot.amount - drawn - held)
        expected[f"interval of lot {lot.fact.id}"] = (
            lot.lot.effective, lapses_at(lot.lot, drawn + held), ends_at(lot.lot)
        )
        expected[f"pool of lot {lot.fact.id}"] = lot.fact.pool_id
    return expected


def _cached(cache: AccountCache, lots: dict[int, LotCache]) -> dict[str, object]:
    found: dict[str, object] = {
        "newest charge day": cache.last_charge_at, "uncovered": cache.uncovered, "uncredited": cache.uncredited,
        "used up from": cache.used_up_from, "data up to": cache.newest_charge_day,
    }
    for lot_id, lot in lots.items():
        found[f"drawn and held of lot {lot_id}"] = (lot.drawn, lot.held, lot.undrawn)
        found[f"interval of lot {lot_id}"] = (lot.effective, lot.lapses_at, lot.ends_at)
        found[f"pool of lot {lot_id}"] = lot.pool_id
    return found


def _check_chains(
    ids: Sequence[int], names: dict[int, str], known: dict[int, list[KnownLot]]
) -> list[Difference]:
    facts: dict[int, list[Any]] = defaultdict(list)
    for lots in known.values():
        for lot in lots:
            facts[lot.fact.batch_id].append(lot.fact)
    keys = {lot.fact.id: lot.fact.key for lots in known.values() for lot in lots}
    changes: dict[int, list[LotChange]] = defaultdict(list)
    for change in db.session.scalars(
        select(LotChange).join(LotFact, LotFact.id == LotChange.lot_id).where(LotFact.account_id.in_(ids))
    ):
        changes[change.batch_id].append(change)
    lines: dict[int, list[PostingLine]] = defaultdict(list)
    for posting in db.session.execute(
        select(Posting.batch_id, Posting.charge_at, Posting.kind, Posting.lot_id, Posting.amount)
        .where(Posting.account_id.in_(ids))
    ):
        lines[posting.batch_id].append((posting.charge_at, posting.kind, posting.lot_id, posting.amount))
    added = words_by_batch(ids)
    differences: list[Difference] = []
    chains: dict[int, list[Batch]] = defaultdict(list)
    for batch in db.session.scalars(
        select(Batch).where(Batch.account_id.in_(ids)).order_by(Batch.account_id, Batch.number)
    ):
        chains[batch.account_id].append(batch)
    for account in db.session.scalars(select(Account).where(Account.id.in_(ids))):
        differences += _check_chain(names[account.id], account, chains[account.id], facts, changes, lines, keys, added)
    return differences


def _check_chain(
    name: str,
    account: Account,
    batches: Sequence[Batch],
    facts: dict[int, list[LotFact]],
    changes: dict[int, list[LotChange]],
    lines: dict[int, list[PostingLine]],
    keys: dict[int, str],
    added: Mapping[int, Words],
) -> list[Difference]:
    differences = []
    previous, before = "", None
    for number, batch in enumerate(batches, start=1):
        if batch.number != number:
            differences.append(difference(name, "number of a batch", number, batch.number))
        if batch.previous_hash != previous:
            differences.append(difference(name, f"batch {batch.number} follows", previous, batch.previous_hash))
        if before is not None and batch.recorded_at <= before:
            differences.append(difference(name, f"batch {batch.number} recorded after", before, batch.recorded_at))
        unknown = {lot_id for *_, lot_id, _ in lines[batch.id] if lot_id is not None and lot_id not in keys}
        named = keys | {lot_id: f"?{lot_id}" for lot_id in unknown}
        found = batch_hash(batch, facts[batch.id], changes[batch.id], lines[batch.id], named, added.get(batch.id))
        if found != batch.hash and batch.hash != batch_hash(  # made before addresses could be erased
            batch, facts[batch.id], changes[batch.id], lines[batch.id], named,
            words_by_batch([account.id], as_written).get(batch.id), as_written,
        ):
            differences.append(difference(name, f"hash of batch {batch.number}", batch.hash, found))
        previous, before = batch.hash, batch.recorded_at
    if account.batches != len(batches):
        differences.append(difference(name, "batches", account.batches, len(batches)))
    if account.head_hash != previous:
        differences.append(difference(name, "head of the chain", account.head_hash, previous))
    return differences


def check_pools() -> list[Difference]:
    """Pools whose committed amount is not what their lots make it, or more than they hold (L11).

    That is the sum of their capacities; of seats, the most that they have at any one instant.
    """
    sums: dict[int, int] = defaultdict(int)
    for pool_id, amount in db.session.execute(select(LotFact.pool_id, func.sum(LotFact.amount))
                                              .group_by(LotFact.pool_id)):
        sums[pool_id] += int(amount)
    changed = (
        select(LotFact.pool_id, LotChange.kind, func.sum(LotChange.amount))
        .join(LotFact, LotFact.id == LotChange.lot_id)
        .where(LotChange.kind.in_(("top_up", "return")))
        .group_by(LotFact.pool_id, LotChange.kind)
    )
    for pool_id, kind, amount in db.session.execute(changed):
        sums[pool_id] += int(amount) if kind == "top_up" else -int(amount)
    of_seats = db.session.scalars(
        select(Pool.id).join(Resource, Resource.id == Pool.resource_id).where(Resource.kind == "seats")
    )
    sums.update(promised_of(of_seats))
    differences = []
    for pool in db.session.scalars(select(Pool).order_by(Pool.id)):
        if pool.committed != sums[pool.id]:
            differences.append(difference("", f"committed of pool {pool.key}", sums[pool.id], pool.committed))
        if sums[pool.id] > pool.amount:
            differences.append(difference("", f"pool {pool.key} exceeded", f"at most {pool.amount}", sums[pool.id]))
    return differences


def check_rates() -> list[Difference]:
    """Exchange rates that were changed, or that are no rates; none was taken out from among them."""
    differences, previous = [], ""
    for fact in db.session.scalars(select(RateFact).order_by(RateFact.id)):
        name = f"rate {fact.id} ({fact.from_currency} to {fact.to_currency} from {fact.day})"
        if fact.previous_hash != previous:
            differences.append(difference("", f"{name} follows", previous, fact.previous_hash))
        found = rate_hash(fact)
        if fact.hash not in (found, rate_hash(fact, as_written)):
            differences.append(difference("", f"hash of {name}", fact.hash, found))
        if not _is_readable(fact):
            differences.append(difference("", name, "a rate; no account can be planned without", fact.rate))
        previous = fact.hash
    return differences


def _rates_readable() -> bool:
    return all(_is_readable(fact) for fact in db.session.scalars(select(RateFact)))


def _is_readable(fact: RateFact) -> bool:
    try:
        return fact.rate is None or bool(parse_rate(fact.rate))
    except RuleBroken:
        return False


def _check_causes(names: dict[int, str]) -> list[Difference]:
    """Every posting stands in a batch of its own account; a batch of a run or a rate names one that exists."""
    strays = db.session.execute(
        select(Posting.id, Posting.account_id)
        .outerjoin(Batch, Batch.id == Posting.batch_id)
        .where((Batch.id.is_(None)) | (Batch.account_id != Posting.account_id))
    )
    differences = [
        difference(names.get(account_id, str(account_id)), f"cause of posting {posting_id}", "a batch of the account",
                    "none")
        for posting_id, account_id in strays
    ]
    known = {f"run:{run_id}" for run_id in db.session.scalars(select(table("import_run", column("id")).c.id))}
    known |= {f"rate:{rate_id}" for rate_id in db.session.scalars(select(RateFact.id))}
    told = db.session.execute(
        select(Batch.account_id, Batch.number, Batch.cause, Batch.cause_ref)
        .where(Batch.cause.in_(("usage", "reverse", "rate")))
    )
    differences += [
        difference(names.get(account_id, str(account_id)), f"cause of batch {number}",
                    "an exchange rate" if cause == "rate" else "an import run", reference)
        for account_id, number, cause, reference in told
        if reference not in known or reference.startswith("rate:") != (cause == "rate")
    ]
    return differences


def _check_heads(names: dict[int, str]) -> list[Difference]:
    """The heads that the nights noted in the trail must still be in the chains, or a tail was cut (L18).

    All of them: after a cut the next night notes what is left. Of each account the first that is gone is named.
    """
    account_ids, numbers, found = bulk_read(select(Batch.account_id, Batch.number, Batch.hash))
    hashes = dict(zip(zip(account_ids, numbers, strict=True), found, strict=True))
    noted = db.session.execute(
        select(TrailEntry.at, TrailEntry.after).where(TrailEntry.action == HEADS).order_by(TrailEntry.id),
        execution_options={"yield_per": 100},
    )
    gone: dict[int, tuple[int, str, datetime]] = {}
    for at, after in noted:
        for account_id, (number, head) in (after or {}).get("heads", {}).items():
            if hashes.get((int(account_id), int(number))) != head:
                gone.setdefault(int(account_id), (int(number), str(head), at))
    return [
        difference(names.get(account_id, str(account_id)), f"batch {number} as the night of {at:%Y-%m-%d} noted it",
                    head, hashes.get((account_id, number), "gone"))
        for account_id, (number, head, at) in sorted(gone.items())
    ]
