"""The rate of an hour that is kept with a session; those that are over take their consultant's rate of today."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    with op.batch_alter_table("booking") as table:
        table.add_column(sa.Column("rate", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        table.add_column(sa.Column("currency", sa.String(length=10), nullable=True))
    booking = sa.table("booking", *map(sa.column, ("consultant_id", "state", "rate", "currency")))
    consultant = sa.table("consultant", *map(sa.column, ("id", "rate", "currency")))
    of_consultant = consultant.c.id == booking.c.consultant_id
    op.execute(sa.update(booking).where(booking.c.state != "booked").values(
        rate=sa.select(consultant.c.rate).where(of_consultant).scalar_subquery(),
        currency=sa.select(consultant.c.currency).where(of_consultant).scalar_subquery(),
    ))


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    with op.batch_alter_table("booking") as table:
        table.drop_column("currency")
        table.drop_column("rate")
