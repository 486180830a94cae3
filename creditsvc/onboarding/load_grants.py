"""Loading grants with what happened to them before go-live: opening balances, top-ups, extensions, voids (L3), and
when they were activated."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from creditsvc.core.amounts import Unit, format_amount, parse_amount, unit_named
from creditsvc.core.burndown import ChangeKind
from creditsvc.core.days import end_text, ends_at, start_text, starts_at
from creditsvc.core.errors import FileError, FileRefused, RuleBroken
from creditsvc.core.scopes import scope_name
from creditsvc.db import db
from creditsvc.grants.activation import Stated, stands, state_activations
from creditsvc.grants.awards import Draft, add_changes, award, find_pool, refuse_drawn_seats
from creditsvc.grants.models import Activation, Grant
from creditsvc.ledger.book import Cause, ChangeTerms
from creditsvc.ledger.models import LotChange, LotFact, Pool, Resource
from creditsvc.onboarding.loading import Item, Loading, Outcome, raise_faults
from creditsvc.parties.models import Startup
from creditsvc.parties.trail import record
from creditsvc.sets import chunks


@dataclass(frozen=True)
class _Known:
    """A grant that is in the book already."""

    grant: Grant
    lot: LotFact
    startup: str
    pool: str
    unit: Unit
    provider: str
    changes: tuple[LotChange, ...]
    activation: Activation | None

    def of(self, kind: ChangeKind) -> list[LotChange]:
        return [change for change in self.changes if change.kind == kind]


def load_grants(loading: Loading, items: Sequence[Item]) -> None:
    """Awards the grants that are new, all in one; adds to those that are there what has happened since."""
    known = _known(item.data["key"] for item in items)
    startups = _startup_ids(item.data["startup"] for item in items)
    loading.each(
        "grants", [item for item in items if item.data["key"] in known],
        lambda item: _compare(loading, item, known[item.data["key"]]),
    )
    drafts: list[Draft] = []
    faults: list[FileError] = []
    places: dict[str, Item] = {}
    for number, item in enumerate(item for item in items if item.data["key"] not in known):
        place = f"{number}:"
        places[place] = item
        try:
            drafts.append(_draft(loading, item, startups, place))
        except FileRefused as refusal:
            faults += refusal.errors
    raise_faults(faults)
    try:
        papers = award(  # they were awarded before they came here, so no second person is asked
            loading.caller, drafts, Cause("award", loading.reference, loading.caller.actor), approved=True
        )
        state_activations(loading.caller, [
            _activation(loading, item, paper, place)
            for (place, item), paper in zip(places.items(), papers, strict=True)
            if item.data["activated"] is not None
        ])
    except RuleBroken as error:
        number_text, _, name = error.field.partition(":")
        if not name:
            raise
        raise places[f"{number_text}:"].refused(name.removesuffix(".grant"), str(error)) from error
    if drafts:
        loading.report.count("grants", "new", len(drafts))


def _startup_ids(keys: Iterable[str]) -> dict[str, int]:
    ids: dict[str, int] = {}
    for part in chunks(set(keys)):
        ids.update(db.session.execute(select(Startup.key, Startup.id).where(Startup.key.in_(part))).all())
    return ids


def _known(keys: Iterable[str]) -> dict[str, _Known]:
    """The grants of those keys that are there, in a fixed number of queries for many."""
    known: dict[str, _Known] = {}
    for part in chunks(keys):
        rows = db.session.execute(
            select(Grant, LotFact, Startup.key, Pool.key, Resource, Activation)
            .join(LotFact, LotFact.id == Grant.lot_id)
            .join(Startup, Startup.id == Grant.startup_id)
            .join(Pool, Pool.id == LotFact.pool_id)
            .join(Resource, Resource.id == Pool.resource_id)
            .outerjoin(Activation, (Activation.grant_id == Grant.id) & stands())
            .where(Grant.key.in_(part))
        ).all()
        changes: dict[int, list[LotChange]] = defaultdict(list)
        ids = [lot.id for _, lot, *_ in rows]
        for change in db.session.scalars(select(LotChange).where(LotChange.lot_id.in_(ids)).order_by(LotChange.id)):
            changes[change.lot_id].append(change)
        for grant, lot, startup, pool, resource, activation in rows:
            known[grant.key] = _Known(
                grant, lot, startup, pool, unit_named(resource.unit), resource.provider or "", tuple(changes[lot.id]),
                activation,
            )
    return known


def _draft(loading: Loading, item: Item, startups: dict[str, int], place: str) -> Draft:
    data = item.data
    if data["startup"] not in startups:
        raise item.refused("startup", f"there is no startup {data['startup']}")
    startup_id = startups[data["startup"]]
    zone = loading.zone(startup_id)
    with item.placed():
        pool, resource = find_pool(data["pool"])
        unit = unit_named(resource.unit)
        awarded = starts_at(data["awarded"], zone) if data["awarded"] is not None else loading.caller.now
        expires = ends_at(data["expires"], zone) if data["expires"] is not None else None
        draft = Draft(
            startup_id=startup_id, startup=data["startup"], pool=pool,
            amount=parse_amount(data["amount"], unit, "amount"), effective=starts_at(data["effective"], zone),
            expires=expires, awarded=awarded, key=data["key"], priority=data["priority"],
            promotional=data["promotional"], reason=data.get("reason", ""),
            opening=_opening(item, unit), place=place, may_be_worthless=True,
            opening_at=starts_at(data["opening_at"], zone) if data["opening_at"] is not None else None,
        )
    top_ups = _top_ups(item, unit, zone, awarded)
    extensions = _extensions(item, zone, awarded, expires)
    return replace(draft, changes=(*top_ups, *extensions, *_void(loading, item, zone)))


def _opening(item: Item, unit: Unit) -> int:
    text = item.data["opening_drawn"]
    return 0 if text is None else parse_amount(text, unit, "opening_drawn")


def _top_ups(item: Item, unit: Unit, zone: ZoneInfo, awarded: datetime) -> list[ChangeTerms]:
    terms = []
    for child in item.children("top_ups"):
        with child.placed():
            amount = parse_amount(child.data["amount"], unit, "amount")
        if amount <= 0:
            raise child.refused("amount", "a top-up is of more than 0")
        stated = _at(child.data["at"], zone) or awarded
        terms.append(ChangeTerms(item.data["key"], "top_up", stated, amount, None, child.data["reason"]))
    return terms


def _extensions(
    item: Item, zone: ZoneInfo, awarded: datetime, expires: datetime | None
) -> list[ChangeTerms]:
    terms = []
    for child in item.children("extensions"):
        end = ends_at(child.data["expires"], zone)
        if expires is None:
            raise child.refused("expires", "the grant does not expire")
        if end <= expires:
            raise child.refused("expires", f"is not later than the grant's own end, {end_text(expires, zone)}")
        stated = _at(child.data["at"], zone) or awarded
        terms.append(ChangeTerms(item.data["key"], "extend", stated, 0, end, child.data["reason"]))
    return terms


def _void(loading: Loading, item: Item, zone: ZoneInfo) -> list[ChangeTerms]:
    at = _at(item.data["voided_at"], zone)
    if at is None:
        return []
    return [ChangeTerms(item.data["key"], "void", min(at, loading.caller.now), 0, at)]


def _at(moment: date | datetime | None, zone: ZoneInfo) -> datetime | None:
    return None if moment is None else starts_at(moment, zone)


def _compare(loading: Loading, item: Item, known: _Known) -> Outcome:
    """Refuses an award that differs from the book's; adds changes that the book does not have yet."""
    zone = loading.zone(known.grant.startup_id)
    _same_award(item, known, zone)
    changes = _new_changes(loading, item, known, zone)
    outcome: Outcome = "same"
    if changes:
        with item.placed():
            add_changes(
                loading.caller, known.lot, known.unit, changes,
                Cause(changes[0].kind, loading.reference, loading.caller.actor),
            )
        outcome = "changed"
    if item.data["activated"] is not None and _is_activation_new(loading, item, known):
        outcome = "changed"
    reason = item.data.get("reason")
    if reason is not None and reason != known.grant.reason:
        record(
            loading.caller, "grant.edited", f"grant:{known.grant.key}",
            before={"reason": known.grant.reason}, after={"reason": reason},
        )
        known.grant.reason = reason
        outcome = "changed"
    return outcome


