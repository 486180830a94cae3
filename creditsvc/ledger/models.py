"""Every fact the plan reads, and the book (rules L1 to L18). `book.py` alone writes what is posted, with `locks.py`,
`rows.py`, `additions.py` and `caches.py`; usage and the freshness of scopes are written by imports
(`usage/imports.py`).

Facts and postings are only ever added. What can change is named so: the heads of accounts, the committed sum of a
pool (all under lock), the freshness of a scope, and two caches that can be thrown away.
"""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from creditsvc.db import BY_TRIGGER, Id, Model


class Resource(Model):
    """Something countable that is granted. `unit` is a currency code, `hour` or `seat`; amounts are in its steps."""

    __tablename__ = "resource"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(100), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))  # credit, hours, seats
    unit: Mapped[str] = mapped_column(String(10))
    provider: Mapped[str | None] = mapped_column(String(50))


class Pool(Model):
    """What a partner has committed of one resource for [starts, ends). Locked before lots are made from it (L12)."""

    __tablename__ = "pool"
    __table_args__ = (CheckConstraint("committed >= 0 AND committed <= amount", name="committed_within_amount"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(100), unique=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"))
    resource_id: Mapped[int] = mapped_column(ForeignKey("resource.id"))
    amount: Mapped[int]
    committed: Mapped[int] = mapped_column(default=0)  # the sum of its lots' capacities (L11)
    starts: Mapped[datetime]
    ends: Mapped[datetime | None]
    reference: Mapped[str | None] = mapped_column(String(100))  # the partner's own; may be said anew
    award_limit: Mapped[int | None]  # above it an award needs a second person; may be set anew


class Account(Model):
    """One startup's holding of one resource (L1), and the head of its chain of batches."""

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("startup_id", "resource_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    startup_id: Mapped[int] = mapped_column(ForeignKey("startup.id"))
    resource_id: Mapped[int] = mapped_column(ForeignKey("resource.id"), index=True)
    batches: Mapped[int] = mapped_column(default=0)
    head_hash: Mapped[str] = mapped_column(String(64), default="")
    head_at: Mapped[datetime | None]


class Batch(Model):
    """The facts and postings of one cause in one account, chained by hash (L15, L18)."""

    __tablename__ = "batch"
    __table_args__ = (UniqueConstraint("account_id", "number"), Index(None, "account_id", "recorded_at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    number: Mapped[int]
    recorded_at: Mapped[datetime]
    # award, extend, top_up, void, return, opening, usage, reverse, scope, rate, and of hours and seats: book, move,
    # cancel, session, correct, assign, release
    cause: Mapped[str] = mapped_column(String(20))
    cause_ref: Mapped[str] = mapped_column(String(200))
    actor: Mapped[str] = mapped_column(String(254))
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class LotFact(Model):
    """The award of a lot as it was stated; later changes stand in LotChange (L3)."""

    __tablename__ = "lot"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("ix_lot_of_pool", "pool_id", "id", "account_id"),  # for a pool's newest grants, and its startups counted
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    pool_id: Mapped[int] = mapped_column(ForeignKey("pool.id"))
    key: Mapped[str] = mapped_column(String(120), unique=True)
    amount: Mapped[int]
    effective: Mapped[datetime]
    expires: Mapped[datetime | None] = mapped_column(index=True)
    priority: Mapped[int]
    promotional: Mapped[bool]
    awarded: Mapped[datetime]


class LotChange(Model):
    """A dated fact added to a lot, with who and why: top_up, return, extend, void, opening (L3, L11)."""

    __tablename__ = "lot_change"
    __table_args__ = (CheckConstraint("amount >= 0", name="amount_not_negative"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), index=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    amount: Mapped[int] = mapped_column(default=0)
    instant: Mapped[datetime | None]
    stated_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(254))
    reason: Mapped[str] = mapped_column(String(500))


class Posting(Model):
    """A row of the book; `kind` is drawn, held, uncovered or uncredited.

    `charge_at` is the charge day's 00:00Z, of a session its start, of what is held when the hold was made.
    """

    __tablename__ = "posting"
    __table_args__ = (
        Index(None, "account_id", "charge_at"),
        CheckConstraint("(kind IN ('drawn', 'held')) = (lot_id IS NOT NULL)", name="lot_when_drawn"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    charge_at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(10))
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("lot.id"))
    amount: Mapped[int]


class Scope(Model):
    """A billing scope: the Azure subscription or another cloud's account. Freshness (U10) is kept here."""

    __tablename__ = "scope"
    __table_args__ = (UniqueConstraint("provider", "external_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    provider: Mapped[str] = mapped_column(String(50))
    external_id: Mapped[str] = mapped_column(String(200))
    newest_charge_day: Mapped[date | None]
    data_at: Mapped[datetime | None]  # when the data that reaches that day was submitted


class ScopeFact(Model):
    """From this instant on the scope's usage belongs to that account, or to nobody (U8).

    Of two facts for one instant the later stated stands. Only added; a scope's timeline is all its facts in order.
    """

    __tablename__ = "scope_fact"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    scope_id: Mapped[int] = mapped_column(ForeignKey("scope.id"), index=True)
    from_at: Mapped[datetime]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    stated_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(254))


class ChargeKey(Model):
    """A charge key of usage (U3), interned: `service|meter category|charge type` in lower case."""

    __tablename__ = "charge_key"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    text: Mapped[str] = mapped_column(String(500), unique=True)


class UsageFact(Model):
    """What usage of a (scope, charge day, charge key, currency) became by one run: the difference it made.

    The sum over runs is the usage as it is known; a restatement is one more row (U4). Amounts are 10^-8 of the
    currency, or the steps of the scope's resource.
    """

    __tablename__ = "usage_fact"
    __table_args__ = (Index(None, "scope_id", "day"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    scope_id: Mapped[int] = mapped_column(ForeignKey("scope.id", info=BY_TRIGGER))
    day: Mapped[date]
    key_id: Mapped[int] = mapped_column(ForeignKey("charge_key.id", info=BY_TRIGGER))
    currency: Mapped[str] = mapped_column(String(10))
    amount: Mapped[int]
    run_id: Mapped[int] = mapped_column(ForeignKey("import_run.id", info=BY_TRIGGER), index=True)


class RateFact(Model):
    """From this charge day on one `from_currency` is worth so many `to_currency` (U7); `rate` None withdraws it.

    `rate` is decimal text in one spelling (`core.rates.rate_text`). Of the facts of one pair and day the one stated
    last stands. Only added, and chained by hash.
    """

    __tablename__ = "rate"
    __table_args__ = (UniqueConstraint("from_currency", "to_currency", "day", "stated_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    from_currency: Mapped[str] = mapped_column(String(10))
    to_currency: Mapped[str] = mapped_column(String(10))
    day: Mapped[date]
    rate: Mapped[str | None] = mapped_column(String(30))
    source: Mapped[str] = mapped_column(String(300))  # of a withdrawal: why
    stated_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(254))
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class HoldFact(Model):
    """An amount of hours promised for an instant (L14); how it ended, HoldEnd says. `key` says for what it is."""

    __tablename__ = "hold"
    __table_args__ = (CheckConstraint("amount > 0", name="amount_positive"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    amount: Mapped[int]
    at: Mapped[datetime]  # the lots that are active at this instant can keep the promise
    made_at: Mapped[datetime]


class HoldEnd(Model):
    """How a hold ended, once (L14): confirmed with its `amount` or a part of it, released or timed out with 0."""

    __tablename__ = "hold_end"
    __table_args__ = (CheckConstraint("amount >= 0", name="amount_not_negative"),)

    hold_id: Mapped[int] = mapped_column(ForeignKey("hold.id"), primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))  # confirmed, released, timed_out
    amount: Mapped[int]
    stated_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(254))


class HoursFact(Model):
    """What usage of hours by a session became: the difference that was made, so that a correction is one more row.

    `kind` says who pays: `confirmed` what was held for it, `excess` the lots as far as nothing is held of them,
    `uncovered` nobody. `ref` names the session (`booking:12`), `at` is its start.
    """

    __tablename__ = "hours_fact"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    ref: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(20))
    amount: Mapped[int]
    stated_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(254))
    reason: Mapped[str] = mapped_column(String(500))


class SeatFact(Model):
    """A seat of a lot that somebody has from an instant until another one (None: as long as the lot lasts).

    It ends at the earliest of `until_at`, the ends stated later (`SeatEnd`) and the end of its lot.
    """

    __tablename__ = "seat"
    __table_args__ = (CheckConstraint("until_at IS NULL OR until_at > from_at", name="until_after_from"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), index=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    from_at: Mapped[datetime]
    until_at: Mapped[datetime | None]
    stated_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(254))


class SeatEnd(Model):
    """A seat is free again from an instant on; one before its beginning takes it back whole."""

    __tablename__ = "seat_end"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    seat_id: Mapped[int] = mapped_column(ForeignKey("seat.id"), index=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    ends_at: Mapped[datetime]
    stated_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(254))


class AccountCache(Model):
    """What an account comes to up to its batch; can be thrown away (L16).

    `newest_charge_day` is that of its scopes (U10). `used_up_from` is the instant from which nothing is left to draw
    of what was drawn upon: None while there is no such instant, 1970 where nothing is left at all.
    """

    __tablename__ = "account_cache"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    batch: Mapped[int]
    last_charge_at: Mapped[datetime | None]
    uncovered: Mapped[int] = mapped_column(index=True)
    uncredited: Mapped[int]
    newest_charge_day: Mapped[date | None] = mapped_column(index=True)
    used_up_from: Mapped[datetime | None] = mapped_column(index=True)


NOT_BEGUN = text("drawn = 0 AND held = 0 AND undrawn > 0")
"""The condition on `LotCache` that nothing of its lot was taken, word for word as an index of it has it."""


class LotCache(Model):
    """What was drawn from a lot and is held of it in all; belongs to its account's cache.

    `undrawn` is its capacity without both, `ends_at` the first instant at which it no longer pays (None: it always
    does), `lapses_at` its expiry while something is left that will expire with it, else None. `kind` is that of the
    account's resource, so that lists of a kind are read in their order, from an index, as far as they are shown, and
    the sums of a pool from one that has all they need. `pool_id` is no foreign key: it would have every import wait for
    the pool's row (L12).
    """

    __tablename__ = "lot_cache"
    __table_args__ = (
        Index(None, "kind", "lapses_at"),
        Index("ix_lot_cache_of_pool", "pool_id", "lapses_at", "undrawn", "drawn", "held"),
        Index("ix_lot_cache_not_begun", "kind", "effective", sqlite_where=NOT_BEGUN, postgresql_where=NOT_BEGUN),
    )

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    pool_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    drawn: Mapped[int]
    held: Mapped[int] = mapped_column(server_default="0")
    effective: Mapped[datetime]
    lapses_at: Mapped[datetime | None] = mapped_column(index=True)
    undrawn: Mapped[int]
    ends_at: Mapped[datetime | None]

    @hybrid_property
    def capacity(self) -> int:
        """What the lot has in all (L11)."""
        return self.undrawn + self.drawn + self.held
