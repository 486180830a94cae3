"""What a manager does with partners, resources, pools, programmes, cohorts, packages and enrolments.

Operations look up by key, check rules and permission, add and flush, and write the trail; doors hold the transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update

from creditsvc.core.amounts import parse_amount, unit_named
from creditsvc.core.days import DEFAULT_ZONE, ends_at, starts_at, zone_named
from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import Model, db
from creditsvc.ledger import book
from creditsvc.ledger.models import Pool, Resource
from creditsvc.parties.access import Caller, require, require_startup
from creditsvc.parties.models import StartupProgramme
from creditsvc.parties.operations import check_key
from creditsvc.parties.trail import record
from creditsvc.programmes.models import (
    ENROLMENT_STATES,
    Cohort,
    Enrolment,
    Package,
    PackageLine,
    Partner,
    Programme,
    ProgrammeTerms,
)
from creditsvc.programmes.packages import LineTerms, check_months, write_lines
from creditsvc.programmes.reading import (
    M,
    by_key,
    find_cohort,
    find_enrolment,
    find_package,
    looked_after,
    standing_terms,
)
from creditsvc.sets import insert_if_absent

LONGEST_NAME = 200

UNIT_OF_KIND = {"hours": "hour", "seats": "seat"}
"""The unit that a kind of resource fixes; a credit's unit is its currency."""

NEXT_STATES: Mapping[str, frozenset[str]] = {
    "applied": frozenset({"active", "withdrawn"}),
    "active": frozenset({"graduated", "withdrawn"}),
    "graduated": frozenset(),
    "withdrawn": frozenset(),
}

def add_partner(caller: Caller, *, key: str, name: str) -> Partner:
    """A new partner. Raises RuleBroken("key" | "name", ...), Conflict("key", "key-taken"), Forbidden."""
    require(caller, "programme.edit")
    name = check_text(name, "name")
    partner = Partner(key=_free_key(Partner, key), name=name)
    return _added(caller, partner, "partner", key, {"name": name})


def add_resource(
    caller: Caller, *, key: str, kind: str, unit: str | None = None, provider: str | None = None,
    name: str | None = None,
) -> Resource:
    """A new resource of kind `credit`, `hours` or `seats`; the name is the key unless given.

    Raises RuleBroken: ("kind", "unknown-kind"); ("unit", ...) unless credit has a currency and the others their own
    unit; ("provider", ...) unless credit, and only credit, says whose cost it pays.
    """
    require(caller, "programme.edit")
    _free_key(Resource, key)
    unit, provider = checked_unit(kind, unit), (provider or "").strip() or None
    if (kind == "credit") != bool(provider):
        raise RuleBroken(
            "provider", "provider-of-credit",
            "%(value)r: a credit names the provider whose cost it pays, such as azure; hours and seats name none",
            value=provider or "",
        )
    resource = book.define_resource(key, check_text(name or key, "name"), kind, unit, provider)
    after = {"name": resource.name, "kind": kind, "unit": unit, "provider": provider}
    return _added(caller, resource, "resource", key, after)


def checked_unit(kind: str, unit: str | None) -> str:
    """The unit of a resource of that kind. Raises RuleBroken("kind" or "unit", ...)."""
    if kind == "credit":
        if unit is None or not unit_named(unit).is_money:
            raise RuleBroken(
                "unit", "unit-of-credit", "%(value)r: a credit is counted in a currency, such as USD", value=unit or ""
            )
        return unit
    if kind not in UNIT_OF_KIND:
        raise RuleBroken("kind", "unknown-kind", "%(value)r is no kind: credit, hours or seats is right", value=kind)
    if unit not in (None, UNIT_OF_KIND[kind]):
        raise RuleBroken(
            "unit", "unit-of-kind", "%(value)r: a resource of kind %(kind)s is counted in %(unit)s",
            value=unit, kind=kind, unit=UNIT_OF_KIND[kind],
        )
    return UNIT_OF_KIND[kind]


