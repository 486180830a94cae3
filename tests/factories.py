"""Makes what tests need, through the product's own operations: startups, pools, programmes, people, grants.

Each function runs in the one transaction of a door, or in one that is open. What it returns is let go of by the
session, so that its values can be read whatever happens later. Keys count up, so that several of a kind can be made
without naming them.
"""

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from sqlalchemy import select

from creditsvc.db import db, transaction
from creditsvc.grants import operations as grants
from creditsvc.grants.models import Grant
from creditsvc.ledger.models import Pool, Resource
from creditsvc.ledger.reading import AccountView, LotView, balances
from creditsvc.parties import operations as parties
from creditsvc.parties.access import Caller, caller_of, operator
from creditsvc.parties.models import Person, Startup
from creditsvc.programmes import operations as programmes
from creditsvc.programmes import reading as programmes_reading
from creditsvc.programmes.models import Cohort, Partner, Programme
from creditsvc.programmes.operations import LineTerms

T = TypeVar("T")

NOW = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
"""The same instant as that of tests/conftest.py."""

FIRST_DAY, LAST_DAY = date(2026, 1, 1), date(2027, 12, 31)
"""The period of pools, unless a test says otherwise."""

PASSWORD = "correct horse battery staple"

_numbers = itertools.count(1)


def somebody(now: datetime = NOW) -> Caller:
    """A caller who may do everything."""
    return operator(now, "operator@park.example")


def do(act: Callable[[], T]) -> T:
    """Runs the act as a door does: in the one transaction, or in the one that is open."""
    if db.session().info.get("in_transaction"):
        return act()
    result = transaction(act)
    db.session.expunge_all()
    return result


def _key(stem: str) -> str:
    return f"{stem}-{next(_numbers)}"


def make_partner(key: str | None = None, name: str = "Microsoft Hong Kong") -> Partner:
    """A partner."""
    key = key or _key("partner")
    return do(lambda: programmes.add_partner(somebody(), key=key, name=name))


def make_resource(
    key: str = "azure-credit", kind: str = "credit", unit: str | None = "USD", provider: str | None = "azure",
    name: str | None = None,
) -> Resource:
    """The resource of that key, made unless it is there."""
    there = do(lambda: db.session.scalar(select(Resource).where(Resource.key == key)))
    if there is not None:
        return there
    return do(lambda: programmes.add_resource(somebody(), key=key, name=name, kind=kind, unit=unit,
                                              provider=provider))


def make_pool(
    key: str | None = None, amount: str = "1000000", resource: str = "azure-credit", partner: str | None = None,
    starts: date | datetime = FIRST_DAY, ends: date | datetime | None = LAST_DAY,
) -> Pool:
    """A pool of Azure credit (or of a resource that is there)."""
    key = key or _key("pool")
    if resource == "azure-credit":
        make_resource()
    giver = partner or make_partner().key
    return do(
        lambda: programmes.add_pool(
            somebody(), key=key, partner=giver, resource=resource, amount=amount, starts=starts, ends=ends
        )
    )


def make_startup(key: str | None = None, name: str = "Harbour Robotics", language: str = "en") -> Startup:
    """A startup."""
    key = key or _key("startup")
    return do(lambda: parties.create_startup(somebody(), key=key, name=name, language=language))


def make_grant(
    startup: str | None = None, pool: str | None = None, amount: str = "25000", *,
    effective: date | datetime = date(2026, 3, 1), expires: date | datetime | None = date(2027, 2, 28),
    now: datetime = NOW, **more: Any,
) -> Grant:
    """A grant; its startup and its pool are made unless given. `more` goes to `award_grant`."""
    to, source = startup or make_startup().key, pool or make_pool().key
    return do(
        lambda: grants.award_grant(
            somebody(now), startup=to, pool=source, amount=amount, effective=effective, expires=expires, **more
        )
    )


def make_programme(
    key: str | None = None, months: int = 12, timezone: str = "Asia/Hong_Kong", partner: str | None = None,
    name: str = "TechConnect",
) -> Programme:
    """A programme, of that partner if one is named."""
    key = key or _key("programme")
    return do(lambda: programmes.add_programme(somebody(), key=key, name=name, months=months,
                                               timezone=timezone, partner=partner))


def make_cohort(
    programme: str | None = None, key: str | None = None, starts: date = date(2026, 3, 1),
    ends: date = date(2027, 2, 28),
) -> Cohort:
    """A cohort; its programme is made unless given."""
    key, of = key or _key("cohort"), programme or make_programme().key
    return do(
        lambda: programmes.add_cohort(somebody(), programme=of, key=key, name="2026 spring", starts=starts, ends=ends)
    )


def make_package(programme: str, lines: Sequence[LineTerms], key: str = "standard") -> None:
    """A package of a programme."""
    do(lambda: programmes.add_package(somebody(), programme=programme, key=key, lines=lines))


def make_person(email: str | None = None, role: str | None = None, password: str | None = None, **more: Any) -> Person:
    """A person; `role` is a staff role or None. With a password they can sign in."""
    address = email or f"{_key('person')}@park.example"
    do(lambda: parties.add_person(somebody(), email=address, name=address.split("@")[0], role=role, **more))
    return _with_password(address, password)


def make_member(startup: str, email: str | None = None, role: str = "owner", password: str | None = None) -> Person:
    """One of a startup's people."""
    address = email or f"{_key('founder')}@startup.example"
    do(lambda: parties.add_membership(somebody(), startup=startup, email=address, name="M. Chan", role=role))
    return _with_password(address, password)


def _with_password(email: str, password: str | None) -> Person:
    if password is not None:
        do(lambda: parties.set_password(somebody(), email=email, password=password))
    return do(lambda: db.session.execute(select(Person).where(Person.email == email)).scalar_one())


def caller(person: Person, now: datetime = NOW) -> Caller:
    """The caller that a person is."""
    return do(lambda: caller_of(person, now))


def account_of(startup: str, as_of: datetime = NOW, resource: str = "azure-credit") -> AccountView:
    """A startup's holding of a resource as of an instant."""
    startup_id = db.session.execute(select(Startup.id).where(Startup.key == startup)).scalar_one()
    return next(view for view in balances(as_of, startup_ids=[startup_id]) if view.resource == resource)


def lot_of(grant: Grant, as_of: datetime = NOW) -> LotView:
    """A grant's lot as of an instant."""
    startup = db.session.execute(select(Startup.key).where(Startup.id == grant.startup_id)).scalar_one()
    return next(lot for lot in account_of(startup, as_of).lots if lot.key == grant.key)


def partner_of(key: str) -> Partner:
    """The partner of that key."""
    return do(lambda: programmes_reading.by_key(Partner, "partner", key))


def consultant(key: str) -> Person:
    """The person who signs in as the consultant of that key, as `tests.consulting.scenes` makes them."""
    return do(lambda: db.session.execute(
        select(Person).where(Person.email == f"{key}@park.example")
    ).scalar_one())


def manager_of(*programme_ids: int, email: str = "limited@park.example") -> Caller:
    """A manager limited to those programmes."""
    return Caller(now=NOW, actor=email, role="manager", programme_ids=frozenset(programme_ids))


def auditor() -> Caller:
    """Somebody who reads all and changes nothing."""
    return Caller(now=NOW, actor="auditor@park.example", role="auditor")


def startup_id(key: str) -> int:
    """The number of the startup of that key."""
    return int(db.session.execute(select(Startup.id).where(Startup.key == key)).scalar_one())
