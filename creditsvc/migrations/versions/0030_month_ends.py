"""Month-end reports, frozen with the batch numbers that they quote."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    op.create_table(
        "month_end_report",
        sa.Column("id", _ID, nullable=False),
        sa.Column("programme_id", _ID, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("edition", _ID, nullable=False),
        sa.Column("follows", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frozen_by", sa.String(length=254), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("fk_month_end_report_programme_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_month_end_report")),
        sa.UniqueConstraint("programme_id", "month", "edition", name=op.f("uq_month_end_report_programme_id_month_edition")),
    )


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    op.drop_table("month_end_report")
