"""Alerts of what is the incubator's own: a subject in place of startup and account. Who was told of which low pool
becomes such an alert, so that nobody is told twice."""

import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ONE = (
    "(startup_id IS NULL) = (account_id IS NULL) AND (account_id IS NULL) = (subject IS NOT NULL) "
    "AND (subject IS NULL) = (subject_id IS NULL)"
)


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    with op.batch_alter_table("alert") as table:
        table.alter_column("startup_id", existing_type=_ID, nullable=True)
        table.alter_column("account_id", existing_type=_ID, nullable=True)
        table.add_column(sa.Column("subject", sa.String(length=20), nullable=True))
        table.add_column(sa.Column("subject_id", _ID, nullable=True))
        table.create_check_constraint(op.f("ck_alert_one_subject"), _ONE)
        table.create_index(op.f("ix_alert_subject_closed_on"), ["subject", "closed_on"])
    op.create_table(
        "incubator_memory",
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("subject_id", _ID, autoincrement=False, nullable=False),
        sa.Column("rule", sa.String(length=20), nullable=False),
        sa.Column("acts", _ID, nullable=False),
        sa.Column("level", _ID, nullable=False),
        sa.Column("marks", sa.JSON(), nullable=False),
        sa.Column("counted_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("subject", "subject_id", "rule", name=op.f("pk_incubator_memory")),
    )
    op.create_table(
        "incubator_snooze",
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("subject_id", _ID, autoincrement=False, nullable=False),
        sa.Column("rule", sa.String(length=20), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_incubator_snooze_person_id")),
        sa.PrimaryKeyConstraint("person_id", "subject", "subject_id", "rule", name=op.f("pk_incubator_snooze")),
    )
    _carry_over()
    op.drop_table("pool_told")


def downgrade() -> None:
    """Takes the tables back to the revision before; who snoozed what of the incubator's own is forgotten."""
    op.create_table(
        "pool_told",
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("pool_id", _ID, nullable=False),
        sa.Column("digest_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(["digest_id"], ["digest.id"], name=op.f("fk_pool_told_digest_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_pool_told_person_id")),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_pool_told_pool_id")),
        sa.PrimaryKeyConstraint("person_id", "pool_id", name=op.f("pk_pool_told")),
    )
    op.execute(
        "INSERT INTO pool_told (person_id, pool_id, digest_id) SELECT alert_told.person_id, alert.subject_id, "
        "max(alert_told.digest_id) FROM alert JOIN alert_told ON alert_told.alert_id = alert.id "
        "WHERE alert.subject = 'pool' AND alert.closed_on IS NULL GROUP BY alert_told.person_id, alert.subject_id"
    )
    op.execute("DELETE FROM alert_told WHERE alert_id IN (SELECT id FROM alert WHERE subject IS NOT NULL)")
    op.execute("DELETE FROM alert WHERE subject IS NOT NULL")
    op.drop_table("incubator_snooze")
    op.drop_table("incubator_memory")
    with op.batch_alter_table("alert") as table:
        table.drop_index(op.f("ix_alert_subject_closed_on"))
        table.drop_constraint(op.f("ck_alert_one_subject"), type_="check")
        table.drop_column("subject_id")
        table.drop_column("subject")
        table.alter_column("account_id", existing_type=_ID, nullable=False)
        table.alter_column("startup_id", existing_type=_ID, nullable=False)


def _carry_over() -> None:
    """Of each pool that somebody was told of, an open alert of the first such day, those told, and its memory."""
    connection = op.get_bind()
    alerts = sa.table("alert", *(sa.column(name) for name in (
        "key", "subject", "subject_id", "rule", "holding", "threshold", "episode", "severity", "message",
        "batch",
    )), sa.column("params", sa.JSON()), sa.column("decided_on", sa.Date()),
        sa.column("decided_at", sa.DateTime(timezone=True)), sa.column("id"))
    told = connection.execute(sa.text(
        "SELECT pool.id, pool.key, partner.name AS partner, resource.key AS resource_key, resource.name AS resource, "
        "resource.unit, pool.amount, pool.amount - pool.committed AS gone, min(digest.day) AS day FROM pool_told "
        "JOIN pool ON pool.id = pool_told.pool_id JOIN partner ON partner.id = pool.partner_id "
        "JOIN resource ON resource.id = pool.resource_id JOIN digest ON digest.id = pool_told.digest_id "
        "GROUP BY pool.id, pool.key, partner.name, resource.key, resource.name, resource.unit, pool.amount, "
        "pool.committed ORDER BY pool.key"
    ).columns(day=sa.Date())).all()
    for pool in told:
        key = f"pool:{pool.key}/pool-low/10/0"
        connection.execute(sa.insert(alerts).values(
            key=key, subject="pool", subject_id=pool.id, rule="pool-low", holding=pool.key, threshold=10, episode=0,
            severity="warning", message=f"Little is left to award of pool {pool.key}", batch=0, decided_on=pool.day,
            decided_at=datetime(pool.day.year, pool.day.month, pool.day.day, tzinfo=UTC),
            params={"pool": pool.key, "partner": pool.partner, "resource_key": pool.resource_key,
                    "resource": pool.resource, "unit": pool.unit, "amount": pool.amount, "left": pool.gone},
        ))
        connection.execute(sa.text(
            "INSERT INTO alert_told (alert_id, person_id, digest_id) SELECT alert.id, pool_told.person_id, "
            "pool_told.digest_id FROM pool_told, alert WHERE pool_told.pool_id = :pool AND alert.key = :key"
        ), {"pool": pool.id, "key": key})
        connection.execute(sa.text(
            "INSERT INTO incubator_memory (subject, subject_id, rule, acts, level, marks) "
            "VALUES ('pool', :pool, 'pool-low', 0, 0, :marks)"
        ), {"pool": pool.id, "marks": json.dumps({"10": [0, 0, 0]})})
