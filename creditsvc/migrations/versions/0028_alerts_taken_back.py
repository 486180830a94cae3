"""Which alerts a restatement took back, and in which digest those who were told of them had the correction."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ALERT = sa.table("alert", sa.column("account_id"), sa.column("decided_at"), sa.column("batch"))
_BATCH = sa.table("batch", sa.column("account_id"), sa.column("number"), sa.column("recorded_at"))


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    with op.batch_alter_table("alert") as table:
        table.add_column(sa.Column("batch", _NUMBER, nullable=True))
        table.add_column(sa.Column("taken_back_on", sa.Date(), nullable=True))
        table.add_column(sa.Column("taken_back_to", _NUMBER, nullable=True))
        table.create_index(op.f("ix_alert_taken_back_on"), ["taken_back_on"])
    known = sa.select(sa.func.coalesce(sa.func.max(_BATCH.c.number), 0)).where(
        _BATCH.c.account_id == _ALERT.c.account_id, _BATCH.c.recorded_at <= _ALERT.c.decided_at
    )
    op.execute(sa.update(_ALERT).values(batch=known.scalar_subquery()))
    with op.batch_alter_table("alert") as table:
        table.alter_column("batch", existing_type=_NUMBER, nullable=False)
    with op.batch_alter_table("alert_told") as table:
        table.add_column(sa.Column("corrected_in", _NUMBER, nullable=True))
        table.create_foreign_key(op.f("fk_alert_told_corrected_in"), "digest", ["corrected_in"], ["id"])
        table.create_index(op.f("ix_alert_told_corrected_in"), ["corrected_in"])


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    with op.batch_alter_table("alert_told") as table:
        table.drop_index(op.f("ix_alert_told_corrected_in"))
        table.drop_constraint(op.f("fk_alert_told_corrected_in"), type_="foreignkey")
        table.drop_column("corrected_in")
    with op.batch_alter_table("alert") as table:
        table.drop_index(op.f("ix_alert_taken_back_on"))
        table.drop_column("taken_back_to")
        table.drop_column("taken_back_on")
        table.drop_column("batch")
