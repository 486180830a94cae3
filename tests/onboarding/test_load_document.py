"""The example of the load file's document is a load that works."""

import re
from pathlib import Path

from creditsvc.ledger.verify import verify
from creditsvc.onboarding.documents import parse_document
from tests.onboarding.test_load import load

DOCUMENT = Path(__file__).parents[2] / "docs" / "load.md"


def test_the_documents_example_is_loaded_whole_and_again_changes_nothing(app):
    found = re.search(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    example = parse_document("example.yaml", found[1])

    report, again = load(example), load(example)

    assert {kind: report.new[kind] for kind in ("grants", "products", "consultants", "seats", "policies")} == {
        "grants": 2 + 2 + 12, "products": 1, "consultants": 1, "seats": 1, "policies": 1,
    }
    assert again.is_unchanged
    assert verify()["differences"] == []
