"""Consultants, when they can be booked, bookings, and addresses of calendars."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    op.create_table(
        "consultant",
        sa.Column("id", _ID, nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("person_id", _ID, nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("timezone", sa.String(length=60), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("skills", sa.JSON(), nullable=False),
        sa.Column("rate", _ID, nullable=True),
        sa.Column("currency", sa.String(length=10), nullable=True),
        sa.Column("holidays", sa.String(length=10), nullable=False),
        sa.Column("slot_minutes", _ID, nullable=False),
        sa.Column("notice_hours", _ID, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_consultant_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consultant")),
        sa.UniqueConstraint("key", name=op.f("uq_consultant_key")),
        sa.UniqueConstraint("person_id", name=op.f("uq_consultant_person_id")),
    )
    op.create_table(
        "consulting_policy",
        sa.Column("programme_id", _ID, nullable=False),
        sa.Column("confirm_days", _ID, nullable=False),
        sa.Column("excess", sa.String(length=10), nullable=False),
        sa.Column("no_show_percent", _ID, nullable=False),
        sa.Column("late_hours", _ID, nullable=False),
        sa.Column("late_percent", _ID, nullable=False),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_consulting_policy_programme_id")),
        sa.PrimaryKeyConstraint("programme_id", name=op.f("pk_consulting_policy")),
    )
    op.create_table(
        "booking",
        sa.Column("id", _ID, nullable=False),
        sa.Column("uid", sa.String(length=120), nullable=False),
        sa.Column("sequence", _ID, nullable=False),
        sa.Column("consultant_id", _ID, nullable=False),
        sa.Column("startup_id", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("topic", sa.String(length=200), nullable=False),
        sa.Column("starts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("booked_by", sa.String(length=254), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("logged_minutes", _ID, nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("logged_by", sa.String(length=254), nullable=True),
        sa.Column("logged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dispute", sa.String(length=2000), nullable=False),
        sa.Column("settled_minutes", _ID, nullable=True),
        sa.Column("settled_by", sa.String(length=254), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ends > starts", name=op.f("ck_booking_ends_after_starts")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_booking_account_id")),
        sa.ForeignKeyConstraint(["consultant_id"], ["consultant.id"], name=op.f("fk_booking_consultant_id")),
        sa.ForeignKeyConstraint(["startup_id"], ["startup.id"], name=op.f("fk_booking_startup_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking")),
        sa.UniqueConstraint("uid", name=op.f("uq_booking_uid")),
    )
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_booking_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_booking_consultant_id_starts"), ["consultant_id", "starts"], unique=False)
        batch_op.create_index(batch_op.f("ix_booking_startup_id_starts"), ["startup_id", "starts"], unique=False)
        batch_op.create_index(batch_op.f("ix_booking_state_logged_at"), ["state", "logged_at"], unique=False)
    op.create_table(
        "calendar_feed",
        sa.Column("id", _ID, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("consultant_id", _ID, nullable=True),
        sa.Column("startup_id", _ID, nullable=True),
        sa.Column("created_by", sa.String(length=254), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(consultant_id IS NULL) <> (startup_id IS NULL)", name=op.f("ck_calendar_feed_of_one")),
        sa.ForeignKeyConstraint(["consultant_id"], ["consultant.id"], name=op.f("fk_calendar_feed_consultant_id")),
        sa.ForeignKeyConstraint(["startup_id"], ["startup.id"], name=op.f("fk_calendar_feed_startup_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_calendar_feed_token_hash")),
    )
    with op.batch_alter_table("calendar_feed", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_calendar_feed_consultant_id"), ["consultant_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_calendar_feed_startup_id"), ["startup_id"], unique=False)
    op.create_table(
        "day_exception",
        sa.Column("id", _ID, nullable=False),
        sa.Column("consultant_id", _ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("starts", _ID, nullable=False),
        sa.Column("ends", _ID, nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["consultant_id"], ["consultant.id"], name=op.f("fk_day_exception_consultant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_exception")),
    )
    with op.batch_alter_table("day_exception", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_day_exception_consultant_id"), ["consultant_id"], unique=False)
    op.create_table(
        "weekly_hours",
        sa.Column("id", _ID, nullable=False),
        sa.Column("consultant_id", _ID, nullable=False),
        sa.Column("weekday", _ID, nullable=False),
        sa.Column("starts", _ID, nullable=False),
        sa.Column("ends", _ID, nullable=False),
        sa.CheckConstraint("starts >= 0 AND starts < ends AND ends <= 2880", name=op.f("ck_weekly_hours_stretch")),
        sa.ForeignKeyConstraint(["consultant_id"], ["consultant.id"], name=op.f("fk_weekly_hours_consultant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_weekly_hours")),
    )
    with op.batch_alter_table("weekly_hours", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_weekly_hours_consultant_id"), ["consultant_id"], unique=False)


def downgrade() -> None:
    """Brings the tables back."""
    op.drop_table("weekly_hours")
    op.drop_table("day_exception")
    op.drop_table("calendar_feed")
    op.drop_table("booking")
    op.drop_table("consulting_policy")
    op.drop_table("consultant")