def _activation(loading: Loading, item: Item, grant: Grant, place: str = "") -> Stated:
    said = item.data["activated"]
    return Stated(
        grant, said["on"], said["subscription"], loading.zone(grant.startup_id), place=f"{place}activated."
    )


def _is_activation_new(loading: Loading, item: Item, known: _Known) -> bool:
    """Keeps an activation that the book does not have; refuses one that it has otherwise."""
    stated, there = _activation(loading, item, known.grant), known.activation
    with item.placed():
        if there is None:
            state_activations(loading.caller, [stated])
            return True
        subscription = scope_name(known.provider, stated.subscription, "activated.subscription")[1]
    if starts_at(stated.on, stated.zone) != there.activated_at:
        raise item.differs("activated.on", start_text(there.activated_at, stated.zone))
    if subscription != there.subscription:
        raise item.differs("activated.subscription", there.subscription)
    return False


def _same_award(item: Item, known: _Known, zone: ZoneInfo) -> None:
    data, lot, unit = item.data, known.lot, known.unit
    if data["startup"] != known.startup:
        raise item.differs("startup", known.startup)
    if data["pool"] != known.pool:
        raise item.differs("pool", known.pool)
    with item.placed():
        if parse_amount(data["amount"], unit, "amount") != lot.amount:
            raise item.differs("amount", format_amount(lot.amount, unit))
    if starts_at(data["effective"], zone) != lot.effective:
        raise item.differs("effective", start_text(lot.effective, zone))
    if (ends_at(data["expires"], zone) if data["expires"] is not None else None) != lot.expires:
        raise item.differs("expires", end_text(lot.expires, zone) if lot.expires is not None else "without an end")
    for name in ("priority", "promotional"):
        if data[name] != getattr(lot, name):
            raise item.differs(name, getattr(lot, name))
    if data["awarded"] is not None and starts_at(data["awarded"], zone) != lot.awarded:
        raise item.differs("awarded", lot.awarded.astimezone(zone).isoformat())


