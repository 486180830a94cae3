"""Two startups with something at every address, and a person of each role, for the matrix of access."""

import io
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from creditsvc.alerts.links import Link, make_link, make_unsubscribe_link
from creditsvc.consulting import bookings
from creditsvc.consulting.consultants import add_consultant, set_weekly_hours
from creditsvc.core.free_slots import Weekly
from creditsvc.db import db, transaction
from creditsvc.grants import requests
from creditsvc.grants.models import Proposal
from creditsvc.licences import waiting
from creditsvc.licences.products import add_product
from creditsvc.parties.access import operator
from creditsvc.parties.models import Person, StartupProgramme
from creditsvc.parties.tokens import create_token
from creditsvc.usage.files import pack
from creditsvc.usage.operations import receive_upload
from creditsvc.usage.rates import add_rate
from tests import factories
from tests.conftest import NOW
from tests.licences.sitting import give, make_product, sit
from tests.web.browsing import Browser

OWN, OTHER, HERE = "own", "other", ""
LINE = {"resource": "azure-credit", "pool": "ms-azure", "amount": "-1", "months": 12}

MAKING: dict[str, dict[str, Any]] = {
    "api_offers.create_partner": {"key": "microsoft", "name": "N"},
    "api_offers.change_partner": {"name": "N"},
    "api_offers.create_resource": {"key": "azure-credit", "kind": "hours"},
    "api_offers.create_pool": {
        "key": "ms-azure", "partner": "microsoft", "resource": "azure-credit", "amount": "1", "starts": "2026-03-01"
    },
    "api_offers.change_pool_reference": {"reference": "R"},
    "api_programmes.create_programme": {"key": "new", "name": "N", "months": 0},
    "api_programmes.state_terms": {"months": 0, "reason": "R", "version": 1},
    "api_programmes.create_package": {"key": "new", "lines": [LINE]},
    "api_programmes.change_package": {"reason": "R", "version": 1, "lines": [LINE]},
    "api_programmes.create_cohort": {"key": "new", "name": "N", "starts": "2026-03-01", "ends": "2026-02-01"},
    "api_programmes.enrol_startup": {"cohort": "none", "on": "2026-03-01"},
    "api_administration.send_mail_again": {"reason": "R"}, "api_administration.dismiss_mail": {"reason": "R"},
}
"""What makes or changes something that is nobody's, with something wrong in it."""


@dataclass(frozen=True)
class Row:
    """What each role gets from one address of one tenant (or of none)."""

    method: str
    endpoint: str
    tenant: str
    statuses: tuple[int, ...]


def body_of(row: Row) -> dict[str, Any]:
    """What a POST to the API sends: a right shape, so that the permission decides, and yet nothing that can be done."""
    guid = "64e355d7-997c-491d-b0c1-8414dccfcf42"
    bodies = {
        "api_grants.award_grant": {
            "startup": row.tenant, "pool": "ms-azure", "amount": "-1", "effective": "2026-03-01"
        },
        "api_grants.activate_grant": {"on": "2026-03-03", "subscription": "no-guid"},
        "api_grants.extend_grant": {"expires": "2026-01-01"},
        "api_grants.extend_series": {"months": 12}, "api_proposals.propose_extend_series": {"months": 12},
        "api_grants.return_to_pool": {"amount": "-1"},
        "api_grants.top_up_grant": {"amount": "-1"},
        "api_reported.report_a_balance": {"amount": "-1"},
        "api_requests.make_request": {"grant": f"{row.tenant}-grant", "amount": "-1", "why": "Growth"},
        "api_requests.approve_request": {"amount": "-1"},
        "api_requests.refuse_request": {"reason": " "},
        "api_proposals.propose_grant": {
            "startup": row.tenant, "pool": "ms-azure", "amount": "-1", "effective": "2026-03-01"
        },
        "api_proposals.propose_top_up": {"amount": "-1"},
        "api_proposals.refuse_proposal": {"reason": " "},
        "api_proposals.limit_pool": {"amount": "-1"},
        "api_scopes.assign": {"provider": "azure", "id": "no-guid", "startup": row.tenant, "starts": "2026-03-01"},
        "api_scopes.end": {"provider": "azure", "id": guid, "ends": "2026-03-01"},
        "api_rates.state_rate": {
            "from_currency": "HKD", "to_currency": "USD", "day": "2026-03-01", "rate": "-1", "source": "a bank"
        },
        "api_rates.withdraw_stated_rate": {
            "from_currency": "HKD", "to_currency": "USD", "day": "2026-03-01", "reason": "a slip"
        },
        "api_licences.create_product": {
            "resource": "azure-credit", "publisher": "Microsoft", "plan": "365", "seat_is": "a person",
            "delivery": "invitation",
        },
        "api_licences.import_licence_keys": {"pool": "none", "keys": ["AAAA-BBBB"]},
        "api_people.add_member": {"email": "nowhere", "name": "N"},
        "api_people.invite_to_startup": {"email": "nowhere"},
        "api_people.end_member": {"email": "nobody@park.example"},
        "api_seats.assign_seat": {
            "startup": row.tenant, "product": "suite", "email": "x@own.example", "name": "X", "from": "2029-01-01"
        },
        "api_seats.assign_seats": {
            "startup": row.tenant, "product": "suite", "from": "2026-07-01", "until": "2026-06-01",
            "people": [{"email": "x@own.example", "name": "X"}],
        },
        "api_seats.move_seats": {"startup": row.tenant, "grant": "none", "to": "other"},
        "api_seats.release_seats": {"startup": row.tenant},
        "api_seats.transfer_seat": {"email": "ada@acme.example", "name": "A"},
        "api_seats.wait_for_seat": {"startup": row.tenant, "email": "x@own.example", "name": "X"},
        "api_seats.place_seat_wish": {"place": 7},
        "api_startups.create_startup": {"key": OWN, "name": "Own"},
        "api_bookings.make_booking": {
            "startup": row.tenant, "consultant": OWN, "topic": "T", "starts": "2026-06-14T01:00:00Z", "minutes": 60
        },
        "api_bookings.log_unbooked": {
            "startup": row.tenant, "consultant": OWN, "topic": "T", "starts": "2029-06-14T01:00:00Z", "minutes": 60
        },
        "api_bookings.move_booking": {"starts": "2026-06-14T01:00:00Z", "minutes": 60},
        "api_bookings.log_session": {"minutes": 60},
        "api_bookings.dispute_session": {"reason": "no"},
        "api_bookings.decide_dispute": {"minutes": 60, "reason": "no"},
        "api_bookings.correct_session": {"minutes": 60, "reason": "no"},
    }
    return bodies.get(row.endpoint) or MAKING.get(row.endpoint, {})


