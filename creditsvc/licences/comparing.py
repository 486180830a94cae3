"""What publishers count beside what we assigned: unused seats, people unknown to us, more assigned than there is.

A tenant is a startup's own, where it has reports, or else the incubator's. The newest report of each kind counts.
Nothing is adjusted: what differs is shown.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from creditsvc.core.days import day_of, instant_text, starts_at
from creditsvc.core.errors import RuleBroken
from creditsvc.db import db
from creditsvc.ledger.models import Account, Resource, SeatFact
from creditsvc.ledger.seats import SeatView, seats_of
from creditsvc.licences.models import Product, SeatAssignment, SkuCount
from creditsvc.licences.tenants import Tenant, has_own_reports, tenants_of
from creditsvc.parties.access import Caller, require, require_startup, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.sets import chunks

IDLE_DAYS = 30
"""After how many days without activity a seat counts as unused, unless asked otherwise."""

MOST_IDLE_DAYS = 3660


@dataclass(frozen=True)
class Finding:
    """One difference; `kind` is a word of KINDS, the rest says of whom and since when, as far as it applies.

    `unused_days` is for how many days up to the report a seat was not used.
    """

    kind: str
    product: str
    startup: str | None = None
    email: str | None = None
    seat: int | None = None
    last_used_on: date | None = None
    unused_days: int | None = None


KINDS = ("not-seen", "no-activity", "unknown", "over-assigned", "over-consumed", "suspended")
"""The publisher does not name the person; they did not use it; we do not know them; more assigned than enabled; more
consumed than enabled; the plan is not as it should be."""


@dataclass(frozen=True)
class ProductCount:
    """A product in one tenant: our seats beside the publisher's figures, None where no report has any.

    `startup` None: the incubator's own tenant, with the seats of all startups that have none.
    """

    product: str
    sku: str | None
    startup: str | None
    assigned: int
    enabled: int | None
    suspended: int | None
    warning: int | None
    consumed: int | None
    status: str | None
    counted_on: date | None
    people_counted_on: date | None


@dataclass(frozen=True)
class Comparison:
    """All products and all differences; `strangers` are plans in reports that no product names: (startup, sku)."""

    startup: str | None
    at: datetime
    idle_days: int
    counts: tuple[ProductCount, ...]
    findings: tuple[Finding, ...]
    strangers: tuple[tuple[str | None, str], ...]


@dataclass(frozen=True)
class _Seat:
    seat: SeatView
    startup_id: int
    email: str
    product: str
    assigned_at: datetime


@dataclass
class _Scene:
    """What is compared: who asks, our seats by product, the tenants, and what names whom."""

    at: datetime
    idle_days: int
    products: Sequence[Product]
    tenants: Mapping[int | None, Tenant]
    keys: Mapping[int, str]
    whole: bool  # the caller may see all of the incubator's own tenant
    counts: list[ProductCount] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def compare(
    caller: Caller, *, startup: str | None = None, idle_days: int = IDLE_DAYS, at: datetime | None = None
) -> Comparison:
    """Our seats of an instant (now unless given) beside the newest reports, of a startup or of all.

    Of the incubator's own tenant a startup's comparison tells nothing but of its own people, and so does that of a
    manager of some programmes. Raises RuleBroken("idle_days", "out-of-range"), NotFound("startup"), Forbidden.
    """
    if not 1 <= idle_days <= MOST_IDLE_DAYS:
        raise RuleBroken("idle_days", "out-of-range", "%(value)s days: from 1 to %(most)s is right",
                         value=idle_days, most=MOST_IDLE_DAYS)
    only = None
    if startup is not None:
        only = require_startup(caller, "licence.see", startup).id
    else:
        require(caller, "licence.see")
    keys = _visible(caller, only)
    products = db.session.scalars(select(Product).order_by(Product.key)).all()
    whole = only is None and caller.programme_ids is None
    scene = _Scene(at or caller.now, idle_days, products, tenants_of(products, None if whole else keys), keys, whole)
    ours = _seats(products, None if whole else keys)
    for product in products:
        _compare_product(scene, product, ours[product.key])
    return Comparison(startup, scene.at, idle_days, tuple(scene.counts), tuple(scene.findings), _strangers(scene))


def differences_of(startup_ids: Collection[int], at: datetime) -> list[tuple[str, Finding]]:
    """What differs for some startups at an instant, with the key of the resource; every day without activity counts.

    In a fixed number of queries. Of the incubator's own tenant nothing but of these startups' people. Asks nobody's
    permission.
    """
    rows = db.session.execute(
        select(Product, Resource.key).join(Resource, Resource.id == Product.resource_id).order_by(Product.key)
    ).all()
    products = [row.Product for row in rows]
    resources = {row.Product.key: row.key for row in rows}
    keys = {
        startup_id: key for part in chunks(sorted(startup_ids))
        for startup_id, key in db.session.execute(select(Startup.id, Startup.key).where(Startup.id.in_(part)))
    }
    scene = _Scene(at, 1, products, tenants_of(products, keys, only_seated=True), keys, whole=False)
    if scene.tenants:
        ours = _seats(products, keys)
        for product in products:
            _compare_product(scene, product, ours[product.key])
    return [(resources[one.product], one) for one in scene.findings]


def own_tenant(at: datetime) -> Comparison:
    """The seats in the incubator's own tenant at an instant beside its newest reports; nothing where it has none.

    Asks nobody's permission.
    """
    products = db.session.scalars(select(Product).order_by(Product.key)).all()
    scene = _Scene(at, IDLE_DAYS, products, {}, {}, whole=True)
    if has_own_reports():
        scene = replace(scene, tenants=tenants_of(products, None))
        ours = _seats(products, None)
        for product in products:
            _compare_tenant(scene, product, ours[product.key], None)
    return Comparison(None, at, IDLE_DAYS, tuple(scene.counts), tuple(scene.findings), _strangers(scene))


def _visible(caller: Caller, only: int | None) -> dict[int, str]:
    statement = select(Startup.id, Startup.key).where(visible_startups(caller))
    if only is not None:
        statement = statement.where(Startup.id == only)
    return {row.id: row.key for row in db.session.execute(statement)}


def _seats(products: Sequence[Product], startups: Iterable[int] | None) -> dict[str, list[_Seat]]:
    """All seats that ever were, by product, of some startups or of all."""
    resources = [product.resource_id for product in products]
    statement = select(Account.id).where(Account.resource_id.in_(resources)).order_by(Account.id)
    accounts: list[int] = []
    for part in [None] if startups is None else chunks(sorted(startups)):
        accounts += db.session.scalars(
            statement if part is None else statement.where(Account.startup_id.in_(part))
        )
    keys = {product.id: product.key for product in products}
    found: dict[str, list[_Seat]] = defaultdict(list)
    for ids in chunks(accounts):
        views = {view.id: view for view in seats_of(ids)}
        papers = select(
            SeatAssignment.seat_id, SeatAssignment.startup_id, SeatAssignment.email, SeatAssignment.product_id,
            SeatAssignment.assigned_at,
        ).join(SeatFact, SeatFact.id == SeatAssignment.seat_id).where(SeatFact.account_id.in_(ids))
        for seat_id, startup_id, email, product_id, at in db.session.execute(papers.order_by(SeatAssignment.seat_id)):
            found[keys[product_id]].append(_Seat(views[seat_id], startup_id, email, keys[product_id], at))
    return found


def _compare_product(scene: _Scene, product: Product, seats: Sequence[_Seat]) -> None:
    owners: Iterator[int | None] = iter(sorted(key for key in scene.tenants if key is not None))
    for owner in [None, *owners]:
        _compare_tenant(scene, product, seats, owner)


def _compare_tenant(scene: _Scene, product: Product, seats: Sequence[_Seat], owner: int | None) -> None:
    tenant = scene.tenants.get(owner) or Tenant()
    told = owner is not None or scene.whole
    count = tenant.skus.get(product.key)
    counted = [one for one in seats if _tenant_of(scene, one, "has_counts") == owner]
    assigned = sum(one.seat.is_taken(scene.at) for one in counted)
    people = tenant.people.get(product.key, {})
    if told or assigned:
        _count(scene, product, owner, tenant, count if told else None, assigned)
    mine = [one for one in seats if _tenant_of(scene, one, "has_people") == owner]
    if tenant.people_on is not None:
        scene.findings += _unused(scene, tenant, mine if told else _before(tenant, mine), people)
    if told:
        known = seats if owner is None else [one for one in seats if one.startup_id == owner]
        scene.findings += _unknown(scene, product, owner, tenant, known, people)


def _tenant_of(scene: _Scene, one: _Seat, what: str) -> int | None:
    own = scene.tenants.get(one.startup_id)
    return one.startup_id if own is not None and getattr(own, what) else None


def _count(
    scene: _Scene, product: Product, owner: int | None, tenant: Tenant, count: SkuCount | None, assigned: int
) -> None:
    startup = scene.keys.get(owner) if owner is not None else None
    if owner is not None and count is None and not assigned and product.key not in tenant.people:
        return
    if count is None:
        scene.counts.append(ProductCount(
            product.key, product.sku, startup, assigned, None, None, None, None, None, None, tenant.people_on
        ))
        return
    scene.counts.append(ProductCount(
        product.key, product.sku, startup, assigned, count.enabled, count.suspended, count.warning, count.consumed,
        count.status, tenant.counted_on, tenant.people_on,
    ))
    wrong = {
        "over-assigned": assigned > count.enabled, "over-consumed": count.consumed > count.enabled,
        "suspended": count.status != "Enabled",
    }
    scene.findings += [Finding(kind, product.key, startup) for kind, is_so in wrong.items() if is_so]


def _before(tenant: Tenant, seats: Iterable[_Seat]) -> list[_Seat]:
    """Those that were given by the day of the report: nobody learns of others what a tenant that is not theirs says,
    by giving them a seat dated back."""
    return [
        one for one in seats
        if (day := tenant.judged_on(one.email)) is not None and day_of(one.assigned_at) <= day
    ]


def _unused(
    scene: _Scene, tenant: Tenant, seats: Iterable[_Seat], people: Mapping[str, date | None]
) -> Iterator[Finding]:
    """Seats whose holders the reports do not name, or who did nothing in the days before the report."""
    for one in seats:
        if not one.seat.is_taken(scene.at):
            continue
        begun = day_of(one.seat.from_at)
        day = tenant.judged_on(one.email)
        if day is None or begun > day:
            continue
        if one.email not in people:
            yield _of_seat(scene, "not-seen", one, None, (day - begun).days)
        elif tenant.activity_on is not None:
            idle_since = tenant.activity_on - timedelta(days=scene.idle_days)
            last = people[one.email]
            if begun <= idle_since and (last is None or last <= idle_since):
                unused = (tenant.activity_on - max(begun, last or begun)).days
                yield _of_seat(scene, "no-activity", one, last, unused)


def _of_seat(scene: _Scene, kind: str, one: _Seat, last: date | None, unused_days: int) -> Finding:
    return Finding(kind, one.product, scene.keys.get(one.startup_id), one.email, one.seat.id, last, unused_days)


def _unknown(
    scene: _Scene, product: Product, owner: int | None, tenant: Tenant, seats: Iterable[_Seat],
    people: Mapping[str, date | None],
) -> Iterator[Finding]:
    """People of the reports who had no seat of ours, neither on the report's day nor now."""
    had: dict[str, list[SeatView]] = defaultdict(list)
    for one in seats:
        had[one.email].append(one.seat)
    startup = scene.keys.get(owner) if owner is not None else None
    for email, last in sorted(people.items()):
        since = starts_at(tenant.judged_on(email) or day_of(scene.at))
        if not any(_overlaps(seat, min(since, scene.at), scene.at) for seat in had[email]):
            yield Finding("unknown", product.key, startup, email, None, last)


def _overlaps(seat: SeatView, since: datetime, until: datetime) -> bool:
    return seat.from_at <= until and (seat.ends_at is None or (seat.ends_at > since and seat.ends_at > seat.from_at))


def _strangers(scene: _Scene) -> tuple[tuple[str | None, str], ...]:
    return tuple(
        (scene.keys.get(owner) if owner is not None else None, sku)
        for owner, tenant in sorted(scene.tenants.items(), key=lambda pair: pair[0] or 0)
        if owner is not None or scene.whole for sku in sorted(tenant.strangers)
    )


def comparison_document(found: Comparison) -> dict[str, Any]:
    """A comparison as JSON."""
    return {
        "startup": found.startup, "at": instant_text(found.at), "idle_days": found.idle_days,
        "counts": [_with_days(asdict(count), "counted_on", "people_counted_on") for count in found.counts],
        "findings": [_with_days(asdict(finding), "last_used_on") for finding in found.findings],
        "strangers": [{"startup": startup, "sku": sku} for startup, sku in found.strangers],
    }


def _with_days(document: dict[str, Any], *names: str) -> dict[str, Any]:
    days = {name: document[name].isoformat() for name in names if document[name] is not None}
    return {**document, **days}
