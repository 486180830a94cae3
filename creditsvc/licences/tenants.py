"""What the newest reports say of each tenant, by our products: of plans, and of people."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import func, or_, select

from creditsvc.db import db
from creditsvc.licences.models import CountReport, Product, SeatAssignment, SeatSighting, SkuCount
from creditsvc.sets import chunks

MOST_STARTUPS = 10_000
"""Named in one statement; beyond, all reports are read and sorted out here."""


@dataclass
class Tenant:
    """A startup's tenant, or the incubator's own, as its newest reports say.

    `people` has by product who has it and when they last used it. `activity_on` is the day of a report on all people,
    `details_on` those of one person each.
    """

    skus: dict[str, SkuCount] = field(default_factory=dict)
    counted_on: date | None = None
    people: dict[str, dict[str, date | None]] = field(default_factory=dict)
    activity_on: date | None = None
    details_on: dict[str, date] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)

    @property
    def has_counts(self) -> bool:
        """Whether a report counts plans."""
        return self.counted_on is not None

    @property
    def has_people(self) -> bool:
        """Whether a report names people."""
        return self.activity_on is not None or bool(self.details_on)

    @property
    def people_on(self) -> date | None:
        """The newest day on which people were named."""
        days = [*self.details_on.values(), *([self.activity_on] if self.activity_on else [])]
        return max(days, default=None)

    def judged_on(self, email: str) -> date | None:
        """The day on which the reports say what that person has; None where they do not say."""
        return self.details_on.get(email, self.activity_on)


def has_own_reports() -> bool:
    """Whether anything was reported of the incubator's own tenant."""
    return db.session.scalar(select(CountReport.id).where(CountReport.startup_id.is_(None)).limit(1)) is not None


def tenants_of(
    products: Sequence[Product], startups: Collection[int] | None, *, only_seated: bool = False
) -> dict[int | None, Tenant]:
    """The tenants by their startup (None: the incubator's own), of some startups or of all.

    With `only_seated` the incubator's own has of its people those to whom seats of these startups were assigned.
    """
    newest = [
        report for report in _newest(startups)
        if report.startup_id is None or startups is None or report.startup_id in startups
    ]
    tenants: dict[int | None, Tenant] = {}
    for report in newest:
        tenant = tenants.setdefault(report.startup_id, Tenant())
        if report.kind == "subscribed-skus":
            tenant.counted_on = report.counted_on
        elif report.kind == "active-users":
            tenant.activity_on = report.counted_on
    # of a person, the report on all people counts where it is newer
    kept = [report for report in newest if report.kind != "licence-details" or _is_newer(report, tenants)]
    for report in kept:
        if report.kind == "licence-details":
            tenants[report.startup_id].details_on[report.person or ""] = report.counted_on
    _read(products, kept, tenants, startups if only_seated else None)
    return tenants


def _newest(startups: Collection[int] | None) -> list[CountReport]:
    """The newest report of each kind, tenant and person; of those of one day, the one imported last."""
    group = CountReport.kind, CountReport.startup_id, CountReport.person
    newest = select(*group, func.max(CountReport.counted_on).label("day")).group_by(*group).subquery()
    statement = (
        select(CountReport)
        .join(newest, (newest.c.kind == CountReport.kind) & (newest.c.day == CountReport.counted_on)
              & (func.coalesce(newest.c.startup_id, 0) == func.coalesce(CountReport.startup_id, 0))
              & (func.coalesce(newest.c.person, "") == func.coalesce(CountReport.person, "")))
        .order_by(CountReport.id)
    )
    if startups is not None and len(startups) <= MOST_STARTUPS:
        statement = statement.where(
            or_(CountReport.startup_id.is_(None), CountReport.startup_id.in_(sorted(startups)))
        )
    last = {(report.kind, report.startup_id, report.person): report for report in db.session.scalars(statement)}
    return list(last.values())


def _is_newer(report: CountReport, tenants: Mapping[int | None, Tenant]) -> bool:
    activity_on = tenants[report.startup_id].activity_on
    return activity_on is None or report.counted_on >= activity_on


def products_by_plan(products: Sequence[Product]) -> dict[str, str]:
    """The products' keys by the names that reports give their plans, in small letters: the sku, else the plan."""
    names = {product.plan.casefold(): product.key for product in reversed(products)}
    names.update({product.sku.casefold(): product.key for product in products if product.sku})
    return names


def _read(
    products: Sequence[Product], kept: Iterable[CountReport], tenants: dict[int | None, Tenant],
    seated_of: Collection[int] | None,
) -> None:
    names = products_by_plan(products)
    reports = {report.id: report for report in kept}
    for part in chunks(sorted(reports)):
        for count in db.session.scalars(select(SkuCount).where(SkuCount.report_id.in_(part)).order_by(SkuCount.id)):
            tenant = tenants[reports[count.report_id].startup_id]
            key = names.get(count.sku.casefold())
            if key is None:
                tenant.strangers.add(count.sku)
            else:
                tenant.skus[key] = count
    details: dict[tuple[int | None, str], set[str]] = {}
    for part in chunks(sorted(reports)):
        seen = select(
            SeatSighting.report_id, SeatSighting.email, SeatSighting.sku, SeatSighting.last_used_on
        ).where(SeatSighting.report_id.in_(part))
        if seated_of is not None:
            seated = select(SeatAssignment.email).where(SeatAssignment.startup_id.in_(sorted(seated_of)))
            of_startups = [report_id for report_id in part if reports[report_id].startup_id is not None]
            seen = seen.where(or_(SeatSighting.report_id.in_(of_startups), SeatSighting.email.in_(seated)))
        for report_id, email, sku, last in db.session.execute(seen):
            report = reports[report_id]
            tenant, key = tenants[report.startup_id], names.get(sku.casefold())
            if key is None:
                tenant.strangers.add(sku)
            elif report.kind == "licence-details":
                details.setdefault((report.startup_id, email), set()).add(key)
            else:
                tenant.people.setdefault(key, {})[email] = last
    for owner, tenant in tenants.items():
        for email in tenant.details_on:
            _lay_over(tenant, email, details.get((owner, email), set()))


def _lay_over(tenant: Tenant, email: str, has: set[str]) -> None:
    """A person's own licences instead of what the report on all people says of them; their activity stays."""
    lasts = [people[email] for people in tenant.people.values() if email in people]
    last = max((day for day in lasts if day is not None), default=None)
    for people in tenant.people.values():
        people.pop(email, None)
    for key in has:
        tenant.people.setdefault(key, {})[email] = last
