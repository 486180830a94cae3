"""Loading what is offered: partners, resources, programmes with their cohorts and packages, pools."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from creditsvc.core.amounts import format_amount, parse_amount, unit_named
from creditsvc.core.days import end_text, ends_at, start_text, starts_at
from creditsvc.db import db
from creditsvc.ledger.models import Pool, Resource
from creditsvc.onboarding.loading import Item, Loading, Outcome
from creditsvc.programmes import operations
from creditsvc.programmes.models import Cohort, Package, Partner, Programme
from creditsvc.programmes.packages import LineTerms
from creditsvc.programmes.reading import M, by_key, find_package, line_views, standing_terms


def load_offers(loading: Loading, sections: Mapping[str, Sequence[Item]]) -> None:
    """Partners, resources, programmes, cohorts, pools, packages: each may name what stands before it."""
    programmes = sections["programmes"]
    loading.each("partners", sections["partners"], lambda item: _partner(loading, item))
    loading.each("resources", sections["resources"], lambda item: _resource(loading, item))
    loading.each("programmes", programmes, lambda item: _programme(loading, item))
    for item in programmes:
        of = item.data["key"]
        loading.each("cohorts", item.children("cohorts"), lambda child, of=of: _cohort(loading, of, child))  # type: ignore[misc]
    loading.each("pools", sections["pools"], lambda item: _pool(loading, item))
    for item in programmes:
        of = item.data["key"]
        loading.each("packages", item.children("packages"), lambda child, of=of: _package(loading, of, child))  # type: ignore[misc]


def _there(model: type[M], key: str) -> M | None:
    return db.session.scalar(select(model).where(model.__table__.c.key == key))


def _partner(loading: Loading, item: Item) -> Outcome:
    data = item.data
    partner = _there(Partner, data["key"])
    with item.placed():
        if partner is None:
            operations.add_partner(loading.caller, key=data["key"], name=data["name"])
            return "new"
        return _texts(loading, partner, "partner", data, "name")


def _resource(loading: Loading, item: Item) -> Outcome:
    data = item.data
    resource = _there(Resource, data["key"])
    with item.placed():
        if resource is None:
            operations.add_resource(
                loading.caller, key=data["key"], kind=data["kind"], unit=data.get("unit"),
                provider=data.get("provider"), name=data.get("name"),
            )
            return "new"
        if resource.kind != data["kind"]:
            raise item.differs("kind", resource.kind)
        if resource.unit != operations.checked_unit(data["kind"], data.get("unit")):
            raise item.differs("unit", resource.unit)
        if resource.provider != data.get("provider"):
            raise item.differs("provider", resource.provider)
        return _texts(loading, resource, "resource", data, "name")


def _programme(loading: Loading, item: Item) -> Outcome:
    data = item.data
    programme = _there(Programme, data["key"])
    with item.placed():
        if programme is None:
            operations.add_programme(
                loading.caller, key=data["key"], name=data["name"], months=data["months"],
                partner=data.get("partner"), timezone=data.get("timezone", "Asia/Hong_Kong"),
                name_zh_hant=data.get("name_zh_hant"), name_zh_hans=data.get("name_zh_hans"),
            )
            return "new"
        if data.get("timezone", programme.timezone) != programme.timezone:
            raise item.differs("timezone", programme.timezone)
        if data.get("partner") is not None:
            partner = by_key(Partner, "partner", data["partner"])
            if partner.id != programme.partner_id:
                raise item.differs("partner", "another one")
        outcome = _texts(loading, programme, "programme", data, "name", "name_zh_hant", "name_zh_hans")
        if standing_terms(programme.id).months != data["months"]:
            operations.state_terms(loading.caller, programme=data["key"], months=data["months"])
            outcome = "changed"
        return outcome


def _cohort(loading: Loading, programme: str, item: Item) -> Outcome:
    data = item.data
    cohort = _there(Cohort, data["key"])
    with item.placed():
        if cohort is None:
            operations.add_cohort(
                loading.caller, programme=programme, key=data["key"], name=data.get("name", data["key"]),
                starts=data["starts"], ends=data["ends"],
            )
            return "new"
        if cohort.programme_id != by_key(Programme, "programme", programme).id:
            raise item.differs("key", "a cohort of another programme")
        for name in ("starts", "ends"):
            if getattr(cohort, name) != data[name]:
                raise item.differs(name, getattr(cohort, name))
        return _texts(loading, cohort, "cohort", data, "name")


def _pool(loading: Loading, item: Item) -> Outcome:
    data = item.data
    pool = _there(Pool, data["key"])
    with item.placed():
        if pool is None:
            operations.add_pool(
                loading.caller, key=data["key"], partner=data["partner"], resource=data["resource"],
                amount=data["amount"], starts=data["starts"], ends=data["ends"],
            )
            return "new"
        resource = by_key(Resource, "resource", data["resource"])
        unit = unit_named(resource.unit)
        if by_key(Partner, "partner", data["partner"]).id != pool.partner_id:
            raise item.differs("partner", "another one")
        if resource.id != pool.resource_id:
            raise item.differs("resource", "another one")
        if parse_amount(data["amount"], unit, "amount") != pool.amount:
            raise item.differs("amount", format_amount(pool.amount, unit))
        _same_period(item, pool.starts, pool.ends)
        return "same"


def _same_period(item: Item, starts: datetime, ends: datetime | None) -> None:
    first: date | datetime = item.data["starts"]
    last: date | datetime | None = item.data["ends"]
    if starts_at(first) != starts:
        raise item.differs("starts", start_text(starts))
    if (ends_at(last) if last is not None else None) != ends:
        raise item.differs("ends", end_text(ends) if ends is not None else "without an end")


def _package(loading: Loading, programme: str, item: Item) -> Outcome:
    data = item.data
    with item.placed():
        lines = [LineTerms(**line) for line in data["lines"]]
        there = find_package(by_key(Programme, "programme", programme).id, data["key"])
        if there is None:
            there = operations.add_package(loading.caller, programme=programme, key=data["key"], lines=lines)
            _note_pools_to_follow(loading, item, there)
            return "new"
        in_book = line_views(there.id)
        if len(in_book) != len(lines):
            raise item.differs("lines", f"{len(in_book)} lines")
        for number, (view, line) in enumerate(zip(in_book, lines, strict=True)):
            stated = parse_amount(line.amount, view.unit, f"lines[{number}].amount")
            there_is = (view.resource, view.pool, view.amount, view.months, view.monthly)
            if there_is != (line.resource, line.pool, stated, line.months, line.monthly):
                amount = format_amount(view.amount, view.unit) + (" a month" if view.monthly else "")
                raise item.differs(
                    f"lines[{number}]", f"{amount} of {view.resource} from {view.pool} for {view.months} months"
                )
        _note_pools_to_follow(loading, item, there)
        return "same"


def _note_pools_to_follow(loading: Loading, item: Item, package: Package) -> None:
    loading.report.notes += [
        f"{item.file}: {item.path}.lines[{line.position}].pool: there is no pool {line.pool} yet; the line is kept, "
        "and the package is not awarded before there is"
        for line in line_views(package.id)
        if not line.has_pool
    ]


def _texts(loading: Loading, row: M, what: str, data: Mapping[str, Any], *names: str) -> Outcome:
    """Updates those texts that the file states and that differ."""
    texts = {name: data[name] for name in names if data.get(name) is not None}
    return "changed" if operations.restate(loading.caller, row, f"{what}:{data['key']}", **texts) else "same"
