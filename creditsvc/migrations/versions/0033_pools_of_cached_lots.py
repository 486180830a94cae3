"""Lots in the cache say which pool they are of, with indexes from which a pool's sums are read without its rows."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    with op.batch_alter_table("lot_cache") as table:
        table.add_column(sa.Column("pool_id", _ID, nullable=True))
    op.execute("UPDATE lot_cache SET pool_id = (SELECT lot.pool_id FROM lot WHERE lot.id = lot_cache.lot_id)")
    with op.batch_alter_table("lot_cache") as table:
        table.alter_column("pool_id", existing_type=_ID, nullable=False)
    op.create_index("ix_lot_cache_of_pool", "lot_cache", ["pool_id", "lapses_at", "undrawn", "drawn", "held"])
    op.create_index("ix_lot_of_pool", "lot", ["pool_id", "id", "account_id"])
    op.drop_index("ix_lot_pool_id", "lot")


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    op.create_index("ix_lot_pool_id", "lot", ["pool_id"])
    op.drop_index("ix_lot_of_pool", "lot")
    op.drop_index("ix_lot_cache_of_pool", "lot_cache")
    with op.batch_alter_table("lot_cache") as table:
        table.drop_column("pool_id")
