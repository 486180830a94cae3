"""Whose own people uploaded an import run."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    with op.batch_alter_table("import_run") as batch_op:
        batch_op.add_column(sa.Column("startup_id", _ID, nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_import_run_startup_id"), "startup", ["startup_id"], ["id"])
        batch_op.create_index(batch_op.f("ix_import_run_startup_id"), ["startup_id"], unique=False)


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    with op.batch_alter_table("import_run") as batch_op:
        batch_op.drop_index(batch_op.f("ix_import_run_startup_id"))
        batch_op.drop_constraint(batch_op.f("fk_import_run_startup_id"), type_="foreignkey")
        batch_op.drop_column("startup_id")