UPLOADS: dict[str, dict[str, Any]] = {
    "api_usage_runs.upload_usage": {}, "api_licences.import_licence_key_file": {"pool": "none"},
    "api_licences.import_licence_counts": {},
}
"""What is sent beside an empty file."""

UPLOADED = {endpoint: "file" if endpoint.endswith("_file") else "files" for endpoint in UPLOADS}


class Park:
    """Two startups, one person of each role, and something at every address."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.form_secret: tuple[str, str] | tuple[()] = ()
        partner = factories.make_partner("microsoft").key
        cohort = factories.make_cohort(factories.make_programme(OWN, partner=partner).key, OWN)
        factories.make_cohort(factories.make_programme(OTHER, name="Incubation").key, OTHER)
        pool = factories.make_pool("ms-azure", partner=partner).key
        for key in (OWN, OTHER):
            factories.make_startup(key)
            factories.make_grant(key, pool, key=f"{key}-grant")
            factories.make_resource(key, "seats", None, None)  # a product of that key, of which it alone has seats
            factories.make_grant(key, factories.make_pool(f"{key}-licences", "5", key, partner).key, "5")
            factories.do(lambda key=key: add_product(
                operator(NOW), resource=key, publisher="Microsoft", plan="365", seat_is="a person",
                delivery="invitation",
            ))
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
        self.uids = {key: self.booked(key) for key in (OWN, OTHER)}
        said = {"from_currency": "EUR", "to_currency": "USD", "rate": "1.1", "source": "a bank"}
        self.rate_id = transaction(lambda: add_rate(operator(NOW), day=NOW.date(), **said).rate.id)
        make_product("suite", amount=10)
        self.seats: dict[str, int] = {}
        self.wishes: dict[str, int] = {}
        for key in (OWN, OTHER):
            give(key, f"{key}-seats", 1)
            self.seats[key] = sit("ada", key, product="suite")
            self.wishes[key] = transaction(lambda key=key: waiting.wait(
                operator(NOW), app.config["CREDITSVC"], startup=key, product="suite", email="bob@acme.example", name="B"
            ).id)
        self.requests = {
            key: transaction(lambda key=key, asks=asks: requests.ask(
                asks, grant=f"{key}-grant", amount="1", why="Growth"
            ).id)
            for key, asks in (
                (OWN, factories.caller(self.people["owner"])),
                (OTHER, factories.caller(factories.make_member(OTHER, "o@other.example"))),
            )
        }
        self.proposals = {key: transaction(lambda key=key: self.proposed(key)) for key in (OWN, OTHER)}
        packed = pack("not-an-export.csv", io.BytesIO(b""))
        self.run_id = transaction(lambda: receive_upload(operator(NOW), "not-an-export.csv", [packed]).id)

    def proposed(self, key: str) -> int:
        """An award that no second person can make, for its pool holds too little."""
        proposal = Proposal(
            startup_id=factories.startup_id(key), kind="grant", subject="pool:none", reason="", state="waiting",
            terms={"values": {"startup": key, "pool": "none", "amount": "9", "effective": "2026-03-01"}, "asks": []},
            proposed_by="s@park.example", proposed_at=NOW, decision_reason="", grants=[],
        )
        db.session.add(proposal)
        db.session.flush()
        return proposal.id

    def booked(self, key: str) -> str:
        """A session of the startup with the consultant of the same key; that of `own` is the one who signs in."""
        factories.make_resource("consulting", "hours", None, None)
        factories.make_grant(key, factories.make_pool(resource="consulting", amount="9").key, "9")
        email = "c@park.example" if key == OWN else None
        starts = datetime(2026, 6, 18, 1, tzinfo=UTC)

        def book() -> str:
            add_consultant(operator(NOW), key=key, name=key.title(), email=email)
            set_weekly_hours(operator(NOW), key, [Weekly(3, 9 * 60, 18 * 60)])
            return bookings.book(
                operator(NOW), startup=key, consultant=key, topic="Tax", starts=starts, minutes=60
            ).uid

        return transaction(book)

    def url(self, row: Row) -> str:
        """The address of a row."""
        rule = next(rule for rule in self.app.url_map.iter_rules(row.endpoint) if row.method in (rule.methods or ()))
        key, nobody = "a key for tests alone", 10**6
        links = {
            "alert_links": make_link(key, "", Link("acknowledge", 1, nobody), NOW),
            "unsubscribing": make_unsubscribe_link(key, "", "digest", nobody, NOW),
        }
        is_grant = rule.rule.startswith(("/grants/", "/api/v1/grants/"))
        values = {
            "key": f"{row.tenant}-grant" if is_grant else row.tenant, "run_id": self.run_id, "cohort": "none",
            "mail_id": 10**6, "job": "none", "template": "digest", "language": "en",
            "person_id": self.people["member"].id, "rate_id": self.rate_id,
            "alert_id": 9, "invitation_id": 9, "product": "suite",
            "package": "none", "partner": "microsoft", "leaving": "withdrawn",
            "pool": "ms-azure" if row.method == "GET" else "none",
            "batch_id": 1, "proposal_id": self.proposals.get(row.tenant, 9),
            "uid": self.uids.get(row.tenant), "consultant": row.tenant, "step": "decide", "feed_id": 9, "day_id": 9,
            "seat_id": self.seats.get(row.tenant, 9), "wish_id": self.wishes.get(row.tenant, 9),
            "month": "2026-05",
            "kind": "xlsx" if row.endpoint in ("statements.export", "month_ends.export") else "csv",
            "request_id": self.requests.get(row.tenant, 9),
            "change": "void",
            "token": links.get(row.endpoint.partition(".")[0], "none").rpartition("/")[2],
            "filename": "site.css",
            "group": "expiring", "resource": "azure-credit", "day": "2026-06-01", "view_id": 99, "action": "award",
        }
        with self.app.test_request_context():
            of_days = row.endpoint in ("api_bookings.list_slots", "api_bookings.read_utilisation")
            query = {"from": "2026-06-15", "to": "2026-06-16"} if of_days else {}
            return str(self.app.url_for(row.endpoint, **{name: values[name] for name in rule.arguments}, **query))

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
            if row.endpoint in UPLOADS:
                form = {**UPLOADS[row.endpoint], UPLOADED[row.endpoint]: (io.BytesIO(b""), "empty.csv")}
                return browser.post(url, form, headers=headers).status
            if row.method == "PATCH":
                return browser.patch(url, body_of(row), {**headers, "If-Match": '"something else"'}).status
            return browser.post(url, None, json=body_of(row), headers=headers).status
        if role in self.people:
            browser.signed_in(self.people[role])
        if row.method == "GET":
            return browser.get(url).status
        return browser.post(url, {"csrf_token": self.form_token(browser)}).status

    def form_token(self, browser: Browser) -> str:
        """What its forms would send: a page is asked for it once, then other browsers are given the same secret."""
        if not self.form_secret:
            token = browser.get("/password/forgot").form("/password/forgot").fields["csrf_token"]
            with browser.client.session_transaction() as session:
                self.form_secret = session["csrf_token"], token
        with browser.client.session_transaction() as session:
            session["csrf_token"] = self.form_secret[0]
        return self.form_secret[1]
