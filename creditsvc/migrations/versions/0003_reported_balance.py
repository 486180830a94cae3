"""The provider's own figures, entered by people."""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    op.create_table('reported_balance',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('account_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('amount', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('entered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.String(length=254), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_reported_balance_account_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reported_balance'))
    )
    with op.batch_alter_table('reported_balance', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_reported_balance_account_id_seen_at'), ['account_id', 'seen_at'], unique=False)


def downgrade() -> None:
    """Brings the tables back."""
    op.drop_table('reported_balance')
