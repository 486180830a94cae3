"""What startups ask for: more of a holding, or longer."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    op.create_table(
        "grant_request",
        sa.Column("id", _ID, nullable=False),
        sa.Column("startup_id", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("grant_id", _ID, nullable=False),
        sa.Column("amount", _ID, nullable=True),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why", sa.String(length=1000), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(length=254), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=254), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("given_amount", _ID, nullable=True),
        sa.Column("given_expires", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_grant_id", _ID, nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'refused', 'withdrawn')", name=op.f("ck_grant_request_state")
        ),
        sa.CheckConstraint(
            "amount IS NOT NULL OR expires IS NOT NULL", name=op.f("ck_grant_request_asks_for_something")
        ),
        sa.ForeignKeyConstraint(["startup_id"], ["startup.id"], name=op.f("fk_grant_request_startup_id")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_grant_request_account_id")),
        sa.ForeignKeyConstraint(["grant_id"], ["grant_paper.id"], name=op.f("fk_grant_request_grant_id")),
        sa.ForeignKeyConstraint(["given_grant_id"], ["grant_paper.id"], name=op.f("fk_grant_request_given_grant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_request")),
    )
    with op.batch_alter_table("grant_request") as batch:
        batch.create_index(
            "uq_grant_request_open_account", ["account_id"], unique=True, sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch.create_index(batch.f("ix_grant_request_startup_id_state"), ["startup_id", "state"], unique=False)


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    op.drop_table("grant_request")
