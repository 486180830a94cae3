"""The paper of an award; its amount, interval and changes are the ledger's facts."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
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


class GrantRequest(Model):
    """What a startup asks for: more of a holding, a later end, or both; decided once, and then it stays as it is.

    `grant_id` is the grant that it is about, `amount` in steps of its unit; `expires` is the end that is asked for.
    What was given stands in `given_amount`, `given_expires` and `given_grant_id`, which is another grant where a new
    one was awarded. Of an account one request at most is open. Above the pool's limit `first_by` has said yes to
    `first_terms`, and a second person has to.
    """

    __tablename__ = "grant_request"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'approved', 'refused', 'withdrawn')", name="state"),
        CheckConstraint("amount IS NOT NULL OR expires IS NOT NULL", name="asks_for_something"),
        Index(
            "uq_grant_request_open_account", "account_id", unique=True, sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(None, "startup_id", "state"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    startup_id: Mapped[int] = mapped_column(ForeignKey("startup.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    grant_id: Mapped[int] = mapped_column(ForeignKey("grant_paper.id"))
    amount: Mapped[int | None]
    expires: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(String(1000))
    state: Mapped[str] = mapped_column(String(10))
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(String(254))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(254))
    reason: Mapped[str] = mapped_column(String(500), default="")
    given_amount: Mapped[int | None]
    given_expires: Mapped[datetime | None]
    given_grant_id: Mapped[int | None] = mapped_column(ForeignKey("grant_paper.id"))
    first_by: Mapped[str | None] = mapped_column(String(254))
    first_at: Mapped[datetime | None]
    first_terms: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class Proposal(Model):
    """A proposed award, above its pool's limit: it waits until a second person approves or refuses it, once (L13).

    `kind` is `grant`, `package`, `top_up` or `months` (of an allowance); `terms` are what the operation is called with,
    `subject` is whose it would be: `package:<cohort>`, `grant:<key>`, or `pool:<key>` of a new grant. `grants` are the
    keys of what it became.
    """

    __tablename__ = "award_proposal"
    __table_args__ = (Index(None, "state", "proposed_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    startup_id: Mapped[int] = mapped_column(ForeignKey("startup.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    subject: Mapped[str] = mapped_column(String(200))
    terms: Mapped[dict[str, Any]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(String(500), default="")
    state: Mapped[str] = mapped_column(String(10))  # waiting, approved, refused, withdrawn
    proposed_by: Mapped[str] = mapped_column(String(254))
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(254))
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str] = mapped_column(String(500), default="")
    grants: Mapped[list[str]] = mapped_column(JSON)
