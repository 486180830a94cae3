"""Balances as JSON, for the command and the API alike (CONTRACT: section 5)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from creditsvc.core.amounts import Unit, format_amount
from creditsvc.core.days import instant_text
from creditsvc.ledger.reading import AccountView, LotView


def balance_document(
    startup: str, views: Sequence[AccountView], as_of: datetime, known_at: datetime,
    outlooks: Mapping[int, dict[str, Any]], conversions: Mapping[int, list[dict[str, str]]] | None = None,
) -> dict[str, Any]:
    """The balance of one startup as JSON (CONTRACT: section 5), for the command and the API alike.

    `outlooks` are the forecasts as JSON, by account id (of seats in their own shape), `conversions` what was billed in
    other currencies and is converted (None: not asked).
    """
    converted = conversions or {}
    return {
        "startup": startup,
        "as_of": instant_text(as_of),
        "known_at": instant_text(known_at),
        "accounts": [
            {**_account_document(view), **_outlook(view, outlooks.get(view.id)),
             "conversions": converted.get(view.id)}
            for view in views
        ],
    }


def _outlook(view: AccountView, outlook: dict[str, Any] | None) -> dict[str, Any]:
    of_seats = view.kind == "seats"
    return {"forecast": None if of_seats else outlook, "seat_forecast": outlook if of_seats else None}


def _account_document(view: AccountView) -> dict[str, Any]:
    words = ("granted", "drawn", "held", "expired", "voided", "not_yet", "remaining", "available", "uncovered")
    of_seats = {"assigned": str(view.drawn), "free": str(view.remaining)} if view.kind == "seats" else {}
    return {
        "resource": view.resource,
        "kind": view.kind,
        "unit": view.unit.name,
        "batch": view.batch,
        **{word: format_amount(getattr(view, word), view.unit) for word in words},
        **of_seats,
        "uncredited_refund": format_amount(view.uncredited, view.unit),
        "newest_charge_day": view.newest_charge_day.isoformat() if view.newest_charge_day else None,
        "grants": [_lot_document(lot, view.unit) for lot in view.lots],
    }


def _lot_document(lot: LotView, unit: Unit) -> dict[str, Any]:
    words = ("drawn", "held", "expired", "voided", "not_yet", "remaining")
    return {
        "key": lot.key,
        "pool": lot.pool,
        "amount": format_amount(lot.amount, unit),
        "effective_at": instant_text(lot.effective),
        "expires_at": instant_text(lot.expires),
        "voided_at": instant_text(lot.voided_at),
        **{word: format_amount(getattr(lot.standing, word), unit) for word in words},
    }
