"""That administrators were told of nights that do not succeed."""

import sqlalchemy as sa
from alembic import op

from creditsvc.db import UtcDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    op.create_table(
        "night_silence",
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("told_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("since", name=op.f("pk_night_silence")),
    )


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    op.drop_table("night_silence")
