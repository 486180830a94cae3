"""Who gets what from every address: role by route by tenant, for the pages and the API alike.

A row says the status for each role in the order of ROLES. `own` is the startup of the owner and the member, and in the
programme of the limited manager; `other` is neither. POSTs send what cannot be done: who may do such a thing gets past
the permission and is refused for what was sent (404, 409, 422), or does it where nothing needs to be said.
"""

import io
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from creditsvc.alerts.links import Link, make_link
from creditsvc.db import db, transaction
from creditsvc.parties.access import operator
from creditsvc.parties.models import Person, StartupProgramme
from creditsvc.parties.tokens import create_token
from creditsvc.usage.files import pack
from creditsvc.usage.operations import receive_upload
from creditsvc.usage.rates import add_rate
from tests import factories
from tests.api.speaking import ONE_DATABASE
from tests.conftest import NOW
from tests.web.browsing import Browser

ROLES = ("nobody", "administrator", "manager", "limited", "auditor", "partner", "consultant", "owner", "member")
OWN, OTHER, HERE = "own", "other", ""

MATRIX = """
# method endpoint tenant: nobody administrator manager limited auditor partner consultant owner member
GET entry.home                                 : 303 303 303 303 303 303 200 303 303
GET alert_links.link                           : 200 200 200 200 200 200 200 200 200
GET calendars.feed                             : 404 404 404 404 404 404 404 404 404
POST alert_links.follow                        : 404 404 404 404 404 404 404 404 404
GET grants.grant own                           : 303 200 200 200 200 404 404 200 200
GET grants.grant other                         : 303 200 200 404 200 404 404 404 404
GET grants.change own                          : 303 200 200 200 403 404 404 403 403
GET grants.change other                        : 303 200 200 404 403 404 404 404 404
POST grants.change own                         : 303 303 303 303 403 404 404 403 403
POST grants.change other                       : 303 303 303 404 403 404 404 404 404
GET activation.history own                     : 303 200 200 200 200 404 404 200 200
GET activation.history other                   : 303 200 200 404 200 404 404 404 404
POST activation.enter own                      : 303 422 422 422 403 404 404 422 422
POST activation.enter other                    : 303 422 422 404 403 404 404 404 404
GET health.healthz                             : 200 200 200 200 200 200 200 200 200
GET health.metrics                             : 200 200 200 200 200 200 200 200 200
GET night.tonight                              : 303 200 200 200 200 403 403 403 403
GET passwords.forgot                           : 200 200 200 200 200 200 200 200 200
POST passwords.send_link                       : 422 422 422 422 422 422 422 422 422
GET passwords.reset                            : 410 410 410 410 410 410 410 410 410
POST passwords.set_new                         : 422 422 422 422 422 422 422 422 422
GET pools.listing                              : 303 200 200 200 200 200 403 403 403
GET rates.listing                              : 303 200 200 200 200 403 403 403 403
GET rates.new                                  : 303 200 200 200 403 403 403 403 403
POST rates.state                               : 303 422 422 422 403 403 403 403 403
GET rates.withdraw_form                        : 303 200 200 200 403 403 403 403 403
POST rates.withdraw                            : 303 422 422 422 403 403 403 403 403
GET health.readyz                              : 200 200 200 200 200 200 200 200 200
GET scopes.listing                             : 303 200 200 200 200 403 403 403 403
GET scopes.assign_form                         : 303 200 200 200 403 403 403 403 403
POST scopes.assign                             : 303 422 422 422 403 403 403 403 403
GET scopes.end_form                            : 303 200 200 200 403 403 403 403 403
POST scopes.end                                : 303 422 422 422 403 403 403 403 403
GET reported.history own                       : 303 200 200 200 200 404 404 200 200
GET reported.history other                     : 303 200 200 404 200 404 404 404 404
POST reported.enter own                        : 303 422 422 422 403 404 404 422 422
POST reported.enter other                      : 303 422 422 404 403 404 404 404 404
GET entry.sign_in                              : 200 303 303 303 303 303 303 303 303
POST entry.sign_in                             : 422 422 422 422 422 422 422 422 422
POST entry.sign_out                            : 303 303 303 303 303 303 303 303 303
GET startups.listing                           : 303 200 200 200 200 403 403 200 200
GET holdings.one own                           : 303 200 200 200 200 404 404 200 200
GET holdings.one other                         : 303 200 200 404 200 404 404 404 404
GET grants.award own                           : 303 200 200 200 403 404 404 403 403
GET grants.award other                         : 303 200 200 404 403 404 404 404 404
POST grants.make_award own                     : 303 422 422 422 403 404 404 403 403
POST grants.make_award other                   : 303 422 422 404 403 404 404 404 404
GET startups.edit own                          : 303 200 200 200 403 404 404 403 403
GET startups.edit other                        : 303 200 200 404 403 404 404 404 404
POST startups.save own                         : 303 303 303 303 403 404 404 403 403
POST startups.save other                       : 303 303 303 404 403 404 404 404 404
GET people.members own                         : 303 200 200 200 200 404 404 200 200
GET people.members other                       : 303 200 200 404 200 404 404 404 404
POST people.add own                            : 303 422 422 422 403 404 404 403 403
POST people.add other                          : 303 422 422 404 403 404 404 404 404
POST people.end own                            : 303 404 404 404 403 404 404 403 403
POST people.end other                          : 303 404 404 404 403 404 404 404 404
POST grants.make_package_award own             : 303 404 404 404 403 404 404 403 403
POST grants.make_package_award other           : 303 404 404 404 403 404 404 404 404
GET holdings.show_statement own                : 303 200 200 200 200 404 404 200 200
GET holdings.show_statement other              : 303 200 200 404 200 404 404 404 404
GET holdings.usage own                         : 303 200 200 200 200 404 404 200 200
GET holdings.usage other                       : 303 200 200 404 200 404 404 404 404
GET startups.new                               : 303 200 200 200 403 403 403 403 403
POST startups.create                           : 303 422 422 422 403 403 403 403 403
GET static_files.static                        : 200 200 200 200 200 200 200 200 200
GET usage.runs                                 : 303 200 200 200 200 403 403 403 403
GET usage.run                                  : 303 422 422 422 200 403 403 403 403
POST usage.apply                               : 303 303 303 303 403 403 403 403 403
POST usage.confirm                             : 303 303 303 303 403 403 403 403 403
POST usage.discard                             : 303 303 303 303 403 403 403 403 403
POST usage.reverse                             : 303 303 303 303 403 403 403 403 403
GET usage.upload_form                          : 303 200 200 200 403 403 403 403 403
POST usage.upload                              : 303 422 422 422 403 403 403 403 403
GET api_docs_page.docs                         : 200 200 200 200 200 200 200 200 200
GET api_grants.list_grants                     : 401 200 200 200 200 200 200 200 200
POST api_grants.award_grant own                : 401 422 422 422 403 404 404 403 403
POST api_grants.award_grant other              : 401 422 422 404 403 404 404 404 404
GET api_grants.get_grant own                   : 401 200 200 200 200 404 404 200 200
GET api_grants.get_grant other                 : 401 200 200 404 200 404 404 404 404
POST api_grants.extend_grant own               : 401 409 409 409 403 404 404 403 403
POST api_grants.extend_grant other             : 401 409 409 404 403 404 404 404 404
POST api_grants.return_to_pool own             : 401 422 422 422 403 404 404 403 403
POST api_grants.return_to_pool other           : 401 422 422 404 403 404 404 404 404
POST api_grants.top_up_grant own               : 401 422 422 422 403 404 404 403 403
POST api_grants.top_up_grant other             : 401 422 422 404 403 404 404 404 404
POST api_grants.void_grant own                 : 401 200 200 200 403 404 404 403 403
POST api_grants.void_grant other               : 401 200 200 404 403 404 404 404 404
POST api_grants.void_series own                : 401 409 409 409 403 404 404 403 403
POST api_grants.void_series other              : 401 409 409 404 403 404 404 404 404
POST api_grants.activate_grant own             : 401 422 422 422 403 404 404 422 422
POST api_grants.activate_grant other           : 401 422 422 404 403 404 404 404 404
GET api-docs.openapi_json                      : 200 200 200 200 200 200 200 200 200
GET api_grants.list_pools                      : 401 200 200 200 200 200 403 403 403
GET api_rates.list_exchange_rates              : 401 200 200 200 200 403 403 403 403
GET api_rates.get_rate                         : 401 200 200 200 200 403 403 403 403
POST api_rates.state_rate                      : 401 422 422 422 403 403 403 403 403
POST api_rates.withdraw_stated_rate            : 401 404 404 404 403 403 403 403 403
GET api_scopes.list_unassigned_scopes          : 401 200 200 200 200 403 403 403 403
POST api_scopes.assign own                     : 401 422 422 422 403 404 404 403 403
POST api_scopes.assign other                   : 401 422 422 404 403 404 404 404 404
POST api_scopes.end                            : 401 404 404 404 403 403 403 403 403
GET api_startups.list_startups                 : 401 200 200 200 200 200 200 200 200
POST api_startups.create_startup               : 401 409 409 409 403 403 403 403 403
GET api_startups.get_startup own               : 401 200 200 200 200 404 404 200 200
GET api_startups.get_startup other             : 401 200 200 404 200 404 404 404 404
GET api_startups.get_balance own               : 401 200 200 200 200 404 404 200 200
GET api_startups.get_balance other             : 401 200 200 404 200 404 404 404 404
GET api_startups.get_holdings own              : 401 200 200 200 200 404 404 200 200
GET api_startups.get_holdings other            : 401 200 200 404 200 404 404 404 404
GET api_grants.list_startup_grants own         : 401 200 200 200 200 404 404 200 200
GET api_grants.list_startup_grants other       : 401 200 200 404 200 404 404 404 404
GET api_scopes.list_startup_scopes own         : 401 200 200 200 200 404 404 200 200
GET api_scopes.list_startup_scopes other       : 401 200 200 404 200 404 404 404 404
GET api_startups.get_statement own             : 401 200 200 200 200 404 404 200 200
GET api_startups.get_statement other           : 401 200 200 404 200 404 404 404 404
GET api_reported.list_reported_balances own    : 401 200 200 200 200 404 404 200 200
GET api_reported.list_reported_balances other  : 401 200 200 404 200 404 404 404 404
POST api_reported.report_a_balance own         : 401 422 422 422 403 404 404 422 422
POST api_reported.report_a_balance other       : 401 422 422 404 403 404 404 404 404
GET api_programmes.list_partners               : 401 200 200 200 200 200 403 403 403
GET api_programmes.list_programmes             : 401 200 200 200 200 200 403 403 403
GET api_programmes.get_programme own           : 401 200 200 200 200 200 403 403 403
GET api_programmes.get_programme other         : 401 200 200 404 200 404 403 403 403
GET api_programmes.list_cohorts                : 401 200 200 200 200 200 403 403 403
GET api_programmes.get_cohort own              : 401 200 200 200 200 200 403 403 403
GET api_programmes.get_cohort other            : 401 200 200 404 200 404 403 403 403
GET api_programmes.list_enrolments             : 401 200 200 200 200 200 200 200 200
GET api_programmes.list_startup_enrolments own : 401 200 200 200 200 404 404 200 200
GET api_programmes.list_startup_enrolments other : 401 200 200 404 200 404 404 404 404
GET api_people.list_members own                : 401 200 200 200 200 404 404 200 200
GET api_people.list_members other              : 401 200 200 404 200 404 404 404 404
GET api_people.list_own_tokens                 : 401 200 200 200 200 200 200 200 200
POST api_people.add_member own                 : 401 422 422 422 403 404 404 403 403
POST api_people.add_member other               : 401 422 422 404 403 404 404 404 404
POST api_people.end_member own                 : 401 404 404 404 403 404 404 403 403
POST api_people.end_member other               : 401 404 404 404 403 404 404 404 404
POST api_grants.award_enrolment own            : 401 404 404 404 403 404 404 403 403
POST api_grants.award_enrolment other          : 401 404 404 404 403 404 404 404 404
PATCH api_startups.edit_startup own            : 401 412 412 412 403 404 404 403 403
PATCH api_startups.edit_startup other          : 401 412 412 404 403 404 404 404 404
POST api_usage_runs.discard_usage_run          : 401 409 409 409 403 403 403 403 403
GET api_alerts.list_alerts                     : 401 200 200 200 200 403 403 403 403
GET api_alerts.list_startup_alerts own         : 401 200 200 200 200 404 404 403 403
GET api_alerts.list_startup_alerts other       : 401 200 200 404 200 404 404 404 404
GET api_alerts.list_told_alerts                : 401 200 200 200 200 200 200 200 200
POST api_alerts.acknowledge_alert              : 401 404 404 404 404 404 404 404 404
POST api_alerts.snooze_alert                   : 401 404 404 404 404 404 404 404 404
GET api_alerts.get_tonight                     : 401 200 200 200 200 403 403 403 403
GET api_usage_runs.list_usage_runs             : 401 200 200 200 200 403 403 403 403
POST api_usage_runs.upload_usage               : 401 422 422 422 403 403 403 403 403
GET api_usage_runs.get_usage_run               : 401 200 200 200 200 403 403 403 403
POST api_usage_runs.confirm_usage_run          : 401 409 409 409 403 403 403 403 403
GET api_startups.list_usage_days own           : 401 200 200 200 200 404 404 200 200
GET api_startups.list_usage_days other         : 401 200 200 404 200 404 404 404 404
GET api_grants.list_activations own            : 401 200 200 200 200 404 404 200 200
GET api_grants.list_activations other          : 401 200 200 404 200 404 404 404 404
POST api_usage_runs.apply_usage_run            : 401 409 409 409 403 403 403 403 403
POST api_usage_runs.reverse_usage_run          : 401 409 409 409 403 403 403 403 403
"""


