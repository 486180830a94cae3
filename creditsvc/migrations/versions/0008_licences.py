"""Products, who sits where, their keys, who waits, and what publishers count."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    op.create_table(
        "pool_told",
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("pool_id", _ID, nullable=False),
        sa.Column("digest_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(["digest_id"], ["digest.id"], name=op.f("fk_pool_told_digest_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_pool_told_person_id")),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_pool_told_pool_id")),
        sa.PrimaryKeyConstraint("person_id", "pool_id", name=op.f("pk_pool_told")),
    )
    op.create_table(
        "count_report",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("startup_id", _ID, nullable=True),
        sa.Column("person", sa.String(length=254), nullable=True),
        sa.Column("counted_on", sa.Date(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.ForeignKeyConstraint(["startup_id"], ["startup.id"], name=op.f("fk_count_report_startup_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_count_report")),
        sa.UniqueConstraint("kind", "digest", name=op.f("uq_count_report_kind_digest")),
    )
    with op.batch_alter_table("count_report", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_count_report_startup_id"), ["startup_id"], unique=False)
    op.create_table(
        "product",
        sa.Column("id", _ID, nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("resource_id", _ID, nullable=False),
        sa.Column("publisher", sa.String(length=200), nullable=False),
        sa.Column("plan", sa.String(length=200), nullable=False),
        sa.Column("seat_is", sa.String(length=300), nullable=False),
        sa.Column("delivery", sa.String(length=20), nullable=False),
        sa.Column("portal", sa.String(length=300), nullable=False),
        sa.Column("sku", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_product_resource_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("key", name=op.f("uq_product_key")),
        sa.UniqueConstraint("resource_id", name=op.f("uq_product_resource_id")),
        sa.UniqueConstraint("sku", name=op.f("uq_product_sku")),
    )
    op.create_table(
        "seat_sighting",
        sa.Column("id", _ID, nullable=False),
        sa.Column("report_id", _ID, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("sku", sa.String(length=100), nullable=False),
        sa.Column("last_used_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["report_id"], ["count_report.id"], name=op.f("fk_seat_sighting_report_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat_sighting")),
    )
    with op.batch_alter_table("seat_sighting", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_seat_sighting_report_id_email"), ["report_id", "email"], unique=False)
    op.create_table(
        "sku_count",
        sa.Column("id", _ID, nullable=False),
        sa.Column("report_id", _ID, nullable=False),
        sa.Column("sku", sa.String(length=100), nullable=False),
        sa.Column("sku_id", sa.String(length=100), nullable=False),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("enabled", _ID, nullable=False),
        sa.Column("suspended", _ID, nullable=False),
        sa.Column("warning", _ID, nullable=False),
        sa.Column("consumed", _ID, nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["count_report.id"], name=op.f("fk_sku_count_report_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sku_count")),
    )
    with op.batch_alter_table("sku_count", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sku_count_report_id"), ["report_id"], unique=False)
    op.create_table(
        "licence_key",
        sa.Column("id", _ID, nullable=False),
        sa.Column("pool_id", _ID, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("ciphertext", sa.String(length=2000), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_by", sa.String(length=254), nullable=False),
        sa.Column("seat_id", _ID, nullable=True),
        sa.Column("handed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_licence_key_pool_id")),
        sa.ForeignKeyConstraint(["seat_id"], ["seat.id"], name=op.f("fk_licence_key_seat_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_licence_key")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_licence_key_fingerprint")),
        sa.UniqueConstraint("seat_id", name=op.f("uq_licence_key_seat_id")),
    )
    with op.batch_alter_table("licence_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_licence_key_pool_id_seat_id"), ["pool_id", "seat_id"], unique=False)
    op.create_table(
        "seat_assignment",
        sa.Column("seat_id", _ID, nullable=False),
        sa.Column("startup_id", _ID, nullable=False),
        sa.Column("product_id", _ID, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("assigned_by", sa.String(length=254), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("transferred_from", _ID, nullable=True),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_seat_assignment_product_id")),
        sa.ForeignKeyConstraint(["seat_id"], ["seat.id"], name=op.f("fk_seat_assignment_seat_id")),
        sa.ForeignKeyConstraint(["startup_id"], ["startup.id"], name=op.f("fk_seat_assignment_startup_id")),
        sa.ForeignKeyConstraint(["transferred_from"], ["seat.id"], name=op.f("fk_seat_assignment_transferred_from")),
        sa.PrimaryKeyConstraint("seat_id", name=op.f("pk_seat_assignment")),
    )
    with op.batch_alter_table("seat_assignment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_seat_assignment_email"), ["email"], unique=False)
        batch_op.create_index(batch_op.f("ix_seat_assignment_product_id"), ["product_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_seat_assignment_startup_id_email"), ["startup_id", "email"], unique=False)
    op.create_table(
        "seat_wish",
        sa.Column("id", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("startup_id", _ID, nullable=False),
        sa.Column("product_id", _ID, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("rank", _ID, nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(length=254), nullable=False),
        sa.Column("seat_id", _ID, nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_seat_wish_account_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_seat_wish_product_id")),
        sa.ForeignKeyConstraint(["seat_id"], ["seat.id"], name=op.f("fk_seat_wish_seat_id")),
        sa.ForeignKeyConstraint(["startup_id"], ["startup.id"], name=op.f("fk_seat_wish_startup_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat_wish")),
    )
    with op.batch_alter_table("seat_wish", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_seat_wish_account_id_state"), ["account_id", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_seat_wish_startup_id"), ["startup_id"], unique=False)


def downgrade() -> None:
    """Brings the tables back."""
    op.drop_table("pool_told")
    op.drop_table("seat_wish")
    op.drop_table("seat_assignment")
    op.drop_table("licence_key")
    op.drop_table("sku_count")
    op.drop_table("seat_sighting")
    op.drop_table("product")
    op.drop_table("count_report")