def _new_changes(loading: Loading, item: Item, known: _Known, zone: ZoneInfo) -> list[ChangeTerms]:
    lot = known.lot
    new = _new_opening(item, known, zone)
    left = known.of("top_up")
    for terms, child in zip(_top_ups(item, known.unit, zone, lot.awarded), item.children("top_ups"), strict=True):
        alike = [one for one in left if one.amount == terms.amount]
        if child.data["at"] is not None:
            alike = [one for one in alike if one.stated_at == terms.stated_at]
        there = alike[0] if alike else None
        if there is None:
            new.append(terms)
        else:
            left.remove(there)
    ends = {change.instant for change in known.of("extend")}
    new += [terms for terms in _extensions(item, zone, lot.awarded, lot.expires) if terms.instant not in ends]
    void = _void(loading, item, zone)
    voided = [change.instant for change in known.of("void") if change.instant is not None]
    if void and voided and void[0].instant not in voided:
        raise item.differs("voided_at", start_text(min(voided), zone))
    return new if voided else [*new, *void]


def _new_opening(item: Item, known: _Known, zone: ZoneInfo) -> list[ChangeTerms]:
    lot, there = known.lot, known.of("opening")
    with item.placed():
        amount = _opening(item, known.unit)
    at = _at(item.data["opening_at"], zone) or lot.effective
    if there:
        in_book = sum(change.amount for change in there)
        if amount != in_book:
            raise item.differs("opening_drawn", format_amount(in_book, known.unit))
        if at != there[0].instant:
            raise item.differs("opening_at", start_text(there[0].instant or lot.effective, zone))
        return []
    if not amount:
        return []
    with item.placed():
        refuse_drawn_seats(known.unit, "opening_drawn")
    if not 0 < amount <= lot.amount:
        raise item.refused("opening_drawn", f"is from 0 to the grant's {format_amount(lot.amount, known.unit)}")
    if at < lot.effective or (lot.expires is not None and at > lot.expires):
        raise item.refused("opening_at", "is not within the grant")
    return [ChangeTerms(lot.key, "opening", lot.awarded, amount, at)]