@dataclass(frozen=True)
class Row:
    """What each role gets from one address of one tenant (or of none)."""

    method: str
    endpoint: str
    tenant: str
    statuses: tuple[int, ...]


def rows() -> list[Row]:
    """The matrix, parsed."""
    parsed = []
    for line in MATRIX.strip().splitlines():
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


def body_of(row: Row) -> dict[str, Any]:
    """What a POST to the API sends: a right shape, so that the permission decides, and yet nothing that can be done."""
    guid = "64e355d7-997c-491d-b0c1-8414dccfcf42"
    bodies = {
        "api_grants.award_grant": {
            "startup": row.tenant, "pool": "ms-azure", "amount": "-1", "effective": "2026-03-01"
        },
        "api_grants.activate_grant": {"on": "2026-03-03", "subscription": "no-guid"},
        "api_grants.extend_grant": {"expires": "2026-01-01"},
        "api_grants.return_to_pool": {"amount": "-1"},
        "api_grants.top_up_grant": {"amount": "-1"},
        "api_reported.report_a_balance": {"amount": "-1"},
        "api_scopes.assign": {"provider": "azure", "id": "no-guid", "startup": row.tenant, "starts": "2026-03-01"},
        "api_scopes.end": {"provider": "azure", "id": guid, "ends": "2026-03-01"},
        "api_rates.state_rate": {
            "from_currency": "HKD", "to_currency": "USD", "day": "2026-03-01", "rate": "-1", "source": "a bank"
        },
        "api_rates.withdraw_stated_rate": {
            "from_currency": "HKD", "to_currency": "USD", "day": "2026-03-01", "reason": "a slip"
        },
        "api_people.add_member": {"email": "nowhere", "name": "N"},
        "api_people.end_member": {"email": "nobody@park.example"},
        "api_startups.create_startup": {"key": OWN, "name": "Own"},
    }
    return bodies.get(row.endpoint, {})


