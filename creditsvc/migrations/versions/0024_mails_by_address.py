"""How many mails an address gets in a day is asked at each that is queued."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    op.create_index("ix_outbox_mail_to_address_queued_at", "outbox_mail", ["to_address", "queued_at"])


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    op.drop_index("ix_outbox_mail_to_address_queued_at", "outbox_mail")
