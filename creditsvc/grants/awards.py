"""How lots come into being: drafts are checked against their pools under lock, then posted with their paper (L12).

`award` serves a single award, a package's lines and the load file alike; who may award, and what the text of a form
means, is asked before.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, union

from creditsvc.core.amounts import Unit, format_amount, unit_named
from creditsvc.core.days import end_text, ends_at, instant_text, last_day_of_months, start_text, starts_at
from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.db import db
from creditsvc.grants.models import Grant
from creditsvc.ledger import book, locks
from creditsvc.ledger.book import Cause, ChangeTerms, LotTerms
from creditsvc.ledger.models import LotFact, Pool, Resource
from creditsvc.parties.access import Caller
from creditsvc.parties.operations import check_key
from creditsvc.parties.trail import record, recording_all
from creditsvc.sets import Write, insert_rows, transient

LONGEST_KEY = 120
PRIORITIES = range(-1000, 1001)
MOST_MONTHS = 120
NEEDS_SECOND_PERSON = "needs-second-person"
"""The code of the refusal of an award above its pool's limit."""


@dataclass(frozen=True)
class Draft:
    """A grant about to be awarded; the amount in steps of the pool's unit, instants in UTC.

    `place` goes before the names of fields in refusals (`lines[0].`). `may_be_worthless` takes in an expiry that is
    not after the start, as facts from elsewhere have it (L4). A key of None is made up. `series` and `month` (from 1)
    are those of a monthly allowance.
    """

    startup_id: int
    startup: str
    pool: Pool
    amount: int
    effective: datetime
    expires: datetime | None
    awarded: datetime
    key: str | None = None
    priority: int = 0
    promotional: bool = False
    reason: str = ""
    opening: int = 0
    opening_at: datetime | None = None
    changes: tuple[ChangeTerms, ...] = ()
    enrolment_id: int | None = None
    package_line_id: int | None = None
    place: str = ""
    may_be_worthless: bool = False
    series: str | None = None
    month: int = 0


def find_pool(key: str) -> tuple[Pool, Resource]:
    """The pool of that key, locked, and its resource. Raises RuleBroken("pool", "unknown-pool")."""
    found = locks.lock_pool(key)
    if found is None:
        raise RuleBroken("pool", "unknown-pool", "there is no pool %(pool)s", pool=key)
    return found


def by_month(
    draft: Draft, resource: Resource, first: date, months: int, zone: ZoneInfo, besides: Iterable[Draft] = ()
) -> list[Draft]:
    """A monthly allowance: a grant of the draft's amount for each of some months from a day on, made at the award.

    What a month leaves expires with it. The key given names the allowance, those of its months count on behind it; one
    that is made up is none of the drafts `besides`, which are awarded in the same act.
    Raises RuleBroken("months", "out-of-range") unless there are 1 to 120 of them.
    """
    if not 1 <= months <= MOST_MONTHS:
        raise RuleBroken(
            "months", "out-of-range", "%(value)s is out of range: from %(first)s to %(last)s is right",
            value=months, first=1, last=MOST_MONTHS,
        )
    if draft.key is not None:
        check_key(draft.key, f"{draft.place}key", LONGEST_KEY - len("-m000"))
    series = draft.key or _made_up(draft, resource, {name for one in besides for name in (one.key, one.series) if name})
    starts = [first, *(last_day_of_months(first, month) + timedelta(days=1) for month in range(1, months))]
    return [
        replace(
            draft, key=f"{series}-m{month:02d}", series=series, month=month, effective=starts_at(start, zone),
            expires=ends_at(last_day_of_months(first, month), zone),
        )
        for month, start in enumerate(starts, start=1)
    ]


def award(
    caller: Caller, drafts: Sequence[Draft], cause: Cause | None = None, *, approved: bool = False
) -> list[Grant]:
    """Awards all drafts or none, and gives their papers in the same order.

    Locks the pools, then the accounts (L12). `approved`: a second person has said yes to an award above a pool's limit,
    or it was awarded elsewhere. Raises Conflict("amount", "needs-second-person") for one that is above it, RuleBroken
    at `amount`, `effective`, `expires`, `priority`, `opening_drawn` or `opening_at` (with the draft's place before it),
    Conflict("key", "key-taken").
    """
    if not drafts:
        return []
    resources = {draft.pool.id: db.session.get_one(Resource, draft.pool.resource_id) for draft in drafts}
    units = {pool_id: unit_named(resource.unit) for pool_id, resource in resources.items()}
    for draft in drafts:
        check_draft(draft, units[draft.pool.id])
    pools = locks.lock_pools(units)
    _check_room(drafts, pools, units)
    if not approved:
        _check_limits(drafts, pools, units)
    accounts, made = locks.open_accounts((draft.startup_id, draft.pool.resource_id) for draft in drafts)
    by_draft = [accounts[draft.startup_id, draft.pool.resource_id] for draft in drafts]
    keys = _keys(drafts, resources)
    lots: dict[int, list[LotTerms]] = defaultdict(list)
    changes: dict[int, list[ChangeTerms]] = defaultdict(list)
    for draft, key, account in zip(drafts, keys, by_draft, strict=True):
        lots[account.id].append(_terms(draft, key))
        changes[account.id] += _changes(draft, key)
    papers = [_paper(caller, draft, key) for draft, key in zip(drafts, keys, strict=True)]
    recorded = _recording(caller, drafts, keys, units)
    try:
        book.post(
            {account.id: account for account in by_draft}.values(),
            cause or Cause("award", f"grant:{keys[0]}", caller.actor), lots, changes, made=made,
            write_papers=lambda ids, writes: _write_papers(papers, ids, [*writes, recorded]),
        )
    except RuleBroken as refusal:
        place = next(
            (draft.place for draft, key in zip(drafts, keys, strict=True)
             if key == refusal.params.get("key") or draft.pool.key == refusal.params.get("pool")), "",
        )
        kind = type(refusal)
        raise kind(f"{place}{refusal.field}", refusal.code, refusal.message, **refusal.params) from refusal
    return papers