class Park:
    """Two startups, one person of each role, and something at every address."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        partner = factories.make_partner("microsoft").key
        cohort = factories.make_cohort(factories.make_programme(OWN, partner=partner).key, OWN)
        factories.make_cohort(factories.make_programme(OTHER).key, OTHER)
        pool = factories.make_pool("ms-azure", partner=partner).key
        for key in (OWN, OTHER):
            factories.make_startup(key)
            factories.make_grant(key, pool, key=f"{key}-grant")
        startup = transaction(lambda: factories.parties.edit_startup(operator(NOW), OWN).id)
        transaction(lambda: db.session.add(StartupProgramme(startup_id=startup, programme_id=cohort.programme_id)))
        partner_id = factories.partner_of(partner).id
        self.people: dict[str, Person] = {
            "administrator": factories.make_person("a@park.example", "administrator"),
            "manager": factories.make_person("m@park.example", "manager"),
            "limited": factories.make_person("l@park.example", "manager", programme_ids=[cohort.programme_id]),
            "auditor": factories.make_person("u@park.example", "auditor"),
            "partner": factories.make_person("p@park.example", "partner", partner_id=partner_id),
            "consultant": factories.make_person("c@park.example", "consultant"),
            "owner": factories.make_member(OWN, "o@own.example", "owner"),
            "member": factories.make_member(OWN, "n@own.example", "member"),
        }
        self.tokens = {
            role: transaction(lambda email=person.email: create_token(operator(NOW), email, "matrix"))
            for role, person in self.people.items()
        }
        said = {"from_currency": "EUR", "to_currency": "USD", "rate": "1.1", "source": "a bank"}
        self.rate_id = transaction(lambda: add_rate(operator(NOW), day=NOW.date(), **said).rate.id)
        packed = pack("not-an-export.csv", io.BytesIO(b""))
        self.run_id = transaction(lambda: receive_upload(operator(NOW), "not-an-export.csv", [packed]).id)

    def url(self, row: Row) -> str:
        """The address of a row."""
        rule = next(rule for rule in self.app.url_map.iter_rules(row.endpoint) if row.method in (rule.methods or ()))
        link = make_link("a key for tests alone", "", Link("acknowledge", 1, 10**6), NOW).rpartition("/")[2]
        is_grant = rule.rule.startswith(("/grants/", "/api/v1/grants/"))
        values = {
            "key": f"{row.tenant}-grant" if is_grant else row.tenant, "run_id": self.run_id, "cohort": "none",
            "rate_id": self.rate_id, "alert_id": 9,
            "change": "void", "token": link if row.endpoint.startswith("alert") else "none", "filename": "site.css",
        }
        with self.app.test_request_context():
            return str(self.app.url_for(row.endpoint, **{name: values[name] for name in rule.arguments}))

    def ask(self, role: str, row: Row) -> int:
        """The status that the role gets."""
        browser = Browser(self.app)
        url = self.url(row)
        if url.startswith("/api/"):
            headers = {"Idempotency-Key": uuid.uuid4().hex}
            if role in self.tokens:
                headers["Authorization"] = "Bearer " + self.tokens[role]
            if row.method == "GET":
                return browser.get(url, headers=headers).status
            if row.endpoint == "api_usage_runs.upload_usage":
                return browser.post(url, {"files": (io.BytesIO(b""), "empty.csv")}, headers=headers).status
            if row.method == "PATCH":
                return browser.patch(url, body_of(row), {**headers, "If-Match": '"something else"'}).status
            return browser.post(url, None, json=body_of(row), headers=headers).status
        if role in self.people:
            browser.signed_in(self.people[role])
        if row.method == "GET":
            return browser.get(url).status
        token = browser.get("/password/forgot").form("/password/forgot").fields["csrf_token"]
        return browser.post(url, {"csrf_token": token}).status


@ONE_DATABASE
@pytest.mark.parametrize("role", ROLES)
def test_every_role_gets_from_every_address_what_the_matrix_says(app: Flask, role: str):
    park = Park(app)
    column = ROLES.index(role)

    got = [(row.method, row.endpoint, row.tenant, row.statuses[column], park.ask(role, row)) for row in rows()]

    assert [place for place in got if place[-2] != place[-1]] == []


def test_the_matrix_knows_every_route(app: Flask):
    assert unknown_routes(app) == set()


def test_a_route_that_the_matrix_does_not_know_is_found(app: Flask):
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
