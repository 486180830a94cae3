"""The paper of an award; its amount, interval and changes are the ledger's facts."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from creditsvc.db import Id, Model


class Grant(Model):
    """The award on paper: to whom, why, by whom. Its lot has the same key.

    A monthly allowance is a paper for each month: `series` names the allowance, `month` counts from 1.
    """

    __tablename__ = "grant_paper"  # GRANT is a word of SQL
    # a package is awarded once (L13)
    __table_args__ = (UniqueConstraint("enrolment_id", "package_line_id", "month"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    startup_id: Mapped[int] = mapped_column(ForeignKey("startup.id"), index=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), unique=True)
    enrolment_id: Mapped[int | None] = mapped_column(ForeignKey("enrolment.id"))
    package_line_id: Mapped[int | None] = mapped_column(ForeignKey("package_line.id"))
    series: Mapped[str | None] = mapped_column(String(120), index=True)
    month: Mapped[int] = mapped_column(default=0, server_default="0")
    reason: Mapped[str] = mapped_column(String(500), default="")
    awarded_by: Mapped[str] = mapped_column(String(254))
    awarded_at: Mapped[datetime]


class Activation(Model):
    """When a grant's credit was redeemed with its provider, and by which subscription; only ever added to.

    The one entered last stands, those before it are its history. The plan does not read it. `subscription` is spelled
    as scopes are (`core.scopes`); it need not be a scope that is known here.
    """

    __tablename__ = "activation"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    grant_id: Mapped[int] = mapped_column(ForeignKey("grant_paper.id"), index=True)
    activated_at: Mapped[datetime]
    subscription: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(500))
    entered_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(254))
