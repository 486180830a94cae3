"""Versions of packages, who stated terms and why, and awards that wait for a second person."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    with op.batch_alter_table("programme_terms") as batch:
        batch.add_column(sa.Column("stated_by", sa.String(length=254), nullable=True))
        batch.add_column(sa.Column("reason", sa.String(length=500), nullable=True))
    for table, column in (("package", "version"), ("package_line", "version"), ("enrolment", "package_version")):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column(column, _ID, nullable=False, server_default="1"))
    op.create_table(
        "package_version",
        sa.Column("id", _ID, nullable=False),
        sa.Column("package_id", _ID, nullable=False),
        sa.Column("version", _ID, nullable=False),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stated_by", sa.String(length=254), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"], name=op.f("fk_package_version_package_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_package_version")),
        sa.UniqueConstraint("package_id", "version", name=op.f("uq_package_version_package_id_version")),
    )
    with op.batch_alter_table("pool") as batch:
        batch.add_column(sa.Column("award_limit", _ID, nullable=True))
    op.create_table(
        "award_proposal",
        sa.Column("id", _ID, nullable=False),
        sa.Column("startup_id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("proposed_by", sa.String(length=254), nullable=False),
        sa.Column("proposed_by_id", _ID, nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=254), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.String(length=500), nullable=False),
        sa.Column("grants", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["startup_id"], ["startup.id"], name=op.f("fk_award_proposal_startup_id")),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["person.id"], name=op.f("fk_award_proposal_proposed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award_proposal")),
    )
    with op.batch_alter_table("award_proposal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_award_proposal_startup_id"), ["startup_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_award_proposal_state_proposed_at"), ["state", "proposed_at"], unique=False)


def downgrade() -> None:
    """And back; versions of packages but the first cannot be kept."""
    op.drop_table("award_proposal")
    with op.batch_alter_table("pool") as batch:
        batch.drop_column("award_limit")
    op.drop_table("package_version")
    for table, column in (("enrolment", "package_version"), ("package_line", "version"), ("package", "version")):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
    with op.batch_alter_table("programme_terms") as batch:
        batch.drop_column("reason")
        batch.drop_column("stated_by")
