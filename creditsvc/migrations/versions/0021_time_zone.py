"""The time zone in which a person reads."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    with op.batch_alter_table("person") as table:
        table.add_column(sa.Column("time_zone", sa.String(length=60), nullable=True))


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    with op.batch_alter_table("person") as table:
        table.drop_column("time_zone")
