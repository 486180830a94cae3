"""Who gets what from every address: role by route by tenant, for the pages and the API alike.

A row of the folder `access` says the status for each role in the order of ROLES. `own` is the startup of the owner and
the member, and in the programme of the limited manager; `other` is neither. POSTs send what cannot be done: who may do
such a thing gets past the permission and is refused for what was sent (404, 409, 422), or does it where nothing needs
to be said. The pages are asked first, then the API, each in the order of the files' names.
"""

from pathlib import Path

import pytest
from flask import Flask

from creditsvc.app import create_app
from creditsvc.config import Config
from tests.api.speaking import ONE_DATABASE
from tests.web.access_park import HERE, OTHER, OWN, Park, Row

ROLES = ("nobody", "administrator", "manager", "limited", "auditor", "partner", "consultant", "owner", "member")

FOLDER = Path(__file__).parent / "access"
"""The matrix: a file of rows per subject, each beginning with what its columns are."""


def rows() -> list[Row]:
    """The matrix, parsed."""
    parsed = []
    for file in sorted(FOLDER.glob("*.txt"), key=lambda file: (file.stem.startswith("api_"), file.stem)):
        for line in file.read_text().splitlines():
            if line.startswith("#") or not line.strip():
                continue
            place, _, statuses = line.partition(":")
            method, endpoint, *tenant = place.split()
            parsed.append(Row(method, endpoint, "".join(tenant), tuple(int(status) for status in statuses.split())))
    return parsed


def routes_of(app: Flask) -> set[tuple[str, str]]:
    """Every way to ask the service."""
    return {
        (method, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def unknown_routes(app: Flask) -> set[tuple[str, str]]:
    """The routes that the matrix does not know."""
    return routes_of(app) - {(row.method, row.endpoint) for row in rows()}


@ONE_DATABASE
@pytest.mark.parametrize("role", ROLES)
def test_every_role_gets_from_every_address_what_the_matrix_says(app: Flask, role: str):
    park = Park(app)
    column = ROLES.index(role)

    got = [(row.method, row.endpoint, row.tenant, row.statuses[column], park.ask(role, row)) for row in rows()]

    assert [place for place in got if place[-2] != place[-1]] == []


def test_the_matrix_knows_every_route(app: Flask):
    assert unknown_routes(app) == set()


def test_a_route_that_the_matrix_does_not_know_is_found(config: Config):
    app = create_app(config)
    app.add_url_rule("/back-door", "back_door", lambda: "", methods=["GET", "POST"])

    assert unknown_routes(app) == {("GET", "back_door"), ("POST", "back_door")}


def test_the_matrix_has_a_status_for_each_role_and_both_tenants_where_there_are_any(app: Flask):
    arguments = {rule.endpoint: rule.arguments for rule in app.url_map.iter_rules()}
    tenants: dict[tuple[str, str], set[str]] = {}
    for row in rows():
        tenants.setdefault((row.method, row.endpoint), set()).add(row.tenant)

    assert all(len(row.statuses) == len(ROLES) for row in rows())
    assert all(
        found == ({HERE} if "key" not in arguments[endpoint] and found == {HERE} else {OWN, OTHER})
        for (_, endpoint), found in tenants.items()
    )
