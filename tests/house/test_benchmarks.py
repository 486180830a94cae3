"""What benchmarks are made of is frozen: a figure of today is one of the same work as that of last year."""

import hashlib

import pytest

from benchmarks import exports, park, reference_mail
from benchmarks.night import WHOLE


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_the_beginning_of_each_export_is_what_it_was() -> None:
    """The whole is hashed by each run of the benchmark."""
    first = [next(pieces) + next(pieces) for pieces in (exports._pieces(restated) for restated in (False, True))]
    assert [digest(text.decode()) for text in first] == ["72afa2c58ca3e0bb", "ba2ed3cdf7add808"]


@pytest.mark.parametrize(("number", "kind", "expected"), [
    (1, "sound", "58736c5aff7ed9cf"), (8, "troubled", "f5ce7be07bc60350"),
])
def test_what_a_startup_of_the_park_holds_is_what_it_was(number: int, kind: str, expected: str) -> None:
    holding = park._Holding(WHOLE, number)
    lots = [(lot.key, lot.amount, lot.effective, lot.expires, lot.awarded) for lot in holding.lots]
    assert WHOLE.is_troubled(number) is (kind == "troubled")
    assert digest(repr((holding.usage, lots, sorted(map(str, holding.lines))))) == expected


def test_the_mail_that_is_the_limit_is_what_it_was() -> None:
    assert digest("\n".join(next(reference_mail.written(1)))) == "6b1a2aa21be4bb7c"
