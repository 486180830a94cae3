"""Mails that wait have an index in the order in which they leave."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_WAITS = sa.text("next_try_at IS NOT NULL")


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    op.create_index(
        "ix_outbox_mail_due", "outbox_mail", ["next_try_at", "id"], sqlite_where=_WAITS, postgresql_where=_WAITS
    )


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    op.drop_index("ix_outbox_mail_due", "outbox_mail")
