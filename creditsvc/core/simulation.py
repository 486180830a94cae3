"""`creditsvc simulate`: burn-down of given grants and usage, without a database (CONTRACT: section 5).

Cases come in as parsed JSON and go out as JSON values. A case that makes no sense is answered by its error; the
others are not touched by it. A bare day in a case stands for its 00:00Z, as a charge day does (L5).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from creditsvc.core.amounts import Unit, check_range, format_amount, parse_amount, unit_named
from creditsvc.core.burndown import EARLIEST, Lot, Plan, plan
from creditsvc.core.days import day_start, instant_text, parse_moment
from creditsvc.core.errors import RuleBroken

_JSON_TYPES: Mapping[type, str] = {
    str: "text", dict: "an object", list: "a list", int: "a whole number", bool: "true or false"
}


def simulate(document: object) -> dict[str, Any]:
    """The answers to all cases of a document, in their order.

    Raises RuleBroken when the document itself is not `{"cases": [...]}`; what is wrong within a case is its answer.
    """
    cases = _needed(_typed(document, dict, "document"), "cases", list, "")
    return {"results": [_answer(case) for case in cases]}


def _answer(case: object) -> dict[str, Any]:
    case_id = case.get("id") if isinstance(case, dict) else None
    try:
        return _simulate_case(_typed(case, dict, "case"))
    except RuleBroken as error:
        return {
            "id": case_id if isinstance(case_id, str) else None,
            "error": {"field": error.field, "code": error.code, "message": str(error)},
        }


def _simulate_case(case: dict[str, Any]) -> dict[str, Any]:
    case_id = _needed(case, "id", str, "")
    unit = unit_named(_needed(case, "unit", str, ""))
    as_of = _instant(_needed(case, "as_of", str, ""), "as_of")
    lots = _lots(_needed(case, "grants", list, ""), unit)
    usage = _usage(_needed(case, "usage", list, ""), unit)
    made = plan(lots, usage, as_of)
    return {
        "id": case_id,
        "balances": _balances(lots, made, unit, as_of),
        "uncovered": format_amount(check_range(made.total("uncovered"), "usage"), unit),
        "uncredited_refund": format_amount(check_range(made.total("uncredited"), "usage"), unit),
        "draws": [
            {"at": instant_text(line.at), "grant": line.lot, "amount": format_amount(line.amount, unit)}
            for line in made.lines
            if line.kind != "uncredited"
        ],
    }


def _balances(lots: list[Lot], made: Plan, unit: Unit, as_of: datetime) -> dict[str, str]:
    """What could be drawn from each lot at that instant; outside its interval nothing."""
    drawn = made.drawn()
    return {
        lot.key: format_amount(lot.amount - drawn.get(lot.key, 0) if lot.is_active(as_of) else 0, unit) for lot in lots
    }


def _lots(grants: list[Any], unit: Unit) -> list[Lot]:
    lots: dict[str, Lot] = {}
    for number, grant in enumerate(grants):
        where = f"grants[{number}]"
        lot = _lot(_typed(grant, dict, where), unit, where + ".")
        if lot.key in lots:
            raise RuleBroken(
                f"{where}.id", "duplicate", "%(value)r names two grants: give each an id of its own", value=lot.key
            )
        lots[lot.key] = lot
    return list(lots.values())


def _lot(grant: dict[str, Any], unit: Unit, where: str) -> Lot:
    amount = parse_amount(_needed(grant, "amount", str, where), unit, where + "amount")
    if amount <= 0:
        raise RuleBroken(
            where + "amount", "not-positive", "%(value)s is no grant: the amount is more than 0", value=grant["amount"]
        )
    created = _optional_instant(grant, "created_at", where)
    return Lot(
        key=_needed(grant, "id", str, where),
        amount=amount,
        effective=_instant(_needed(grant, "effective_at", str, where), where + "effective_at"),
        expires=_optional_instant(grant, "expires_at", where),
        voided_at=_optional_instant(grant, "voided_at", where),
        priority=_optional(grant, "priority", int, where, 0),
        promotional=_optional(grant, "promotional", bool, where, False),
        awarded=EARLIEST if created is None else created,
    )


def _usage(entries: list[Any], unit: Unit) -> dict[datetime, int]:
    """Usage by instant, netted. Raises RuleBroken; the net of an instant must fit 64 bits as each amount must (L2)."""
    net: dict[datetime, int] = {}
    for number, entry in enumerate(entries):
        where = f"usage[{number}]"
        values = _typed(entry, dict, where)
        at = _instant(_needed(values, "at", str, where + "."), where + ".at")
        amount = parse_amount(_needed(values, "amount", str, where + "."), unit, where + ".amount")
        net[at] = net.get(at, 0) + amount
    return {at: check_range(amount, "usage") for at, amount in net.items()}


def _instant(text: str, field: str) -> datetime:
    """An RFC 3339 instant, or a bare day as its 00:00Z. Raises RuleBroken(field, "naive-instant" and others)."""
    try:
        moment = parse_moment(text, field)
    except RuleBroken as error:
        if _lacks_only_its_offset(text):
            raise RuleBroken(
                field, "naive-instant",
                "%(value)r has no offset: write it as 2026-03-01T09:00:00+08:00 or with Z, or a bare day",
                value=text,
            ) from error
        raise
    return moment if isinstance(moment, datetime) else day_start(moment)


def _lacks_only_its_offset(text: str) -> bool:
    try:
        parse_moment(text.strip() + "Z")
    except RuleBroken:
        return False
    return True


def _optional_instant(values: Mapping[str, Any], key: str, where: str) -> datetime | None:
    text = _optional(values, key, str, where, None)
    return None if text is None else _instant(text, where + key)


def _needed(values: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    if key not in values:
        raise RuleBroken(where + key, "missing", "%(place)s is missing: it is %(kind)s", place=where + key,
                         kind=_JSON_TYPES[kind])
    return _typed(values[key], kind, where + key)


def _optional(values: Mapping[str, Any], key: str, kind: type, where: str, otherwise: Any) -> Any:
    """The value, or `otherwise` where the key is absent or null."""
    value = values.get(key)
    return otherwise if value is None else _typed(value, kind, where + key)


def _typed(value: object, kind: type, field: str) -> Any:
    # JSON's true is an int of Python's; here it is none
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise RuleBroken(field, "wrong-type", "%(place)s must be %(kind)s, not %(value)s", place=field,
                         kind=_JSON_TYPES[kind], value=_described(value))
    return value


def _described(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict | list | bool):
        return _JSON_TYPES[type(value)]
    return repr(value)[:80]