def add_pool(
    caller: Caller, *, key: str, partner: str, resource: str, amount: str, starts: date | datetime,
    ends: date | datetime | None = None, reference: str | None = None,
) -> Pool:
    """What a partner commits of a resource for a period: days of Asia/Hong_Kong, the last one counts (L4).

    Lines of packages that name it already and waited for it become its own.

    Raises RuleBroken: ("key", ...), ("amount", ...) unless it is a number above 0, ("ends", "ends-before-start").
    """
    require(caller, "programme.edit")
    _free_key(Pool, key)
    kind_of = by_key(Resource, "resource", resource)
    steps = parse_amount(amount, unit_named(kind_of.unit), "amount")
    if steps <= 0:
        raise RuleBroken("amount", "not-positive", "%(value)s: a pool holds more than 0", value=amount)
    first, end = starts_at(starts, DEFAULT_ZONE), ends_at(ends, DEFAULT_ZONE) if ends is not None else None
    if end is not None and end <= first:
        raise ends_before_start(starts, ends)
    reference = check_text(reference or "", "reference", 100, needed=False) or None
    pool = book.open_pool(key, by_key(Partner, "partner", partner).id, kind_of.id, steps, first, end)
    pool.reference = reference
    awaiting = PackageLine.pool_key == key, PackageLine.pool_id.is_(None), PackageLine.resource_id == kind_of.id
    db.session.execute(update(PackageLine).where(*awaiting).values(pool_id=pool.id))
    return _added(caller, pool, "pool", key, {
        "partner": partner, "resource": resource, "amount": amount, "starts": str(starts),
        "ends": str(ends) if ends is not None else None, **({"reference": reference} if reference else {}),
    })


def add_programme(
    caller: Caller, *, key: str, name: str, months: int, partner: str | None = None, timezone: str = "Asia/Hong_Kong",
    name_zh_hant: str | None = None, name_zh_hans: str | None = None,
) -> Programme:
    """A new programme with the first version of its terms.

    Raises RuleBroken("key" | "months" | "timezone", ...), NotFound("partner"), Forbidden for a manager of some
    programmes only.
    """
    require(caller, "programme.edit")
    if caller.programme_ids is not None:
        raise Forbidden("programme.edit")
    check_months(months)
    zone_named(timezone)
    name = check_text(name, "name")
    name_zh_hant, name_zh_hans = (
        text if text is None else check_text(text, field, needed=False)
        for field, text in (("name_zh_hant", name_zh_hant), ("name_zh_hans", name_zh_hans))
    )
    programme = Programme(
        key=_free_key(Programme, key), name=name, name_zh_hant=name_zh_hant, name_zh_hans=name_zh_hans,
        partner_id=by_key(Partner, "partner", partner).id if partner is not None else None, timezone=timezone,
    )
    after = {"name": name, "months": months, "partner": partner, "timezone": timezone}
    _added(caller, programme, "programme", key, after)
    db.session.add(ProgrammeTerms(
        programme_id=programme.id, version=1, months=months, stated_at=caller.now, stated_by=caller.actor
    ))
    db.session.flush()
    return programme


def state_terms(
    caller: Caller, *, programme: str, months: int, reason: str = "", version: int | None = None
) -> ProgrammeTerms:
    """A new version of a programme's terms, for enrolments made from now on. Terms that stand already stay as they
    are. `version` is the one from which the change was made. Raises RuleBroken("months", ...), Conflict("version",
    "changed-meanwhile"), NotFound("programme"), Forbidden.
    """
    subject = own_programme(caller, programme, locked=True)
    check_months(months)
    now_standing = standing_terms(subject.id)
    refuse_changed(version, now_standing.version)
    if now_standing.months == months:
        return now_standing
    terms = ProgrammeTerms(
        programme_id=subject.id, version=now_standing.version + 1, months=months, stated_at=caller.now,
        stated_by=caller.actor, reason=reason,
    )
    db.session.add(terms)
    db.session.flush()
    record(caller, "programme.terms", f"programme:{programme}", before={"months": now_standing.months},
           after={"months": months, "version": terms.version, "reason": reason})
    return terms


