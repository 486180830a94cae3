"""What others say of a balance, beside what the book says of it (U11); when people looked; months that were frozen."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from creditsvc.db import Id, Model


class ReportedBalance(Model):
    """What the provider's own portal showed as left of an account's credit at an instant; only ever added to.

    The plan does not read it: it is shown beside the estimate.
    """

    __tablename__ = "reported_balance"
    __table_args__ = (Index(None, "account_id", "seen_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    amount: Mapped[int]
    seen_at: Mapped[datetime]
    entered_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(254))


class Visit(Model):
    """When a person's visit to a startup's page began, and the one before it; to the hour (`statements.visits`)."""

    __tablename__ = "visit"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    startup_id: Mapped[int] = mapped_column(ForeignKey("startup.id"), primary_key=True)
    began_at: Mapped[datetime]
    before_at: Mapped[datetime | None]


class MonthEndReport(Model):
    """A programme's month as it was known when somebody froze it; only ever added to.

    `document` is the canonical JSON whose SHA-256 is `sha256`. A later edition is a row of its own, which names by its
    SHA-256 the one that it `follows` (empty: none).
    """

    __tablename__ = "month_end_report"
    __table_args__ = (UniqueConstraint("programme_id", "month", "edition"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    month: Mapped[date]  # its first day
    edition: Mapped[int]
    follows: Mapped[str] = mapped_column(String(64))
    as_of: Mapped[datetime]
    known_at: Mapped[datetime]
    frozen_by: Mapped[str] = mapped_column(String(254))
    document: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
