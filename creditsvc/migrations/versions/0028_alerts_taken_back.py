"""Which alerts a restatement took back and who had the correction; the editions of a night and of its digests."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ALERT = sa.table("alert", sa.column("account_id"), sa.column("decided_at"), sa.column("batch"))
_DIGEST = sa.table("digest", sa.column("id"), sa.column("person_id"), sa.column("day"), sa.column("edition"))
_BATCH = sa.table("batch", sa.column("account_id"), sa.column("number"), sa.column("recorded_at"))


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    with op.batch_alter_table("alert") as table:
        table.add_column(sa.Column("batch", _NUMBER, nullable=True))
        table.add_column(sa.Column("taken_back_on", sa.Date(), nullable=True))
        table.add_column(sa.Column("taken_back_to", _NUMBER, nullable=True))
        table.create_index(op.f("ix_alert_taken_back_on"), ["taken_back_on"])
    for name in ("job_run", "digest"):
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("edition", _NUMBER, nullable=True))
        op.execute(sa.update(sa.table(name, sa.column("edition"))).values(edition=1))
        with op.batch_alter_table(name) as table:
            table.alter_column("edition", existing_type=_NUMBER, nullable=False)
    with op.batch_alter_table("digest") as table:
        table.drop_constraint(op.f("uq_digest_person_id_day"), type_="unique")
        table.create_unique_constraint(op.f("uq_digest_person_id_day_edition"), ["person_id", "day", "edition"])
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
    _drop_editions()
    with op.batch_alter_table("alert_told") as table:
        table.drop_index(op.f("ix_alert_told_corrected_in"))
        table.drop_constraint(op.f("fk_alert_told_corrected_in"), type_="foreignkey")
        table.drop_column("corrected_in")
    with op.batch_alter_table("alert") as table:
        table.drop_index(op.f("ix_alert_taken_back_on"))
        table.drop_column("taken_back_to")
        table.drop_column("taken_back_on")
        table.drop_column("batch")


def _drop_editions() -> None:
    """What a digest of a later edition told counts as told by the first of its day."""
    for name, column in (("alert_told", "digest_id"), ("alert_told", "corrected_in"), ("pool_told", "digest_id")):
        told = sa.table(name, sa.column(column))
        first, later = _DIGEST.alias("first"), _DIGEST.alias("later")
        same_day = sa.and_(later.c.person_id == first.c.person_id, later.c.day == first.c.day)
        earliest = (
            sa.select(sa.func.min(first.c.id)).select_from(first.join(later, same_day))
            .where(later.c.id == told.c[column])
        )
        later_ones = sa.select(_DIGEST.c.id).where(_DIGEST.c.edition > 1)
        op.execute(
            sa.update(told).where(told.c[column].in_(later_ones)).values({column: earliest.scalar_subquery()})
        )
    op.execute(sa.delete(_DIGEST).where(_DIGEST.c.edition > 1))
    with op.batch_alter_table("digest") as table:
        table.drop_constraint(op.f("uq_digest_person_id_day_edition"), type_="unique")
        table.drop_column("edition")
        table.create_unique_constraint(op.f("uq_digest_person_id_day"), ["person_id", "day"])
    with op.batch_alter_table("job_run") as table:
        table.drop_column("edition")
