"""Answers of Microsoft Graph on licences, as JSON: `subscribedSkus` of a tenant, `licenseDetails` of one person."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from creditsvc.core.errors import FileError, refusal_for
from creditsvc.core.sentences import Sentence
from creditsvc.licences.counts.files import LONGEST_SKU, CountFile, Sighting, SkuLine, refused

T = TypeVar("T")

DEEPEST = 20
"""How far objects and lists may be nested; Graph's answers have four levels."""

MOST_SEATS = 10**9
LONGEST_NUMBER = 40

_STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # also one without an end, so that each is read once
_BRACKET = re.compile(r"[\[\]{}]")


class _Wrong(Exception):
    """A fault in a place of the document: where, which value, what would be right."""

    def __init__(self, place: str, value: object, message: Sentence) -> None:
        self.place = place
        self.value = value
        self.message = message
        super().__init__(place, message)


def read_graph(name: str, text: str, person: str | None) -> CountFile:
    """The counts of a tenant, or the licences of `person`. Numbers are taken exactly. Raises FileRefused."""
    document = _parsed(name, text)
    if not isinstance(document, Mapping) or not isinstance(document.get("value"), list):
        raise refused(name, Sentence("is no answer of Microsoft Graph: it has no list named value"), column="value")
    if document.get("@odata.nextLink"):
        part = Sentence("is not all: it is one page of several; ask for the others and send all items in one file")
        raise refused(name, part, column="@odata.nextLink")
    items: Sequence[Any] = document["value"]
    if _is_tenant(document, items):
        skus = _each(name, items, _sku_line)
        _refuse_twice(name, [sku.sku for sku in skus])
        return CountFile("subscribed-skus", name, skus=tuple(skus))
    if not _is_person(document, items):
        other = Sentence("is neither subscribedSkus nor licenseDetails of Microsoft Graph")
        raise refused(name, other, column="value")
    skus_of = _each(name, items, lambda item, place: _text(item, place, "skuPartNumber"))
    _refuse_twice(name, skus_of)
    return CountFile(
        "licence-details", name, sightings=tuple(Sighting(person or "", sku) for sku in skus_of), people=1,
        person=person,
    )


def _parsed(name: str, text: str) -> Any:
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > DEEPEST:
            raise refused(name, Sentence("is nested more than %(most)s levels deep", most=DEEPEST))
    try:
        return json.loads(text, parse_float=Decimal, parse_int=_whole, parse_constant=_constant,
                          object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        wrong_from = Sentence("is no proper JSON from character %(at)s on", at=error.colno)
        raise refused(name, wrong_from, line=error.lineno) from None
    except _Wrong as wrong:
        raise refused(name, wrong.message, column=wrong.place, value=str(wrong.value)) from None


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise _Wrong("", digits[:LONGEST_NUMBER], Sentence("is a number that no count has"))
    return int(digits)


def _constant(word: str) -> Any:
    raise _Wrong("", word, Sentence("is no number of JSON"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Wrong(twice, "", Sentence("stands twice in one object: which of the two counts?"))
    return found


def _is_tenant(document: Mapping[str, Any], items: Sequence[Any]) -> bool:
    if items:
        return any(isinstance(item, Mapping) and ("prepaidUnits" in item or "consumedUnits" in item) for item in items)
    return "subscribedSkus" in str(document.get("@odata.context"))


def _is_person(document: Mapping[str, Any], items: Sequence[Any]) -> bool:
    if items:
        return all(isinstance(item, Mapping) and "skuPartNumber" in item for item in items)
    return "licenseDetails" in str(document.get("@odata.context"))


def _each(name: str, items: Sequence[Any], read: Callable[[Mapping[str, Any], str], T]) -> list[T]:
    found: list[T] = []
    faults: list[FileError] = []
    for number, item in enumerate(items):
        place = f"value[{number}]"
        try:
            if not isinstance(item, Mapping):
                raise _Wrong(place, item, Sentence("is no object"))
            found.append(read(item, place))
        except _Wrong as wrong:
            faults.append(FileError(name, 0, wrong.place, str(wrong.value)[:80], wrong.message))
    if faults:
        raise refusal_for(faults)
    return found


def _sku_line(item: Mapping[str, Any], place: str) -> SkuLine:
    prepaid = item.get("prepaidUnits")
    if not isinstance(prepaid, Mapping):
        wrong = Sentence("is no object with enabled, suspended and warning")
        raise _Wrong(f"{place}.prepaidUnits", prepaid, wrong)
    inside = f"{place}.prepaidUnits"
    return SkuLine(
        _text(item, place, "skuPartNumber"), _text(item, place, "skuId"), _text(item, place, "capabilityStatus", 30),
        _count(prepaid, inside, "enabled"), _count(prepaid, inside, "suspended"), _count(prepaid, inside, "warning"),
        _count(item, place, "consumedUnits"),
    )


def _text(item: Mapping[str, Any], place: str, field: str, longest: int = LONGEST_SKU) -> str:
    value = item.get(field)
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= longest or not value.isprintable():
        shown = "" if value is None else value
        raise _Wrong(f"{place}.{field}", shown, Sentence("is no text of 1 to %(most)s characters", most=longest))
    return value.strip()


def _count(item: Mapping[str, Any], place: str, field: str) -> int:
    value = item.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_SEATS:
        shown = "" if value is None else value
        wrong = Sentence("is no number of seats: one from 0 to %(most)s is right", most=MOST_SEATS)
        raise _Wrong(f"{place}.{field}", shown, wrong)
    return value


def _refuse_twice(name: str, skus: Sequence[str]) -> None:
    first: dict[str, int] = {}
    for number, sku in enumerate(skus):
        if first.setdefault(sku, number) != number:
            again = Sentence("is that of value[%(number)s] again: which of the two counts?", number=first[sku])
            raise refused(name, again, column=f"value[{number}].skuPartNumber", value=sku)
