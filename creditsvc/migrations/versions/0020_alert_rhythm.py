"""How often people want a digest at most."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    op.create_table(
        "alert_rhythm",
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("rhythm", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_alert_rhythm_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_alert_rhythm")),
    )


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    op.drop_table("alert_rhythm")
