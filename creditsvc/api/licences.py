"""Products, keys of licences (how many, never which), and what publishers count beside what was assigned."""

from collections.abc import Sequence
from typing import Any

from flask import Response, current_app, url_for

from creditsvc.api.etags import check_match
from creditsvc.api.licence_schemas import (
    ComparisonQuerySchema,
    ComparisonSchema,
    CountBodySchema,
    CountImportSchema,
    CountReportListSchema,
    KeyCountListSchema,
    KeyFileBodySchema,
    KeyImportSchema,
    KeyListBodySchema,
    ProductListSchema,
    ProductSchema,
)
from creditsvc.api.paging import id_cursor, page, page_of_all
from creditsvc.api.routes import get, new_blueprint, patch, post
from creditsvc.api.schemas import PagingSchema
from creditsvc.api.tokens import current_caller
from creditsvc.api.uploads import read_upload
from creditsvc.api.writes import edit_once, write_once, write_or_try
from creditsvc.core.days import parse_day
from creditsvc.licences import waiting
from creditsvc.licences.comparing import compare, comparison_document
from creditsvc.licences.counting import import_counts, outcome_document, report_document, reports
from creditsvc.licences.counts.files import LARGEST_FILE as LARGEST_COUNTS
from creditsvc.licences.counts.read import read_counts
from creditsvc.licences.key_files import LARGEST_FILE, KeyLine, listed_keys, read_keys
from creditsvc.licences.keyring import keyring_of
from creditsvc.licences.keys import KeyCount, import_keys, key_counts, seal_keys
from creditsvc.licences.products import add_product, edit_product, find_product, product_document, products
from creditsvc.licences.schemas import ProductEditShape, ProductShape
from creditsvc.parties.access import require
from creditsvc.parties.once import Answer

blueprint = new_blueprint("licences", "Products, keys of licences, and what publishers count.")


@get(blueprint, "/products", query=PagingSchema, answers=ProductListSchema)
def list_products(query: dict[str, Any]) -> dict[str, Any]:
    """The products by key; a startup's people get those of which it was granted seats."""
    return page_of_all(products(current_caller()), query, product_document, lambda view: view.key)


@get(blueprint, "/products/<key>", answers=ProductSchema, etag=True)
def get_product(key: str) -> dict[str, Any]:
    """One product."""
    return product_document(find_product(current_caller(), key))


@post(blueprint, "/products", scope="admin", body=ProductShape, answers=ProductSchema, status=201,
      next_steps={"get_product": "key"})
def create_product(body: dict[str, Any]) -> Response:
    """Says what a resource of seats is."""
    caller = current_caller()

    def act() -> Answer:
        key = add_product(caller, **body).key
        location = url_for("api_licences.get_product", key=key)
        return Answer(201, product_document(find_product(caller, key)), location)

    return write_once(act)


@patch(blueprint, "/products/<key>", scope="admin", body=ProductEditShape, answers=ProductSchema)
def change_product(body: dict[str, Any], key: str) -> Response:
    """Changes what is said of a product; what is not sent stays, a `sku` of null is taken away."""
    caller = current_caller()

    def act() -> Answer:
        view = edit_product(caller, key, check=lambda found: check_match(product_document(found)), **body)
        return Answer(200, product_document(view))

    return edit_once(act)


@get(blueprint, "/licence-keys", query=PagingSchema, answers=KeyCountListSchema)
def list_licence_keys(query: dict[str, Any]) -> dict[str, Any]:
    """How many keys each pool of seats has: free, handed out, used. Keys themselves are shown on pages alone."""
    return page_of_all(key_counts(current_caller()), query, _shown_count, lambda one: one.pool)


@post(blueprint, "/licence-keys", scope="import", body=KeyListBodySchema, answers=KeyImportSchema, status=201,
      also=(200,))
def import_licence_keys(body: dict[str, Any]) -> Response:
    """Imports a list of keys into a pool of seats, all or none; one that is known is refused by its row.

    A dry run tells how many would be (200).
    """
    require(current_caller(), "licence.keys")
    return _imported(body, "keys", listed_keys("keys", body["keys"]), "row")


