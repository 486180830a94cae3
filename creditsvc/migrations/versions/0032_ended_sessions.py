"""Sessions that were signed out, so that a copy of their cookie opens nothing any more."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    op.create_table(
        "ended_session",
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_ended_session")),
    )


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    op.drop_table("ended_session")
