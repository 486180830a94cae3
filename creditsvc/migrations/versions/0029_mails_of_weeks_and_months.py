"""Files that go with mails, and mails of a week or month: who wants them, and who had which."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    op.create_table(
        "outbox_attachment",
        sa.Column("id", _ID, nullable=False),
        sa.Column("mail_id", _ID, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("media_type", sa.String(length=80), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["mail_id"], ["outbox_mail.id"], name=op.f("fk_outbox_attachment_mail_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_attachment")),
    )
    op.create_index(op.f("ix_outbox_attachment_mail_id"), "outbox_attachment", ["mail_id"])
    op.create_table(
        "mail_subscription",
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("mails", sa.String(length=20), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_mail_subscription_person_id")),
        sa.PrimaryKeyConstraint("person_id", "mails", name=op.f("pk_mail_subscription")),
    )
    op.create_table(
        "periodic_mail",
        sa.Column("id", _ID, nullable=False),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("mails", sa.String(length=20), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("outbox_id", _ID, nullable=True),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_mail.id"], name=op.f("fk_periodic_mail_outbox_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_periodic_mail_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_periodic_mail")),
        sa.UniqueConstraint("person_id", "mails", "period", name=op.f("uq_periodic_mail_person_id_mails_period")),
    )


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    op.drop_table("periodic_mail")
    op.drop_table("mail_subscription")
    op.drop_index(op.f("ix_outbox_attachment_mail_id"), table_name="outbox_attachment")
    op.drop_table("outbox_attachment")
