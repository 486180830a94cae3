"""Mails of which an administrator wants no more."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    with op.batch_alter_table("outbox_mail", schema=None) as batch_op:
        batch_op.add_column(sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Brings the tables back."""
    with op.batch_alter_table("outbox_mail", schema=None) as batch_op:
        batch_op.drop_column("dismissed_at")