def add_changes(caller: Caller, lot: LotFact, unit: Unit, changes: Sequence[ChangeTerms], cause: Cause) -> None:
    """Adds facts from elsewhere to a lot, as stated: what may be done now is not asked, the pool's rest is.

    Raises RuleBroken("amount", "pool-exceeded").
    """
    locks.lock_pools([lot.pool_id])
    account = locks.lock_accounts([lot.account_id])[lot.account_id]
    book.post([account], cause, changes={account.id: changes})
    for change in changes:
        record(
            caller, f"grant.{change.kind}", f"grant:{lot.key}",
            after={**change_text(change, unit), "reason": change.reason},
        )


def check_draft(draft: Draft, unit: Unit) -> None:
    """Refuses what could be no grant of its pool, whatever the pool has left. Raises RuleBroken as `award`."""
    place, pool = draft.place, draft.pool
    if draft.amount <= 0:
        raise RuleBroken(
            f"{place}amount", "not-positive", "%(value)s: a grant is of more than 0",
            value=format_amount(draft.amount, unit),
        )
    if draft.effective < pool.starts or (pool.ends is not None and draft.effective >= pool.ends):
        raise _outside_pool(draft)
    if draft.expires is not None and draft.expires <= draft.effective and not draft.may_be_worthless:
        raise RuleBroken(
            f"{place}expires", "not-after-start", "the end, %(expires)s, is not after the start, %(effective)s",
            expires=end_text(draft.expires), effective=start_text(draft.effective),
        )
    if draft.priority not in PRIORITIES:
        raise RuleBroken(
            f"{place}priority", "out-of-range", "%(value)s is out of range: from %(first)s to %(last)s is right",
            value=draft.priority, first=PRIORITIES[0], last=PRIORITIES[-1],
        )
    _check_opening(draft, unit)


def _outside_pool(draft: Draft) -> RuleBroken:
    pool = draft.pool
    return RuleBroken(
        f"{draft.place}effective", "outside-pool",
        "%(value)s: a grant from the pool %(pool)s starts on a day from %(first)s to %(last)s",
        value=start_text(draft.effective), pool=pool.key, first=start_text(pool.starts),
        last=end_text(pool.ends) if pool.ends is not None else "...",
    )


def refuse_drawn_seats(unit: Unit, field: str) -> None:
    """Seats are taken by people, never drawn. Raises RuleBroken(field, "seats-are-not-drawn")."""
    if unit.name == "seat":
        raise RuleBroken(field, "seats-are-not-drawn", "of seats nothing is drawn: say who sits there instead")


def _check_opening(draft: Draft, unit: Unit) -> None:
    if draft.opening:
        refuse_drawn_seats(unit, f"{draft.place}opening_drawn")
    if draft.opening < 0 or draft.opening > draft.amount:
        raise RuleBroken(
            f"{draft.place}opening_drawn", "out-of-range",
            "%(value)s: what was drawn before go-live is from 0 to the grant's %(amount)s",
            value=format_amount(draft.opening, unit), amount=format_amount(draft.amount, unit),
        )
    at = draft.opening_at
    if at is None:
        return
    if not draft.opening:
        raise RuleBroken(f"{draft.place}opening_at", "nothing-drawn", "a day of the opening balance, but no amount")
    if at < draft.effective or (draft.expires is not None and at > draft.expires):
        raise RuleBroken(
            f"{draft.place}opening_at", "outside-grant", "%(value)s is not within the grant", value=start_text(at)
        )


def _check_room(drafts: Sequence[Draft], pools: Mapping[int, Pool], units: Mapping[int, Unit]) -> None:
    """Refuses the first draft for which its pool, locked, has not enough left; the book asks again (L11).

    What a pool of seats has left depends on the days, so of those the book alone is asked.
    """
    left = {pool.id: pool.amount - pool.committed for pool in pools.values()}
    for draft in drafts:
        if units[draft.pool.id].name == "seat":
            continue
        asked = draft.amount + sum(change.amount for change in draft.changes if change.kind == "top_up")
        if asked > left[draft.pool.id]:
            unit = units[draft.pool.id]
            raise RuleBroken(
                f"{draft.place}amount", "pool-exceeded",
                "the pool %(pool)s has %(left)s %(unit)s left, not %(asked)s", pool=draft.pool.key,
                left=format_amount(left[draft.pool.id], unit), unit=unit.name, asked=format_amount(asked, unit),
            )
        left[draft.pool.id] -= asked


