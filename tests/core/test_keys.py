import pytest

from creditsvc.core.errors import RuleBroken
from creditsvc.core.keys import check_key


@pytest.mark.parametrize("text", ["a", "7", "harbour-robotics", "tc-2026a", "a-", "x" * 100])
def test_a_key_is_lower_case_letters_digits_and_hyphens(text):
    assert check_key(text) == text


@pytest.mark.parametrize("text", ["", "-a", "A", "a b", "a_b", "café", "a\n", "香港", "x" * 101])
def test_anything_else_is_refused_by_field_and_value(text):
    with pytest.raises(RuleBroken) as refusal:
        check_key(text, "startup")

    assert (refusal.value.field, refusal.value.code) == ("startup", "not-a-key")
    assert repr(text) in str(refusal.value)
