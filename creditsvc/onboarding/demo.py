"""The demonstration: an illustrative park, built step by step, and what it shows (CONTRACT: section 1).

Doors run the steps, each in a transaction: `load`, then `steps` in the order of time (a change is run here, an export
is imported as any other), then the night. What is shown is read back from the book.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import polars as pl
from sqlalchemy import exists, select

from creditsvc.core.amounts import parse_amount, unit_named
from creditsvc.core.burndown import LATEST, Lot, plan
from creditsvc.core.days import day_start, last_day
from creditsvc.core.errors import Conflict
from creditsvc.db import db
from creditsvc.grants.activation import activate_grant
from creditsvc.grants.operations import award_grant, award_package, extend_grant, top_up_grant, void_grant
from creditsvc.ledger.facts import ownerships_of
from creditsvc.ledger.models import Account, Scope
from creditsvc.ledger.reading import AccountView, balances
from creditsvc.onboarding import demo_services
from creditsvc.onboarding.demo_park import (
    BY_PACKAGE,
    COMPANIES,
    EXTENDED,
    FOUNDER,
    HANDED_FROM,
    HANDED_TO,
    HOUR_POOL,
    MONTHLY,
    MONTHLY_HOURS,
    PACKAGE,
    PACKAGE_AMOUNT,
    TOPPED_UP,
    USED_FOR,
    VOIDED,
    Company,
    Park,
    founder_of,
)
from creditsvc.onboarding.exports import Plan
from creditsvc.onboarding.load import load_documents
from creditsvc.onboarding.loading import LoadReport
from creditsvc.parties.access import Caller, operator
from creditsvc.parties.models import Startup
from creditsvc.parties.operations import person_of, set_password
from creditsvc.programmes.operations import change_status, enrol
from creditsvc.usage.readers.totals import Export
from creditsvc.usage.scopes import assign_scope, end_scope

MANAGER = "manager@park.example"
WOULD_BE = parse_amount(PACKAGE_AMOUNT, unit_named("USD"))
"""The grant that a scope of nobody is measured against: what the package brings."""


@dataclass(frozen=True)
class Change:
    """Something that a manager did at an instant; `act` runs in the door's transaction."""

    at: datetime
    what: str
    act: Callable[[], object]


@dataclass(frozen=True)
class SignIn:
    """Who can sign in, as what."""

    role: str
    email: str
    password: str


@dataclass(frozen=True)
class Fate:
    """Where a startup stands; amounts in steps of US dollars. `gone` is what expired or was voided with its lot.

    `expires` is the next end of a lot of credit with something left, else the end of the last one. What it holds of
    hours and of seats stands in their own views.
    """

    startup: str
    name: str
    fate: str
    granted: int
    drawn: int
    gone: int
    not_yet: int
    remaining: int
    uncovered: int
    expires: date | None
    others: tuple[AccountView, ...] = ()


@dataclass(frozen=True)
class Share:
    """What an export says of one scope and currency, and what of it a grant of WOULD_BE steps would have paid.

    `startup` is the one it belongs to on its newest day. What the grant would not have paid is `uncovered`; refunds
    that found nothing to take back are `uncredited` (L9). All three are None in a currency that no grant has.
    """

    provider: str
    scope: str
    startup: str | None
    rows: int
    first: date
    last: date
    currency: str
    amount: int
    paid: int | None = None
    uncovered: int | None = None
    uncredited: int | None = None


def refuse_filled() -> None:
    """Raises Conflict("database", "not-empty") when there are startups."""
    if is_filled():
        raise Conflict(
            "database", "not-empty",
            "there are startups in this database: the demonstration is for an empty one (see CREDITSVC_INSTANCE)",
        )


def is_filled() -> bool:
    """Whether there are startups."""
    return bool(db.session.scalar(select(exists().where(Startup.id.is_not(None)))))


def load(now: datetime) -> LoadReport:
    """Partners to grants, by the way of any load file, and the passwords of those who can sign in."""
    who = operator(now, "demonstration")
    park = Park(now)
    document = park.document() | demo_services.sections(park)
    document["users"] = [*document["users"], *demo_services.users()]
    report = load_documents(who, [("demonstration", document)])
    for sign_in in _SIGN_INS:
        set_password(who, email=sign_in.email, password=sign_in.password)
    return report


_FOUNDERS = {company.key: founder_of(company) for company in COMPANIES}
_SIGN_INS = (
    SignIn("administrator", "admin@park.example", "illustrative-admin"),
    SignIn("manager", MANAGER, "illustrative-manager"),
    SignIn(f"founder of {FOUNDER}", _FOUNDERS[FOUNDER], "illustrative-founder"),
    SignIn("consultant", demo_services.MENTORS[0].email, "illustrative-consultant"),
)


def sign_ins() -> list[SignIn]:
    """The sign-ins of the demonstration that are in this database."""
    return [one for one in _SIGN_INS if person_of(one.email) is not None]


def steps(now: datetime) -> list[Plan | Change]:
    """The exports to import and the changes to make, in the order of time."""
    park = Park(now)
    made: list[tuple[datetime, Plan | Change]] = [(export.submitted_at, export) for export in park.exports()]
    made += [(change.at, change) for change in _changes(park)]
    return [step for _, step in sorted(made, key=lambda pair: pair[0])]


