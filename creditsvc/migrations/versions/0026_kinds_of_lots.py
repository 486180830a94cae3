"""Lots in the cache say what kind they are of, with the indexes that lists of a kind are read from."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_NOT_BEGUN = sa.text("drawn = 0 AND held = 0 AND undrawn > 0")


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    with op.batch_alter_table("lot_cache") as table:
        table.add_column(sa.Column("kind", sa.String(length=20), nullable=True))
    op.execute(
        "UPDATE lot_cache SET kind = (SELECT resource.kind FROM resource JOIN account ON account.resource_id = "
        "resource.id WHERE account.id = lot_cache.account_id)"
    )
    with op.batch_alter_table("lot_cache") as table:
        table.alter_column("kind", existing_type=sa.String(length=20), nullable=False)
    op.create_index("ix_lot_cache_kind_lapses_at", "lot_cache", ["kind", "lapses_at"])
    op.create_index(
        "ix_lot_cache_not_begun", "lot_cache", ["kind", "effective"], sqlite_where=_NOT_BEGUN,
        postgresql_where=_NOT_BEGUN,
    )


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    op.drop_index("ix_lot_cache_not_begun", "lot_cache")
    op.drop_index("ix_lot_cache_kind_lapses_at", "lot_cache")
    with op.batch_alter_table("lot_cache") as table:
        table.drop_column("kind")
