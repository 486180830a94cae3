"""The reference that a partner gives for what it commits; letters of awards quote it."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    with op.batch_alter_table("pool") as batch:
        batch.add_column(sa.Column("reference", sa.String(length=100), nullable=True))


def downgrade() -> None:
    """And back."""
    with op.batch_alter_table("pool") as batch:
        batch.drop_column("reference")
