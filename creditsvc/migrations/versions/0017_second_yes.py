"""Who said the first yes to a request that needs two."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    with op.batch_alter_table("grant_request") as batch_op:
        batch_op.add_column(sa.Column("first_by", sa.String(length=254), nullable=True))
        batch_op.add_column(sa.Column("first_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("first_terms", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    with op.batch_alter_table("grant_request") as batch_op:
        for name in ("first_by", "first_at", "first_terms"):
            batch_op.drop_column(name)