def _check_limits(drafts: Sequence[Draft], pools: Mapping[int, Pool], units: Mapping[int, Unit]) -> None:
    """Refuses what a startup would get from a pool in one act where that is above the pool's limit."""
    sums: dict[tuple[int, int], int] = defaultdict(int)
    for draft in drafts:
        one = draft.startup_id, draft.pool.id
        sums[one] += draft.amount
        refuse_above_limit(pools[draft.pool.id], units[draft.pool.id], sums[one], draft.place)


def refuse_above_limit(pool: Pool, unit: Unit, amount: int, place: str = "") -> None:
    """Raises Conflict("amount", "needs-second-person") for an amount above the pool's limit, if it has one."""
    if pool.award_limit is not None and amount > pool.award_limit:
        raise Conflict(
            f"{place}amount", NEEDS_SECOND_PERSON,
            "more than %(limit)s %(unit)s from the pool %(pool)s at once needs a second person: propose it, and "
            "somebody else approves it", limit=format_amount(pool.award_limit, unit), unit=unit.name, pool=pool.key,
        )


def _terms(draft: Draft, key: str) -> LotTerms:
    return LotTerms(
        key=key, pool_id=draft.pool.id, amount=draft.amount, effective=draft.effective, expires=draft.expires,
        awarded=draft.awarded, priority=draft.priority, promotional=draft.promotional,
    )


def _changes(draft: Draft, key: str) -> list[ChangeTerms]:
    changes = list(draft.changes)
    if draft.opening:
        at = draft.opening_at or draft.effective
        changes.insert(0, ChangeTerms(key, "opening", draft.awarded, draft.opening, at))
    return changes


def _keys(drafts: Sequence[Draft], resources: Mapping[int, Resource]) -> list[str]:
    """The keys given and made-up ones: startup, resource and the first free number. The book refuses one taken; none
    that is made up is the name of an allowance, or two holdings would look like one."""
    given = {name for draft in drafts for name in (draft.key, draft.series) if name}
    for draft in drafts:
        if draft.key is not None:
            check_key(draft.key, f"{draft.place}key", LONGEST_KEY)
    keys: list[str] = []
    for draft in drafts:
        if draft.key is None:
            keys.append(_made_up(draft, resources[draft.pool.id], given.union(keys)))
        elif draft.key in keys:
            raise Conflict(
                f"{draft.place}key", "key-taken", "The key %(key)s is taken: choose another one.", key=draft.key
            )
        else:
            keys.append(draft.key)
    return keys


def _made_up(draft: Draft, resource: Resource, used: Iterable[str]) -> str:
    stem = f"{draft.startup[:60]}-{resource.key[:40]}-"
    taken = {*used, *db.session.scalars(union(
        select(LotFact.key).where(LotFact.key.startswith(stem, autoescape=True)),
        select(Grant.series).where(Grant.series.startswith(stem, autoescape=True)),
    ))}
    number = 1
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"


def _paper(caller: Caller, draft: Draft, key: str) -> Grant:
    return transient(
        Grant, key=key, startup_id=draft.startup_id, enrolment_id=draft.enrolment_id,
        package_line_id=draft.package_line_id, series=draft.series, month=draft.month, reason=draft.reason,
        awarded_by=caller.actor, awarded_at=draft.awarded,
    )


def _write_papers(papers: Sequence[Grant], lots: Mapping[str, int], besides: Sequence[Write]) -> None:
    for paper in papers:
        paper.lot_id = lots[paper.key]
    insert_rows(papers, "key", besides)


def _recording(caller: Caller, drafts: Sequence[Draft], keys: Sequence[str], units: Mapping[int, Unit]) -> Write:
    """The write of what the trail says of the awards."""
    entries = []
    for draft, key in zip(drafts, keys, strict=True):
        unit = units[draft.pool.id]
        entries.append((f"grant:{key}", {
            "startup": draft.startup, "pool": draft.pool.key, "amount": format_amount(draft.amount, unit),
            "effective": instant_text(draft.effective), "expires": instant_text(draft.expires),
            "priority": draft.priority, "promotional": draft.promotional, "reason": draft.reason,
            **({"series": draft.series, "month": draft.month} if draft.series else {}),
            "opening_drawn": format_amount(draft.opening, unit),
            "changes": [change_text(change, unit) for change in draft.changes],
        }))
    return recording_all(caller, "grant.awarded", entries)


def change_text(change: ChangeTerms, unit: Unit) -> dict[str, str | None]:
    """A change of a lot as the trail keeps it."""
    text: dict[str, str | None] = {"kind": change.kind}
    if change.amount:
        text["amount"] = format_amount(change.amount, unit)
    if change.instant is not None:
        text["at"] = instant_text(change.instant)
    return text
