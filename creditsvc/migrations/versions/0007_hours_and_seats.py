"""Hours that are held and used, seats that are taken, monthly allowances, calendars that go with mails."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    op.create_table(
        "hold",
        sa.Column("id", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("batch_id", _ID, nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("amount", _ID, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_hold_amount_positive")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_hold_account_id")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_hold_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
        sa.UniqueConstraint("key", name=op.f("uq_hold_key")),
    )
    with op.batch_alter_table("hold", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hold_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_hold_batch_id"), ["batch_id"], unique=False)
    op.create_table(
        "hours_fact",
        sa.Column("id", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("batch_id", _ID, nullable=False),
        sa.Column("ref", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("amount", _ID, nullable=False),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_hours_fact_account_id")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_hours_fact_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hours_fact")),
    )
    with op.batch_alter_table("hours_fact", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hours_fact_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_hours_fact_batch_id"), ["batch_id"], unique=False)
    op.create_table(
        "hold_end",
        sa.Column("hold_id", _ID, nullable=False),
        sa.Column("batch_id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("amount", _ID, nullable=False),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_hold_end_amount_not_negative")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_hold_end_batch_id")),
        sa.ForeignKeyConstraint(["hold_id"], ["hold.id"], name=op.f("fk_hold_end_hold_id")),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_hold_end")),
    )
    with op.batch_alter_table("hold_end", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hold_end_batch_id"), ["batch_id"], unique=False)
    op.create_table(
        "seat",
        sa.Column("id", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("lot_id", _ID, nullable=False),
        sa.Column("batch_id", _ID, nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.CheckConstraint("until_at IS NULL OR until_at > from_at", name=op.f("ck_seat_until_after_from")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_seat_account_id")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_seat_batch_id")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_seat_lot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat")),
    )
    with op.batch_alter_table("seat", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_seat_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_seat_batch_id"), ["batch_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_seat_lot_id"), ["lot_id"], unique=False)
    op.create_table(
        "seat_end",
        sa.Column("id", _ID, nullable=False),
        sa.Column("seat_id", _ID, nullable=False),
        sa.Column("batch_id", _ID, nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_seat_end_batch_id")),
        sa.ForeignKeyConstraint(["seat_id"], ["seat.id"], name=op.f("fk_seat_end_seat_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat_end")),
    )
    with op.batch_alter_table("seat_end", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_seat_end_batch_id"), ["batch_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_seat_end_seat_id"), ["seat_id"], unique=False)
    with op.batch_alter_table("grant_paper", schema=None) as batch_op:
        batch_op.add_column(sa.Column("series", sa.String(length=120), nullable=True))
        batch_op.add_column(sa.Column("month", _ID, server_default="0", nullable=False))
        batch_op.drop_constraint(batch_op.f("uq_grant_paper_enrolment_id_package_line_id"), type_="unique")
        batch_op.create_index(batch_op.f("ix_grant_paper_series"), ["series"], unique=False)
        batch_op.create_unique_constraint(
            batch_op.f("uq_grant_paper_enrolment_id_package_line_id_month"),
            ["enrolment_id", "package_line_id", "month"],
        )
    with op.batch_alter_table("lot_cache", schema=None) as batch_op:
        batch_op.add_column(sa.Column("held", _ID, server_default="0", nullable=False))
    with op.batch_alter_table("outbox_mail", schema=None) as batch_op:
        batch_op.add_column(sa.Column("calendar", sa.Text(), nullable=True))
    with op.batch_alter_table("package_line", schema=None) as batch_op:
        batch_op.add_column(sa.Column("monthly", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("posting", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_posting_lot_when_drawn"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_posting_lot_when_drawn"), "(kind IN ('drawn', 'held')) = (lot_id IS NOT NULL)"
        )


def downgrade() -> None:
    """Brings the tables back."""
    with op.batch_alter_table("posting", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_posting_lot_when_drawn"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_posting_lot_when_drawn"), "(kind = 'drawn') = (lot_id IS NOT NULL)"
        )
    with op.batch_alter_table("package_line", schema=None) as batch_op:
        batch_op.drop_column("monthly")
    with op.batch_alter_table("outbox_mail", schema=None) as batch_op:
        batch_op.drop_column("calendar")
    with op.batch_alter_table("lot_cache", schema=None) as batch_op:
        batch_op.drop_column("held")
    with op.batch_alter_table("grant_paper", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_grant_paper_enrolment_id_package_line_id_month"), type_="unique")
        batch_op.drop_index(batch_op.f("ix_grant_paper_series"))
        batch_op.create_unique_constraint(
            batch_op.f("uq_grant_paper_enrolment_id_package_line_id"), ["enrolment_id", "package_line_id"]
        )
        batch_op.drop_column("month")
        batch_op.drop_column("series")
    op.drop_table("seat_end")
    op.drop_table("seat")
    op.drop_table("hold_end")
    op.drop_table("hours_fact")
    op.drop_table("hold")
