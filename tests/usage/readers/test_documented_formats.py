"""docs/formats.md names the columns that are read, in the order in which they are preferred."""

import re
from pathlib import Path

import pytest

from creditsvc.usage.readers.schemas import FOCUS, PAYG, SCHEMAS, Schema, plain_name

TEXT = (Path(__file__).parents[3] / "docs" / "formats.md").read_text(encoding="utf-8")
TABLE = TEXT.partition("| field | FOCUS | Azure's own |\n")[2].partition("\n\n")[0]


def documented(place: int) -> list[tuple[str, ...]]:
    """The columns of each row of the table, by their plain names; `place` is which schemas they are of."""
    cells = [line.strip("| ").split(" | ")[place] for line in TABLE.splitlines()[1:]]
    return [tuple(map(plain_name, re.findall(r"`([^`]+)`", cell))) for cell in cells]


@pytest.mark.parametrize(("place", "schema"), [(1, FOCUS), (2, PAYG)])
def test_the_table_has_the_columns_of_each_field_in_order(place: int, schema: Schema) -> None:
    assert sorted(filter(None, documented(place))) == sorted(schema.aliases.values())


def test_all_schemas_of_azure_s_own_have_the_columns_of_one() -> None:
    assert {id(schema.aliases) for schema in SCHEMAS if schema is not FOCUS} == {id(PAYG.aliases)}
