"""When a person's visits to a startup's page began."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    op.create_table(
        "visit",
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("startup_id", _ID, nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("before_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_visit_person_id")),
        sa.ForeignKeyConstraint(["startup_id"], ["startup.id"], name=op.f("fk_visit_startup_id")),
        sa.PrimaryKeyConstraint("person_id", "startup_id", name=op.f("pk_visit")),
    )


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    op.drop_table("visit")
