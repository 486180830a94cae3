"""Products, who sits where, their keys, who waits, and what publishers count. When a seat is taken, the ledger says."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from creditsvc.db import Id, Model

DELIVERIES = ("invitation", "key", "portal")

WAITING, SEATED, WITHDRAWN = "waiting", "seated", "withdrawn"
"""The states of a wish for a seat."""


def title_of(publisher: str, plan: str) -> str:
    """A plan with its publisher's name before it, unless it begins with that itself (`Microsoft 365`)."""
    words = publisher.casefold().split()
    return plan if plan.casefold().split()[: len(words)] == words else f"{publisher} {plan}"


class Product(Model):
    """What a resource of seats is: whose software, in which plan, what a seat is, and how it reaches its holder.

    `sku` is the publisher's own name of the plan (`SPB`), by which its counts are compared with our seats.
    """

    __tablename__ = "product"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(100), unique=True)
    resource_id: Mapped[int] = mapped_column(ForeignKey("resource.id"), unique=True)
    publisher: Mapped[str] = mapped_column(String(200))
    plan: Mapped[str] = mapped_column(String(200))
    seat_is: Mapped[str] = mapped_column(String(300))
    delivery: Mapped[str] = mapped_column(String(20))
    portal: Mapped[str] = mapped_column(String(300), default="")
    sku: Mapped[str | None] = mapped_column(String(100), unique=True)

    @property
    def title(self) -> str:
        """What people know it by."""
        return title_of(self.publisher, self.plan)


class SeatAssignment(Model):
    """The paper of a seat: who has it. From when until when is the ledger's fact of the same id."""

    __tablename__ = "seat_assignment"
    __table_args__ = (Index(None, "startup_id", "email"),)

    seat_id: Mapped[int] = mapped_column(ForeignKey("seat.id"), primary_key=True)
    startup_id: Mapped[int] = mapped_column(ForeignKey("startup.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), index=True)
    email: Mapped[str] = mapped_column(String(254), index=True)  # lower case
    name: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(String(500), default="")
    assigned_by: Mapped[str] = mapped_column(String(254))
    assigned_at: Mapped[datetime]
    transferred_from: Mapped[int | None] = mapped_column(ForeignKey("seat.id"))


class SeatWish(Model):
    """Somebody waits for a seat of an account: in the order of `rank` (by a manager's hand; none last), then of asking.
    """

    __tablename__ = "seat_wish"
    __table_args__ = (Index(None, "account_id", "state"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    startup_id: Mapped[int] = mapped_column(ForeignKey("startup.id"), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200))
    rank: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(10))
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(String(254))
    seat_id: Mapped[int | None] = mapped_column(ForeignKey("seat.id"))
    settled_at: Mapped[datetime | None]


class LicenceKey(Model):
    """A key of a pool of seats: encrypted, never in the clear in any table. `fingerprint` finds a duplicate."""

    __tablename__ = "licence_key"
    __table_args__ = (Index(None, "pool_id", "seat_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    pool_id: Mapped[int] = mapped_column(ForeignKey("pool.id"))
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    ciphertext: Mapped[str] = mapped_column(String(2000))
    imported_at: Mapped[datetime]
    imported_by: Mapped[str] = mapped_column(String(254))
    seat_id: Mapped[int | None] = mapped_column(ForeignKey("seat.id"), unique=True)
    handed_at: Mapped[datetime | None]


class CountReport(Model):
    """A file in which a publisher counts its licences; the newest of its kind by `counted_on` is what is compared."""

    __tablename__ = "count_report"
    __table_args__ = (UniqueConstraint("kind", "digest"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))  # subscribed-skus, licence-details, active-users
    name: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    startup_id: Mapped[int | None] = mapped_column(ForeignKey("startup.id"), index=True)  # whose tenant it counts
    person: Mapped[str | None] = mapped_column(String(254))  # of licence-details: whose, lower case
    counted_on: Mapped[date]
    received_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(254))


class SkuCount(Model):
    """What a publisher counts of one plan: seats enabled, and how many of them are consumed."""

    __tablename__ = "sku_count"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("count_report.id"), index=True)
    sku: Mapped[str] = mapped_column(String(100))
    sku_id: Mapped[str] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(30))
    enabled: Mapped[int]
    suspended: Mapped[int]
    warning: Mapped[int]
    consumed: Mapped[int]


class SeatSighting(Model):
    """A person whom a publisher names as having a plan, and the last day on which they used it, where it says so."""

    __tablename__ = "seat_sighting"
    __table_args__ = (Index(None, "report_id", "email"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("count_report.id"))
    email: Mapped[str] = mapped_column(String(254))
    sku: Mapped[str] = mapped_column(String(100))
    last_used_on: Mapped[date | None]
