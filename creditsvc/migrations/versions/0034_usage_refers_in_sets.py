"""What a usage fact refers to is looked at for all rows of a statement at once on PostgreSQL, by triggers.

Its foreign keys looked at each of 60,000 rows of an import by itself, which took longer than adding them. The triggers
keep the same: no usage of what is not there, and nothing goes while usage refers to it.
"""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_REFERS = {"scope_id": "scope", "key_id": "charge_key", "run_id": "import_run"}

_IS_THERE = """
CREATE FUNCTION usage_{column}_is_there() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT {column} AS id FROM added) AS named
        WHERE NOT EXISTS (SELECT FROM {table} WHERE {table}.id = named.id)
    ) THEN
        RAISE foreign_key_violation USING MESSAGE = 'usage_fact.{column} names no row of {table}',
            CONSTRAINT = 'fk_usage_fact_{column}', TABLE = 'usage_fact', COLUMN = '{column}';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER usage_{column}_is_there AFTER INSERT ON usage_fact REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION usage_{column}_is_there();
"""

_STAYS = """
CREATE FUNCTION {table}_of_usage_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE usage_fact IN SHARE MODE;  -- whoever is adding usage of it right now comes first
    IF EXISTS (SELECT FROM usage_fact JOIN gone ON usage_fact.{column} = gone.id) THEN
        RAISE foreign_key_violation USING MESSAGE = 'usage_fact.{column} names this row of {table}',
            CONSTRAINT = 'fk_usage_fact_{column}', TABLE = 'usage_fact', COLUMN = '{column}';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER {table}_of_usage_stays AFTER DELETE ON {table} REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_of_usage_stays();
"""


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for column, table in _REFERS.items():
        op.drop_constraint(f"fk_usage_fact_{column}", "usage_fact", type_="foreignkey")
        op.execute(_IS_THERE.format(column=column, table=table))
        op.execute(_STAYS.format(column=column, table=table))


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for column, table in _REFERS.items():
        op.execute(f"DROP TRIGGER {table}_of_usage_stays ON {table}")
        op.execute(f"DROP FUNCTION {table}_of_usage_stays()")
        op.execute(f"DROP TRIGGER usage_{column}_is_there ON usage_fact")
        op.execute(f"DROP FUNCTION usage_{column}_is_there()")
        op.create_foreign_key(f"fk_usage_fact_{column}", "usage_fact", table, [column], ["id"])
