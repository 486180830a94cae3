"""What a manager's programmes went through in a week, and what waits there: the groups of the weekly summary."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from creditsvc.alerts import texts
from creditsvc.alerts.models import Alert
from creditsvc.alerts.work_items import Item, work_group
from creditsvc.core.days import day_of, last_day, starts_at
from creditsvc.core.due_alerts import USED
from creditsvc.db import db
from creditsvc.grants.proposal_reading import proposals_of
from creditsvc.grants.proposals import WAITING
from creditsvc.grants.request_reading import requests_of
from creditsvc.grants.requests import OPEN
from creditsvc.ledger.listing import EXPIRING_SOON
from creditsvc.ledger.models import Account, LotCache, Resource
from creditsvc.mail.periodic_mails import SummaryGroup
from creditsvc.mail.render import day, gettext_for, money
from creditsvc.parties.access import Caller, visible_startups
from creditsvc.parties.models import Startup

SHOWN = 8
"""Rows of a group; the page that the group leads to has them all."""

WEEK = timedelta(days=7)

_Rows = tuple[list[tuple[str, str, str]], int]


def summary_groups(caller: Caller, monday: date, base_url: str, language: str) -> list[SummaryGroup]:
    """The groups that hold something, of startups that the caller may see: the week before `monday`, and what waits as
    of the caller's present. A fixed number of statements. Raises Forbidden for no staff.
    """
    _ = gettext_for(language)
    until = starts_at(monday)
    since = until - WEEK
    asked: list[tuple[str, str, _Rows]] = [
        (_("Began in the week"), "/startups", _lots(
            caller, LotCache.effective, since, until, base_url, language, _("%(amount)s of %(resource)s, from %(day)s"),
        )),
        (_("Expired unused in the week"), "/startups", _lots(
            caller, LotCache.lapses_at, since, until, base_url, language,
            _("%(amount)s of %(resource)s, last day %(day)s"),
        )),
        (_("Used up in the week"), "/startups?show=used-up", _used_up(caller, monday, base_url, language)),
        (_("Expires within 30 days"), "/startups?show=expiring-30", _lots(
            caller, LotCache.lapses_at, caller.now, caller.now + EXPIRING_SOON, base_url, language,
            _("%(amount)s of %(resource)s, last day %(day)s"),
        )),
        *((title, f"/worklist/{name}", _of_worklist(caller, name, base_url, language)) for name, title in (
            ("uncovered", _("No grant covers it")), ("hours-unbooked", _("Hours that nobody has booked")),
            ("stale", _("Cost data is old")),
        )),
        (_("Awards that wait for a second person"), "/proposals", _proposals(caller, base_url, language)),
        (_("Requests that wait for an answer"), "/requests", _requests(caller, base_url, language)),
    ]
    return [
        {"title": title, "rows": rows, "total": total, "url": base_url + path}
        for title, path, (rows, total) in asked if total
    ]


def _lots(
    caller: Caller, at: InstrumentedAttribute[Any], since: datetime, until: datetime, base_url: str, language: str,
    words: str,
) -> _Rows:
    """Lots whose instant `at` lies in [since, until); of an end those of credit in which something was left."""
    is_end = at is LotCache.lapses_at
    statement = (
        select(
            Startup.key, Startup.name, Resource.name, Resource.unit,
            LotCache.undrawn if is_end else LotCache.capacity, at, func.count().over(),
        )
        .join(Account, Account.startup_id == Startup.id).join(LotCache, LotCache.account_id == Account.id)
        .join(Resource, Resource.id == Account.resource_id)
        .where(at >= since, at < until, visible_startups(caller)).order_by(at, LotCache.lot_id).limit(SHOWN)
    )
    if is_end:
        statement = statement.where(Resource.kind == "credit")
    rows = db.session.execute(statement).all()
    return [
        (name, words % {
            "amount": money(int(amount), unit, language), "resource": resource,
            "day": day(last_day(instant) if is_end else day_of(instant), language),
        }, f"{base_url}/startups/{key}")
        for key, name, resource, unit, amount, instant, _total in rows
    ], rows[0][-1] if rows else 0


def _used_up(caller: Caller, monday: date, base_url: str, language: str) -> _Rows:
    rows = db.session.execute(
        select(Startup.key, Startup.name, Alert.params, func.count().over())
        .join(Alert, Alert.startup_id == Startup.id)
        .where(Alert.rule == USED.name, Alert.threshold >= USED.most, Alert.decided_on >= monday - WEEK,
               Alert.decided_on < monday, visible_startups(caller))
        .order_by(Alert.decided_on, Alert.id).limit(SHOWN)
    ).all()
    return [
        (name, texts.words(USED.name, params, None, language, for_staff=True).title, f"{base_url}/startups/{key}")
        for key, name, params, _total in rows
    ], rows[0][-1] if rows else 0


def _of_worklist(caller: Caller, name: str, base_url: str, language: str) -> _Rows:
    group = work_group(caller, name, 1)
    items = [item for item in group.items[:SHOWN] if isinstance(item, Item)]
    return [
        (item.startup_name, _SAID[name](item, language), f"{base_url}/startups/{item.startup}") for item in items
    ], group.total


def _uncovered(item: Item, language: str) -> str:
    _ = gettext_for(language)
    return _("%(amount)s of %(resource)s") % {
        "amount": money(item.amount, item.unit.name, language), "resource": item.resource_name,
    }


def _unbooked(item: Item, language: str) -> str:
    _ = gettext_for(language)
    assert item.at is not None
    return _("%(amount)s of %(resource)s, last day %(day)s") % {
        "amount": money(item.amount, item.unit.name, language), "resource": item.resource_name,
        "day": day(last_day(item.at), language),
    }


def _stale(item: Item, language: str) -> str:
    _ = gettext_for(language)
    assert item.day is not None
    return _("%(resource)s: the newest data is of %(day)s") % {
        "resource": item.resource_name, "day": day(item.day, language),
    }


_SAID: Mapping[str, Callable[[Item, str], str]] = {
    "uncovered": _uncovered, "hours-unbooked": _unbooked, "stale": _stale,
}


def _proposals(caller: Caller, base_url: str, language: str) -> _Rows:
    _ = gettext_for(language)
    found = proposals_of(caller, state=WAITING)
    return [
        (one.startup_name, _("since %(day)s") % {"day": day(day_of(one.proposal.proposed_at), language)},
         f"{base_url}/proposals/{one.id}") for one in found[:SHOWN]
    ], len(found)


def _requests(caller: Caller, base_url: str, language: str) -> _Rows:
    _ = gettext_for(language)
    found = requests_of(caller, states=(OPEN,))
    return [
        (one.startup_name, _("%(resource)s, since %(day)s") % {
            "resource": one.resource_name, "day": day(day_of(one.request.asked_at), language),
        }, f"{base_url}/requests/{one.id}") for one in found[:SHOWN]
    ], len(found)