def _changes(park: Park) -> list[Change]:
    def change(away: int, what: str, act: Callable[[Caller], object]) -> Change:
        at = park.moment(away)
        return Change(at, what, lambda: act(operator(at, MANAGER)))

    scopes = {company.key: [cloud.scope for cloud in company.clouds] for company in COMPANIES}
    grants = {company.key: [award.key for award in company.awards] for company in COMPANIES}
    start = park.day(-USED_FOR - 1)

    def award_by_package(caller: Caller) -> None:
        enrol(caller, startup=BY_PACKAGE, cohort="techconnect-a", package=PACKAGE, status="active", on=start)
        credit, *_ = award_package(caller, startup=BY_PACKAGE, cohort="techconnect-a")  # in the order of its lines
        activate_grant(caller, credit.key, on=caller.now, subscription=scopes[BY_PACKAGE][0])

    def leave(caller: Caller) -> None:
        void_grant(caller, grants[VOIDED][0], reason="left the programme")
        end_scope(caller, provider="azure", external_id=scopes[VOIDED][0], ends=park.day(-40))
        change_status(caller, startup=VOIDED, cohort="techconnect-a", status="withdrawn")

    return [
        *(change(*step) for step in demo_services.steps(park)),
        change(-USED_FOR - 1, f"{BY_PACKAGE}: enrolled, its package awarded", award_by_package),
        change(-100, f"{MONTHLY}: {MONTHLY_HOURS} hours a month, for a year", lambda caller: award_grant(
            caller, startup=MONTHLY, pool=HOUR_POOL, amount=MONTHLY_HOURS, effective=park.day(-100), months=12,
            reason="an amount of the demonstration")),
        change(-40, f"{VOIDED}: left the programme; grant voided, scope ended", leave),
        change(-30, f"{HANDED_FROM}: its scope handed over to {HANDED_TO}", lambda caller: assign_scope(
            caller, provider="azure", external_id=scopes[HANDED_FROM][0], startup=HANDED_TO, starts=park.day(-30),
            hand_over=True)),
        change(-20, f"{TOPPED_UP}: USD 6,000 added", lambda caller: top_up_grant(
            caller, grants[TOPPED_UP][0], amount="6000", reason="second milestone reached")),
        change(-14, f"{EXTENDED}: extended to {park.day(80)}", lambda caller: extend_grant(
            caller, grants[EXTENDED][0], expires=park.day(80), reason="pilot runs longer")),
    ]


def fates(now: datetime) -> list[Fate]:
    """Where every startup of this database stands now, in the order in which the demonstration tells of them."""
    told = {company.key: (number, company) for number, company in enumerate(COMPANIES)}
    views: dict[str, list[AccountView]] = {}
    for view in balances(now):
        views.setdefault(view.startup, []).append(view)
    names = dict(db.session.execute(select(Startup.key, Startup.name)).all())
    ordered = sorted(names, key=lambda key: (told[key][0] if key in told else len(told), key))
    return [_fate(key, names[key], told[key][1] if key in told else None, views.get(key, [])) for key in ordered]


def _fate(key: str, name: str, company: Company | None, held: Sequence[AccountView]) -> Fate:
    views = [view for view in held if view.kind == "credit"]
    lots = [lot for view in views for lot in view.lots]
    ends = [min(lot.expires or LATEST, lot.voided_at or LATEST) for lot in lots if lot.expires or lot.voided_at]
    next_end = min((view.next_expiry for view in views if view.next_expiry), default=max(ends, default=None))
    return Fate(
        key, name, company.fate if company else "",
        granted=sum(view.granted for view in views),
        drawn=sum(view.drawn for view in views),
        gone=sum(view.expired + view.voided for view in views),
        not_yet=sum(view.not_yet for view in views),
        remaining=sum(view.remaining for view in views),
        uncovered=sum(view.uncovered for view in views),
        expires=last_day(next_end) if next_end else None,
        others=tuple(view for view in held if view.kind != "credit"),
    )


def shares(export: Export) -> list[Share]:
    """What an export would have drawn, by scope and currency, the largest first."""
    days = export.totals.group_by("provider", "scope", "currency", "day").agg(
        pl.col("amount").sum(), pl.col("rows").sum()
    )
    grouped: dict[tuple[str, str, str], dict[date, tuple[int, int]]] = {}
    for provider, scope, currency, day, amount, rows in days.iter_rows():
        grouped.setdefault((provider, scope, currency), {})[day] = (amount, rows)
    owners = _owners({(provider, scope): max(by_day) for (provider, scope, _), by_day in grouped.items()})
    found = []
    for (provider, scope, currency), by_day in grouped.items():
        usage = {day_start(day): amount for day, (amount, _) in by_day.items()}
        said = Share(
            provider, scope, owners.get((provider, scope)), sum(rows for _, rows in by_day.values()),
            min(by_day), max(by_day), currency, sum(usage.values()),
        )
        if currency == "USD":
            would_be = plan([Lot("would-be", WOULD_BE, day_start(said.first))], usage)
            said = replace(said, paid=would_be.total("drawn"), uncovered=would_be.total("uncovered"),
                           uncredited=would_be.total("uncredited"))
        found.append(said)
    return sorted(found, key=lambda one: (-abs(one.amount), one.provider, one.scope, one.currency))


def _owners(newest: Mapping[tuple[str, str], date]) -> dict[tuple[str, str], str]:
    """To which startup each scope belongs on a day."""
    accounts: dict[int, str] = dict(
        db.session.execute(select(Account.id, Startup.key).join(Startup, Startup.id == Account.startup_id)).all()
    )
    ids = {(scope.provider, scope.external_id): scope.id for scope in db.session.scalars(select(Scope))}
    owned = ownerships_of(ids.values())
    found = {}
    for pair, day in newest.items():
        for own in owned.get(ids.get(pair, 0), ()):
            if own.account_id is not None and own.starts <= day_start(day) < own.ends:
                found[pair] = accounts[own.account_id]
    return found


def export_folder(instance: Path) -> Path:
    """Where the demonstration's exports are written."""
    return instance / "demo-exports"


