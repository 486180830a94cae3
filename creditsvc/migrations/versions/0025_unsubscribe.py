"""Where the reader of a mail can end such mails."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    with op.batch_alter_table("outbox_mail") as table:
        table.add_column(sa.Column("unsubscribe_url", sa.String(length=500), nullable=True))


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    with op.batch_alter_table("outbox_mail") as table:
        table.drop_column("unsubscribe_url")
