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
CREATE FUNCTION usage_{column}_is_there() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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

# A snapshot taken before would not show usage that was added since, whatever is waited for.
_STAYS = """
CREATE FUNCTION {table}_of_usage_stays() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM gone) THEN
        RETURN NULL;
    END IF;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE invalid_transaction_state USING MESSAGE = 'rows of {table} are deleted under READ COMMITTED alone';
    END IF;
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

_KEEPS = """
CREATE FUNCTION {table}_keeps_its_ids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE foreign_key_violation USING MESSAGE = 'usage_fact.{column} may name rows of {table}: they keep their ids',
        CONSTRAINT = 'fk_usage_fact_{column}', TABLE = 'usage_fact', COLUMN = '{column}';
END $$;
CREATE TRIGGER {table}_keeps_its_ids BEFORE UPDATE OF id ON {table}
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id) EXECUTE FUNCTION {table}_keeps_its_ids();
CREATE TRIGGER {table}_is_not_emptied BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_keeps_its_ids();
"""


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for column, table in _REFERS.items():
        op.drop_constraint(f"fk_usage_fact_{column}", "usage_fact", type_="foreignkey")
        for triggers in (_IS_THERE, _STAYS, _KEEPS):
            op.execute(triggers.format(column=column, table=table))


def downgrade() -> None:
    """Takes the tables back to the revision before."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for column, table in _REFERS.items():
        for function in (f"{table}_keeps_its_ids", f"{table}_of_usage_stays", f"usage_{column}_is_there"):
            op.execute(f"DROP FUNCTION {function}() CASCADE")  # and with it its triggers
        op.create_foreign_key(f"fk_usage_fact_{column}", "usage_fact", table, [column], ["id"])