@post(blueprint, "/licence-keys/file", scope="import", body=KeyFileBodySchema, answers=KeyImportSchema, status=201,
      also=(200,), location="multipart")
def import_licence_key_file(body: dict[str, Any]) -> Response:
    """Imports the keys in the column `key` of a CSV file, all or none; one that is known is refused by its line.

    A dry run tells how many would be (200).
    """
    require(current_caller(), "licence.keys")
    name, data = read_upload("file", body["file"], LARGEST_FILE)
    return _imported(body, name, read_keys(name, data), "line")


def _imported(body: dict[str, Any], name: str, lines: Sequence[KeyLine], place: str) -> Response:
    caller, keyring = current_caller(), keyring_of(current_app.config["CREDITSVC"])
    sealed, pool, dry_run = seal_keys(keyring, lines), body["pool"], body["dry_run"]

    def act() -> Answer:
        count = import_keys(caller, keyring, pool=pool, name=name, keys=sealed, place=place)
        waiting.seat_pool(caller, current_app.config["CREDITSVC"], pool)
        document = {"pool": pool, "keys": count, "dry_run": dry_run}
        return Answer(200 if dry_run else 201, document, "" if dry_run else url_for("api_licences.list_licence_keys"))

    return write_or_try(act, dry_run=dry_run)


def _shown_count(one: KeyCount) -> dict[str, Any]:
    return {"pool": one.pool, "resource": one.resource, "free": one.free, "handed": one.handed, "used": one.used}


@get(blueprint, "/licence-counts", query=PagingSchema, answers=CountReportListSchema)
def list_licence_counts(query: dict[str, Any]) -> dict[str, Any]:
    """The files of counts that were imported, newest first."""
    return _reports(query, None)


@get(blueprint, "/startups/<key>/licence-counts", query=PagingSchema, answers=CountReportListSchema)
def list_startup_licence_counts(query: dict[str, Any], key: str) -> dict[str, Any]:
    """The files of counts of a startup's own tenant, newest first."""
    return _reports(query, key)


def _reports(query: dict[str, Any], startup: str | None) -> dict[str, Any]:
    found = reports(current_caller(), startup=startup, before=id_cursor(query.get("after")), limit=query["limit"] + 1)
    return page(found, query["limit"], report_document, lambda view: str(view.id))


@post(blueprint, "/licence-counts", scope="import", body=CountBodySchema, answers=CountImportSchema, status=201,
      also=(200,), location="multipart")
def import_licence_counts(body: dict[str, Any]) -> Response:
    """Imports what a publisher counts, all files or none; 200 when all of it is there already."""
    caller = current_caller()
    require(caller, "licence.edit")
    day = parse_day(body["counted_on"], "counted_on") if "counted_on" in body else None
    uploads = [read_upload("files", file, LARGEST_COUNTS) for file in body["files"]]
    files = [read_counts(name, data, body.get("person")) for name, data in uploads]

    def act() -> Answer:
        outcomes = [import_counts(caller, file, startup=body.get("startup"), counted_on=day) for file in files]
        document = {"items": [outcome_document(one) for one in outcomes]}
        location = url_for("api_licences.list_licence_counts")
        return Answer(201 if any(one.changed for one in outcomes) else 200, document, location)

    return write_once(act)


@get(blueprint, "/licence-counts/comparison", query=ComparisonQuerySchema, answers=ComparisonSchema)
def compare_licence_counts(query: dict[str, Any]) -> dict[str, Any]:
    """What publishers count beside what was assigned: seats nobody uses, people unknown to us, more than is enabled."""
    return comparison_document(compare(current_caller(), idle_days=query["idle_days"]))


@get(blueprint, "/startups/<key>/licence-comparison", query=ComparisonQuerySchema, answers=ComparisonSchema)
def compare_startup_licence_counts(query: dict[str, Any], key: str) -> dict[str, Any]:
    """The same of one startup; of the incubator's own tenant it tells of the startup's people alone."""
    return comparison_document(compare(current_caller(), startup=key, idle_days=query["idle_days"]))
