"""Pseudonyms: an erased address leaves every hash as it was, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditsvc.core.pseudonyms import (
    pseudonym,
    values_without_address,
    values_without_addresses,
    without_address,
    without_addresses,
)

ADDRESS = "m.chan@acme.example"


def test_a_pseudonym_is_the_same_whatever_the_capitals_and_another_for_another() -> None:
    assert pseudonym("M.Chan@Acme.example ") == pseudonym(ADDRESS)
    assert pseudonym("n.chan@acme.example") != pseudonym(ADDRESS)
    assert "@" not in pseudonym(ADDRESS)


@pytest.mark.parametrize("text", [
    ADDRESS, f"person:{ADDRESS}", f"Lee <{ADDRESS}>, x@y.example.", f"ask {ADDRESS}.", f"'{ADDRESS}'",
    "M.CHAN@ACME.EXAMPLE!", f"{ADDRESS};{ADDRESS}", "no address", f"é{ADDRESS}",
])  # fmt: skip
def test_hashes_read_a_text_alike_before_and_after_an_address_is_erased(text: str) -> None:
    erased = without_address(text, ADDRESS)

    assert without_addresses(erased) == without_addresses(text)


def test_an_address_is_erased_wherever_it_stands_and_others_stay() -> None:
    value = {"person": ADDRESS, "to": ["x@y.example", f"see person:{ADDRESS}."], "count": 3, ADDRESS: None}

    erased = values_without_address(value, ADDRESS)

    mine = pseudonym(ADDRESS)
    assert erased == {"person": mine, "to": ["x@y.example", f"see person:{mine}."], "count": 3, mine: None}
    assert values_without_addresses(erased) == values_without_addresses(value)


def test_another_address_in_its_place_shows() -> None:
    assert without_addresses(f"person:{ADDRESS}") != without_addresses("person:n.chan@acme.example")


def test_a_longer_address_that_holds_it_is_another_ones() -> None:
    assert without_address(f"x{ADDRESS} {ADDRESS}.hk", ADDRESS) == f"x{ADDRESS} {ADDRESS}.hk"


@given(st.text(alphabet="ab@.:,'é ", max_size=30), st.text(alphabet="ab.é", min_size=1, max_size=5))
def test_whatever_the_text_an_erased_address_leaves_its_hash(text: str, local: str) -> None:
    address = f"{local}@b"

    assert without_addresses(without_address(text + address, address)) == without_addresses(text + address)
