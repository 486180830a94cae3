"""Loading consultants with when they work, and what programmes say of sessions."""

from collections.abc import Sequence
from dataclasses import asdict, astuple, replace
from typing import Any

from sqlalchemy import select

from creditsvc.consulting import consultants
from creditsvc.consulting.consultants import Policy
from creditsvc.consulting.models import Consultant, ConsultingPolicy, DayException
from creditsvc.core.amounts import parse_amount, unit_named
from creditsvc.core.free_slots import Weekly
from creditsvc.db import db
from creditsvc.onboarding.loading import Item, Loading, Outcome
from creditsvc.onboarding.schemas import DAYS_OF_WEEK, value_at
from creditsvc.parties.models import Person
from creditsvc.programmes.models import Programme
from creditsvc.programmes.reading import by_key

_PLAIN = ("name", "timezone", "languages", "skills", "currency", "holidays", "slot_minutes", "notice_hours")
_NAMES = {"starts": "from", "ends": "to"}
"""What the file calls the fields of the operation."""
_DAY = 24 * 60


def load_policies(loading: Loading, programmes: Sequence[Item]) -> None:
    """What programmes say of sessions booked from now on; what a file leaves out stays as it is."""
    place = ("policies", "consulting")
    for item in programmes:
        said = value_at(item.data, place)
        if said is not None:
            child = Item(item.file, f"{item.path}.policies.consulting", said, value_at(item.raw, place))
            of = item.data["key"]
            loading.each("policies", [child], lambda child, of=of: _policy(loading, of, child))  # type: ignore[misc]


def _policy(loading: Loading, programme: str, item: Item) -> Outcome:
    with item.placed():
        there = db.session.get(ConsultingPolicy, by_key(Programme, "programme", programme).id)
        before = Policy() if there is None else Policy(**{name: getattr(there, name) for name in asdict(Policy())})
        policy = replace(before, **item.data)
        if there is not None and policy == before:
            return "same"
        consultants.set_policy(loading.caller, programme, policy)
    return "new" if there is None else "changed"


def load_consultants(loading: Loading, items: Sequence[Item]) -> None:
    """Consultants, whose addresses must be those of users with that role; days that a file leaves out stay."""
    loading.each("consultants", items, lambda item: _consultant(loading, item))


def _consultant(loading: Loading, item: Item) -> Outcome:
    data = item.data
    with item.placed():
        there = db.session.scalar(select(Consultant).where(Consultant.key == data["key"]))
        if there is None:
            stated = {name: data[name] for name in (*_PLAIN, "email", "rate") if name in data}
            there = consultants.add_consultant(loading.caller, key=data["key"], **stated)
            _when(loading, item, there)
            return "new"
        changes = _changes(there, item)
        if changes:
            consultants.edit_consultant(loading.caller, data["key"], **changes)
    return "changed" if _when(loading, item, there) or changes else "same"


def _changes(there: Consultant, item: Item) -> dict[str, Any]:
    """What the file says otherwise of a consultant."""
    data = item.data
    changes = {name: data[name] for name in _PLAIN if name in data and data[name] != getattr(there, name)}
    if "email" in data:
        person = db.session.get(Person, there.person_id) if there.person_id is not None else None
        if data["email"].strip().lower() != (person.email if person is not None else ""):
            changes["email"] = data["email"]
    if "rate" in data:
        currency = data.get("currency", there.currency)
        rate = data["rate"]
        steps = parse_amount(rate, unit_named(currency), "rate") if rate is not None and currency else None
        if steps is None or steps != there.rate or "currency" in changes:
            changes |= {"rate": rate} if (rate, there.rate) != (None, None) else {}
    return changes


def _when(loading: Loading, item: Item, there: Consultant) -> bool:
    """Sets the weekly hours that a file states, adds the days that are not there; whether either was otherwise."""
    is_changed = False
    if "hours" in item.data:
        hours = [_weekly(one) for one in item.data["hours"]]
        if sorted(map(astuple, hours)) != sorted(map(astuple, consultants.weekly_of(there.id))):
            with item.placed():
                consultants.set_weekly_hours(loading.caller, there.key, hours)
            is_changed = True
    days = {
        (row.day, row.kind, row.starts, row.ends)
        for row in db.session.scalars(select(DayException).where(DayException.consultant_id == there.id))
    }
    for child in item.children("exceptions"):
        day, kind, starts, ends = (child.data[name] for name in ("day", "kind", "starts", "ends"))
        ends += _DAY if ends <= starts else 0
        if (day, kind, starts, ends) not in days:
            with child.placed(_NAMES):
                consultants.add_day_change(
                    loading.caller, there.key, day=day, kind=kind, starts=starts, ends=ends,
                    reason=child.data["reason"],
                )
            days.add((day, kind, starts, ends))
            is_changed = True
    return is_changed


def _weekly(said: dict[str, Any]) -> Weekly:
    """A stretch of a weekday; one that ends no later than it begins ends on the next day."""
    starts, ends = said["starts"], said["ends"]
    return Weekly(DAYS_OF_WEEK.index(said["day"]), starts, ends + (_DAY if ends <= starts else 0))
