"""Caches that answer a list of startups without reading every account: all are thrown away, the night makes them anew."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _throw_away()
    with op.batch_alter_table("account_cache") as table:
        table.add_column(sa.Column("newest_charge_day", sa.Date(), nullable=True))
        table.add_column(sa.Column("used_up_from", sa.DateTime(timezone=True), nullable=True))
        for name in ("uncovered", "newest_charge_day", "used_up_from"):
            table.create_index(f"ix_account_cache_{name}", [name])
    with op.batch_alter_table("lot_cache") as table:
        table.add_column(sa.Column("effective", sa.DateTime(timezone=True), nullable=False))
        table.add_column(sa.Column("lapses_at", sa.DateTime(timezone=True), nullable=True))
        table.create_index("ix_lot_cache_lapses_at", ["lapses_at"])


def downgrade() -> None:
    _throw_away()
    with op.batch_alter_table("lot_cache") as table:
        table.drop_index("ix_lot_cache_lapses_at")
        table.drop_column("lapses_at")
        table.drop_column("effective")
    with op.batch_alter_table("account_cache") as table:
        for name in ("uncovered", "newest_charge_day", "used_up_from"):
            table.drop_index(f"ix_account_cache_{name}")
        table.drop_column("used_up_from")
        table.drop_column("newest_charge_day")


def _throw_away() -> None:
    op.execute("DELETE FROM lot_cache")
    op.execute("DELETE FROM account_cache")
