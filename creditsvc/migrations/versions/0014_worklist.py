"""For the worklist and the list of startups: caches that say what each lot has left and when it ends (all are thrown
away, the night makes them anew), what the night forecasts of accounts, and views of the list that people keep."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _throw_away()
    with op.batch_alter_table("lot_cache") as table:
        table.add_column(sa.Column("undrawn", _NUMBER, nullable=False))
        table.add_column(sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "account_outlook",
        sa.Column("account_id", _NUMBER, nullable=False),
        sa.Column("run_out", sa.Date(), nullable=False),
        sa.Column("daily", _NUMBER, nullable=False),
        sa.Column("remaining", _NUMBER, nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_outlook_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_outlook")),
    )
    with op.batch_alter_table("account_outlook") as table:
        table.create_index("ix_account_outlook_run_out", ["run_out"])
    op.create_table(
        "saved_view",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("person_id", _NUMBER, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("query", sa.String(length=1000), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_saved_view_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint("person_id", "name", name=op.f("uq_saved_view_person_id_name")),
    )


def downgrade() -> None:
    op.drop_table("saved_view")
    op.drop_table("account_outlook")
    _throw_away()
    with op.batch_alter_table("lot_cache") as table:
        table.drop_column("ends_at")
        table.drop_column("undrawn")


def _throw_away() -> None:
    op.execute("DELETE FROM lot_cache")
    op.execute("DELETE FROM account_cache")