def refuse_changed(seen: int | str | None, stands: int | str) -> None:
    """Raises Conflict("version", "changed-meanwhile") unless what was seen, where anything was, still stands."""
    if seen is not None and seen != stands:
        raise Conflict(
            "version", "changed-meanwhile",
            "somebody has changed it since you read it: look at what stands now, and change that",
        )


def add_cohort(caller: Caller, *, programme: str, key: str, name: str, starts: date, ends: date) -> Cohort:
    """A new intake; `ends` is its last day.

    Raises RuleBroken("key" | "ends", ...), NotFound("programme"), Forbidden.
    """
    subject = own_programme(caller, programme)
    if ends < starts:
        raise ends_before_start(starts, ends)
    name = check_text(name, "name")
    cohort = Cohort(programme_id=subject.id, key=_free_key(Cohort, key), name=name, starts=starts, ends=ends)
    return _added(caller, cohort, "cohort", key, {
        "programme": programme, "name": name, "starts": starts.isoformat(), "ends": ends.isoformat()
    })


def add_package(caller: Caller, *, programme: str, key: str, lines: Sequence[LineTerms]) -> Package:
    """A new package of a programme; its key is the programme's own.

    Raises RuleBroken: ("key", ...); ("lines", "no-lines"); of a line, counted from 0, ("lines[0].amount" |
    "lines[0].months" | "lines[0].pool", ...). The pool of hours or seats may follow later: until then
    the package is not awarded.
    Raises NotFound for an unknown programme or resource, Forbidden.
    """
    subject = own_programme(caller, programme)
    check_key(key)
    if find_package(subject.id, key) is not None:
        raise _taken(key)
    package = Package(programme_id=subject.id, key=key, version=1)
    db.session.add(package)
    db.session.flush()
    write_lines(caller, package, lines, "")
    record(
        caller, "package.added", f"programme:{programme}",
        after={"package": key, "lines": [asdict(line) for line in lines]},
    )
    return package


def enrol(
    caller: Caller, *, startup: str, cohort: str, package: str | None = None, status: str = "applied", on: date
) -> Enrolment:
    """Takes a startup into a cohort, under the terms that stand now. A second time for the same is no step (L13).

    Raises NotFound("startup" | "cohort" | "package"), RuleBroken("status", "unknown-status"), Conflict("cohort",
    "enrolled-otherwise") when the startup is in the cohort with another package, Forbidden.
    """
    company = require_startup(caller, "startup.edit", startup)
    intake = find_cohort(caller, cohort)
    if status not in ENROLMENT_STATES:
        raise RuleBroken(
            "status", "unknown-status", "%(value)r is no status: %(states)s is right", value=status,
            states=", ".join(ENROLMENT_STATES),
        )
    brings = None
    if package is not None:
        brings = find_package(intake.programme_id, package)
        if brings is None:
            raise NotFound("package", package)
    insert_if_absent(StartupProgramme, {"startup_id": company.id, "programme_id": intake.programme_id})
    terms = standing_terms(intake.programme_id)
    made = insert_if_absent(Enrolment, {
        "startup_id": company.id, "cohort_id": intake.id, "package_id": brings.id if brings else None,
        "package_version": brings.version if brings else 1, "terms_id": terms.id, "status": status, "enrolled_on": on,
    })
    enrolment = find_enrolment(company.id, cohort)
    if made:
        record(caller, "enrolment.added", f"startup:{startup}", after={
            "cohort": cohort, "package": package, "status": status, "on": on.isoformat(), "months": terms.months
        })
    elif brings is not None and enrolment.package_id is None:
        enrolment.package_id, enrolment.package_version = brings.id, brings.version
        db.session.flush()
        record(
            caller, "enrolment.package", f"startup:{startup}",
            before={"cohort": cohort, "package": None}, after={"cohort": cohort, "package": package},
        )
    elif brings is not None and enrolment.package_id != brings.id:
        raise Conflict(
            "cohort", "enrolled-otherwise", "%(startup)s is in cohort %(cohort)s already, with another package",
            startup=startup, cohort=cohort,
        )
    return enrolment


