"""What each verification of the book came to."""

import sqlalchemy as sa
from alembic import op

from creditsvc.db import UtcDateTime

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    op.create_table(
        "verification",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.Column("accounts", _NUMBER, nullable=False),
        sa.Column("grants", _NUMBER, nullable=False),
        sa.Column("postings", _NUMBER, nullable=False),
        sa.Column("batches", _NUMBER, nullable=False),
        sa.Column("found", _NUMBER, nullable=False),
        sa.Column("differences", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification")),
    )


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    op.drop_table("verification")
