"""Large parks, written straight into the tables as the book would have written them: `creditsvc verify` finds nothing.

Made from counters alone, so that a park of one size is always the same. What one startup holds depends on its number
only, and its fate on whether it is one of the `troubled` ones, which are spread evenly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text

from creditsvc.columns import bulk_insert
from creditsvc.core.burndown import Lot
from creditsvc.core.days import day_start
from creditsvc.db import db, transaction
from creditsvc.grants.models import Activation, Grant
from creditsvc.ledger import caches
from creditsvc.ledger.chain import PostingLine, batch_hash
from creditsvc.ledger.facts import KnownLot, planned
from creditsvc.ledger.models import (
    Account,
    Batch,
    ChargeKey,
    LotFact,
    Pool,
    Posting,
    Resource,
    Scope,
    ScopeFact,
    UsageFact,
)
from creditsvc.parties.models import Membership, Person, Startup
from creditsvc.programmes.models import Partner
from creditsvc.usage.models import ImportRun

NOW = datetime(2026, 7, 1, 6, tzinfo=UTC)
"""The instant at which all that is measured happens, where it is ours to say."""

NEWEST = date(2026, 6, 30)
USD = 10**8
_AT_ONCE = 250
_NUMBERED = (Startup, Person, Membership, Partner, Resource, Pool, Account, Batch, LotFact, Grant, Scope, ScopeFact,
             ChargeKey, UsageFact, Posting, ImportRun)  # fmt: skip


@dataclass(frozen=True)
class Park:
    """How many startups, grants of each, days of usage and charge keys a day.

    Of the startups `expiring` have grants that end within weeks, `troubled` have used up all they had and more, and
    no new cost data for ten days.
    """

    startups: int
    grants: int
    days: int
    keys: int
    expiring: int = 0
    troubled: int = 0

    def is_troubled(self, number: int) -> bool:
        """Whether startup `number` (from 1) is one that used up all."""
        return number * self.troubled // self.startups > (number - 1) * self.troubled // self.startups

    def is_expiring(self, number: int) -> bool:
        """Whether the grants of startup `number` end soon."""
        turned = self.startups + 1 - number
        return turned * self.expiring // self.startups > (turned - 1) * self.expiring // self.startups


def _subscription(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def key_of(number: int) -> str:
    """The key of a startup."""
    return f"startup-{number:05d}"


def fill(park: Park) -> None:
    """Fills an empty database with the park."""
    transaction(_fill_frame)
    for first in range(1, park.startups + 1, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, park.startups + 1))
        transaction(lambda numbers=numbers: _fill_startups(park, numbers))  # type: ignore[misc]
    transaction(lambda: _count_on(park))


def _fill_frame() -> None:
    bulk_insert(Partner, ("id", "key", "name"), [(1, "microsoft", "Microsoft")])
    bulk_insert(Resource, ("id", "key", "name", "kind", "unit", "provider"),
                [(1, "azure-credit", "Azure credit", "credit", "USD", "azure")])
    bulk_insert(Pool, ("id", "key", "partner_id", "resource_id", "amount", "committed", "starts", "ends"),
                [(1, "ms", 1, 1, 10**18, 0, datetime(2025, 1, 1, tzinfo=UTC), None)])
    bulk_insert(ChargeKey, ("id", "text"), [(number, f"service {number}|meter|usage") for number in range(1, 11)])
    db.session.add(ImportRun(
        id=1, status="applied", name="park", content_hash="park", submitted_at=NOW, received_at=NOW, actor="benchmark",
        report={},
    ))
    db.session.flush()


def _fill_startups(park: Park, numbers: range) -> None:
    keys = [(number, key_of(number)) for number in numbers]
    bulk_insert(Startup, ("id", "key", "name", "language", "created_at"),
                [(number, key, key.title(), "en", NOW) for number, key in keys])
    bulk_insert(Person, ("id", "email", "name", "limited_to_programmes", "session_epoch", "active", "created_at"),
                [(number, f"owner@{key}.example", "A. Lee", False, 0, True, NOW) for number, key in keys])
    bulk_insert(Membership, ("id", "startup_id", "person_id", "role"),
                [(number, number, number, "owner") for number in numbers])
    holdings = [_Holding(park, number) for number in numbers]
    bulk_insert(Account, ("id", "startup_id", "resource_id", "batches", "head_hash", "head_at"),
                [(one.number, one.number, 1, 2, one.batches[1].hash, one.batches[1].recorded_at) for one in holdings])
    columns = ("id", "account_id", "number", "recorded_at", "cause", "cause_ref", "actor", "previous_hash", "hash")
    bulk_insert(Batch, columns, [[getattr(batch, name) for name in columns] for one in holdings
                                 for batch in one.batches])
    of_lots = ("id", "account_id", "batch_id", "pool_id", "key", "amount", "effective", "expires", "priority",
               "promotional", "awarded")
    lots = [lot for one in holdings for lot in one.lots]
    bulk_insert(LotFact, of_lots, [[getattr(lot, name) for name in of_lots] for lot in lots])
    bulk_insert(Grant, ("id", "key", "startup_id", "lot_id", "month", "reason", "awarded_by", "awarded_at"),
                [(lot.id, lot.key, lot.account_id, lot.id, 0, "", "benchmark", lot.awarded) for lot in lots])
    bulk_insert(Activation, ("grant_id", "activated_at", "subscription", "reason", "entered_at", "actor"),
                [(lot.id, lot.effective, _subscription(lot.account_id), "", NOW, "benchmark") for lot in lots])
    bulk_insert(Scope, ("id", "provider", "external_id", "newest_charge_day", "data_at"),
                [(one.number, "azure", _subscription(one.number), one.newest, NOW)
                 for one in holdings])
    bulk_insert(ScopeFact, ("id", "scope_id", "from_at", "account_id", "stated_at", "actor"),
                [(number, number, datetime(2025, 1, 1, tzinfo=UTC), number, NOW, "benchmark") for number in numbers])
    bulk_insert(UsageFact, ("scope_id", "day", "key_id", "currency", "amount", "run_id"),
                [(one.number, day, key, "USD", amount, 1) for one in holdings for day, key, amount in one.usage])
    bulk_insert(Posting, ("batch_id", "account_id", "charge_at", "kind", "lot_id", "amount"),
                [(2 * one.number, one.number, *line) for one in holdings for line in one.lines])
    caches.write({one.number: 2 for one in holdings}, {one.number: one.known for one in holdings},
                 {one.number: one.sums for one in holdings})


class _Holding:
    """All of one startup's account."""

    def __init__(self, park: Park, number: int) -> None:
        self.number = number
        troubled = park.is_troubled(number)
        self.newest = NEWEST - timedelta(days=10 if troubled else 0)
        self.usage = [
            (self.newest - timedelta(days=back), key, _amount(number, back, key))
            for back in reversed(range(park.days)) for key in range(1, park.keys + 1)
        ]
        by_day: dict[datetime, int] = {}
        for day, _, amount in self.usage:
            by_day[day_start(day)] = by_day.get(day_start(day), 0) + amount
        used = sum(by_day.values())
        # Three quarters of what was used would be too little, four times as much is plenty for less than half to go.
        each = (used * 3 // 4 if troubled else used * 4) // park.grants
        soon = park.is_expiring(number)
        self.lots = [self._lot(park, place, each, 20 + place if soon else 200 + 30 * place)
                     for place in range(park.grants)]
        self.known = [
            KnownLot(lot, Lot(lot.key, lot.amount, lot.effective, lot.expires, awarded=lot.awarded), "ms", None)
            for lot in self.lots
        ]
        self.sums = planned(self.known, by_day)
        self.lines: Sequence[PostingLine] = [(*place, amount) for place, amount in self.sums.items()]
        self.batches = self._batches()

    def _lot(self, park: Park, place: int, amount: int, days_left: int) -> LotFact:
        return LotFact(
            id=(self.number - 1) * park.grants + place + 1, account_id=self.number, batch_id=2 * self.number - 1,
            pool_id=1, key=f"{key_of(self.number)}-{place}", amount=amount,
            effective=day_start(NEWEST - timedelta(days=park.days + 20)),
            expires=day_start(NEWEST + timedelta(days=days_left)), priority=0, promotional=False,
            awarded=NOW - timedelta(days=park.days + 20),
        )

    def _batches(self) -> tuple[Batch, Batch]:
        keys = {lot.id: lot.key for lot in self.lots}
        award = Batch(
            id=2 * self.number - 1, account_id=self.number, number=1, recorded_at=NOW - timedelta(days=2),
            cause="award", cause_ref=f"grant:{self.lots[0].key}", actor="benchmark", previous_hash="",
        )
        award.hash = batch_hash(award, self.lots, [], [], keys)
        usage = Batch(
            id=2 * self.number, account_id=self.number, number=2, recorded_at=NOW - timedelta(days=1),
            cause="usage", cause_ref="run:1", actor="benchmark", previous_hash=award.hash,
        )
        usage.hash = batch_hash(usage, [], [], self.lines, keys)
        return award, usage


def _amount(number: int, back: int, key: int) -> int:
    """Some dollars and a fraction, from the place in the park."""
    return 5 * USD + (number * 2_654_435_761 + back * 40_503 + key * 69_069) % (10 * USD)


def _count_on(park: Park) -> None:
    """What the rows written by number leave to say: the pool's sum, and where numbers go on."""
    db.session.execute(text("UPDATE pool SET committed = (SELECT sum(amount) FROM lot WHERE pool_id = pool.id)"))
    if db.session.get_bind().dialect.name == "postgresql":
        for model in _NUMBERED:
            name = model.__tablename__
            db.session.execute(text(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))"
            ))