def change_status(caller: Caller, *, startup: str, cohort: str, status: str, reason: str = "") -> Enrolment:
    """The next step of an enrolment: applied to active, active to graduated, either to withdrawn; a repeat is none.

    Raises Conflict("status", "no-such-step") for any other, NotFound("enrolment"), Forbidden.
    """
    company = require_startup(caller, "startup.edit", startup)
    find_cohort(caller, cohort)
    enrolment = find_enrolment(company.id, cohort)
    before = enrolment.status
    if before == status:
        return enrolment
    if status not in NEXT_STATES[before]:
        raise Conflict(
            "status", "no-such-step", "an enrolment that is %(before)s does not become %(status)s",
            before=before, status=status,
        )
    enrolment.status = status
    db.session.flush()
    record(caller, "enrolment.status", f"startup:{startup}",
           before={"cohort": cohort, "status": before},
           after={"cohort": cohort, "status": status, **({"reason": reason} if reason else {})})
    return enrolment


def restate(caller: Caller, row: Model, subject: str, **texts: str) -> bool:
    """Updates paperwork (names in their languages) of a row of this room or of a resource; facts it never touches.

    Returns whether anything differed. Raises Forbidden.
    """
    require(caller, "programme.edit")
    before = {name: getattr(row, name) for name, text in texts.items() if getattr(row, name) != text}
    if not before:
        return False
    after = {name: texts[name] for name in before}
    for name, text in after.items():
        setattr(row, name, text)
    db.session.flush()
    record(caller, f"{subject.split(':')[0]}.edited", subject, before=before, after=after)
    return True


def _added(caller: Caller, row: M, what: str, key: str, after: dict[str, Any]) -> M:
    db.session.add(row)
    db.session.flush()
    record(caller, f"{what}.added", f"{what}:{key}", after=after)
    return row


def _free_key(model: type[Model], key: str) -> str:
    check_key(key)
    if db.session.scalar(select(model).where(model.__table__.c.key == key)) is not None:
        raise _taken(key)
    return key


def _taken(key: str) -> Conflict:
    return Conflict("key", "key-taken", "The key %(key)s is taken: choose another one.", key=key)


def ends_before_start(starts: date, ends: date | None) -> RuleBroken:
    """The refusal of an end that comes before its start."""
    return RuleBroken(
        "ends", "ends-before-start", "%(ends)s is before the start, %(starts)s", ends=str(ends), starts=str(starts)
    )


def own_programme(caller: Caller, key: str, *, locked: bool = False) -> Programme:
    """The programme of that key, if the caller may change it; one that the caller does not look after is as if none.

    `locked`, it is held and read fresh. Raises Forbidden, NotFound("programme").
    """
    require(caller, "programme.edit")
    wanted = select(Programme).where(Programme.key == key, looked_after(caller))
    if locked:
        wanted = wanted.with_for_update(of=Programme).execution_options(populate_existing=True)
    programme = db.session.scalar(wanted)
    if programme is None:
        raise NotFound("programme", key)
    return programme


def check_text(text: str, field: str, longest: int = LONGEST_NAME, *, needed: bool = True) -> str:
    """The text without blanks around it. Raises RuleBroken(field, "missing" | "not-a-line")."""
    text = text.strip()
    if needed and not text:
        raise RuleBroken(field, "missing", "Fill this in.")
    if len(text) > longest or (text and not text.isprintable()):
        raise RuleBroken(
            field, "not-a-line", "Write at most %(longest)s characters, all on one line.", longest=longest
        )
    return text
