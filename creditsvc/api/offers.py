"""What partners give: partners, resources, and pools, each made and (where it is paperwork) said anew."""

from typing import Any

from flask import Response, url_for

from creditsvc.api.etags import check_match
from creditsvc.api.offer_schemas import ReferencedPoolSchema, ResourceListSchema, ResourceSchema
from creditsvc.api.paging import one_of, page_of_all
from creditsvc.api.programme_schemas import PartnerListSchema, PartnerSchema
from creditsvc.api.routes import get, new_blueprint, patch, post
from creditsvc.api.schemas import PagingSchema, PoolListSchema, PoolSchema
from creditsvc.api.tokens import current_caller
from creditsvc.api.writes import edit_once, write_once
from creditsvc.core.amounts import format_amount
from creditsvc.core.days import instant_text
from creditsvc.core.errors import NotFound
from creditsvc.ledger.models import Pool, Resource
from creditsvc.parties.access import require
from creditsvc.parties.once import Answer
from creditsvc.programmes import changes, operations, reading
from creditsvc.programmes.models import Partner
from creditsvc.programmes.schemas import PartnerEditShape, PartnerShape, PoolShape, ReferenceEditShape, ResourceShape
from creditsvc.statements.partners import PoolReport, pool_reports

blueprint = new_blueprint("offers", "What partners give: partners, resources and pools.")


@get(blueprint, "/partners", query=PagingSchema, answers=PartnerListSchema)
def list_partners(query: dict[str, Any]) -> dict[str, Any]:
    """The partners you may see, by key."""
    return page_of_all(reading.partners(current_caller()), query, _shown_partner, lambda partner: partner.key)


@get(blueprint, "/partners/<partner>", answers=PartnerSchema, etag=True)
def get_partner(partner: str) -> dict[str, Any]:
    """One partner."""
    return _shown_partner(one_of(reading.partners(current_caller()), "partner", partner))


@post(blueprint, "/partners", scope="admin", body=PartnerShape, answers=PartnerSchema, status=201)
def create_partner(body: dict[str, Any]) -> Response:
    """Makes a partner."""
    caller = current_caller()

    def act() -> Answer:
        made = operations.add_partner(caller, **body)
        return Answer(201, _shown_partner(made), url_for("api_offers.get_partner", partner=made.key))

    return write_once(act)


@patch(blueprint, "/partners/<partner>", scope="admin", body=PartnerEditShape, answers=PartnerSchema)
def change_partner(body: dict[str, Any], partner: str) -> Response:
    """Says a partner's name anew; its key stays."""
    caller = current_caller()

    def act() -> Answer:
        changes.change_partner(caller, partner, **body, check=lambda found: check_match(_shown_partner(found)))
        return Answer(200, _shown_partner(reading.by_key(Partner, "partner", partner)))

    return edit_once(act)


@get(blueprint, "/resources", query=PagingSchema, answers=ResourceListSchema)
def list_resources(query: dict[str, Any]) -> dict[str, Any]:
    """What can be granted, by key; a partner's viewer gets that of its own pools."""
    return page_of_all(reading.resources(current_caller()), query, _shown_resource, lambda resource: resource.key)


@get(blueprint, "/resources/<resource>", answers=ResourceSchema)
def get_resource(resource: str) -> dict[str, Any]:
    """One resource."""
    return _shown_resource(one_of(reading.resources(current_caller()), "resource", resource))


@post(blueprint, "/resources", scope="admin", body=ResourceShape, answers=ResourceSchema, status=201)
def create_resource(body: dict[str, Any]) -> Response:
    """Makes a resource: credit of a provider in a currency, hours, or seats."""
    caller = current_caller()

    def act() -> Answer:
        made = operations.add_resource(caller, **body)
        return Answer(201, _shown_resource(made), url_for("api_offers.get_resource", resource=made.key))

    return write_once(act)


@get(blueprint, "/pools", query=PagingSchema, answers=PoolListSchema)
def list_pools(query: dict[str, Any]) -> dict[str, Any]:
    """What partners have committed, what became of it, and what is left to award."""
    return page_of_all(pool_reports(current_caller()), query, _shown_pool, lambda report: report.pool.key)


@get(blueprint, "/pools/<pool>", answers=PoolSchema)
def get_pool(pool: str) -> dict[str, Any]:
    """One pool: what is committed, what became of it, and what is left to award."""
    return _pool_of(pool)


def _pool_of(pool: str) -> dict[str, Any]:
    for report in pool_reports(current_caller(), pool):
        return _shown_pool(report)
    raise NotFound("pool", pool)


@post(blueprint, "/pools", scope="admin", body=PoolShape, answers=PoolSchema, status=201)
def create_pool(body: dict[str, Any]) -> Response:
    """Says what a partner commits of a resource, for a period of whole days of Hong Kong; it stays as it is said."""
    caller = current_caller()

    def act() -> Answer:
        key = operations.add_pool(caller, **body).key
        return Answer(201, _pool_of(key), url_for("api_offers.get_pool", pool=key))

    return write_once(act)


@get(blueprint, "/pools/<pool>/reference", answers=ReferencedPoolSchema, etag=True)
def get_pool_reference(pool: str) -> dict[str, Any]:
    """How the partner names what it commits with a pool."""
    require(current_caller(), "programme.edit")
    return _referenced(reading.by_key(Pool, "pool", pool))


@patch(blueprint, "/pools/<pool>/reference", scope="admin", body=ReferenceEditShape, answers=ReferencedPoolSchema)
def change_pool_reference(body: dict[str, Any], pool: str) -> Response:
    """Says anew how the partner names what it commits with a pool; empty for none."""
    caller = current_caller()

    def act() -> Answer:
        changes.change_reference(caller, pool, **body, check=lambda found: check_match(_referenced(found)))
        return Answer(200, _referenced(reading.by_key(Pool, "pool", pool)))

    return edit_once(act)


def _shown_resource(resource: Resource) -> dict[str, Any]:
    return {
        "key": resource.key, "name": resource.name, "kind": resource.kind, "unit": resource.unit,
        "provider": resource.provider,
    }


def _referenced(pool: Pool) -> dict[str, Any]:
    return {"pool": pool.key, "reference": pool.reference or ""}


def _shown_partner(partner: Partner) -> dict[str, Any]:
    return {"key": partner.key, "name": partner.name}


def _shown_pool(report: PoolReport) -> dict[str, Any]:
    pool = report.pool
    return {
        "key": pool.key,
        "partner": pool.partner,
        "resource": pool.resource,
        "unit": pool.unit.name,
        "amount": format_amount(pool.amount, pool.unit),
        "committed": format_amount(pool.committed, pool.unit),
        "left": format_amount(pool.left, pool.unit),
        "used": format_amount(report.used, pool.unit),
        "reserved": format_amount(report.reserved, pool.unit),
        "startups": report.startups,
        "starts_at": instant_text(pool.starts),
        "ends_at": instant_text(pool.ends),
    }
