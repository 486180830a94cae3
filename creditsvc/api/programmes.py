"""Partners, programmes with their packages, cohorts, and who is enrolled."""

from dataclasses import asdict, replace
from typing import Any

from flask import Response

from creditsvc.api.etags import check_match
from creditsvc.api.paging import page, page_of_all, two_keys
from creditsvc.api.programme_schemas import (
    CohortListSchema,
    CohortQuerySchema,
    CohortSchema,
    EnrolmentListSchema,
    EnrolmentQuerySchema,
    EnrolmentsOfStartupQuerySchema,
    PartnerListSchema,
    PolicySchema,
    ProgrammeListSchema,
    ProgrammeQuerySchema,
    ProgrammeSchema,
)
from creditsvc.api.routes import get, new_blueprint, patch
from creditsvc.api.schemas import PagingSchema
from creditsvc.api.tokens import current_caller
from creditsvc.api.writes import edit_once
from creditsvc.consulting.consultants import policy_of_programme, set_policy
from creditsvc.consulting.schemas import PolicyEditShape
from creditsvc.core.amounts import format_amount
from creditsvc.core.errors import NotFound
from creditsvc.grants.reading import has_award
from creditsvc.parties.once import Answer
from creditsvc.parties.reading import find_startup
from creditsvc.programmes import reading
from creditsvc.programmes.models import Partner
from creditsvc.programmes.operations import own_programme
from creditsvc.programmes.reading import CohortView, EnrolmentView, PackageView, ProgrammeView

blueprint = new_blueprint("programmes", "Partners, programmes with their packages, cohorts, enrolments.")


@get(blueprint, "/partners", query=PagingSchema, answers=PartnerListSchema)
def list_partners(query: dict[str, Any]) -> dict[str, Any]:
    """The partners you may see, by key."""
    return page_of_all(reading.partners(current_caller()), query, shown_partner, lambda partner: partner.key)


@get(blueprint, "/programmes", query=ProgrammeQuerySchema, answers=ProgrammeListSchema)
def list_programmes(query: dict[str, Any]) -> dict[str, Any]:
    """The programmes that you look after, by key, with their packages."""
    everything = reading.programme_views(current_caller())
    wanted = [view for view in everything if query.get("partner") in (None, view.partner)]
    return page_of_all(wanted, query, shown, lambda view: view.key)


@get(blueprint, "/programmes/<key>", answers=ProgrammeSchema, etag=True)
def get_programme(key: str) -> dict[str, Any]:
    """One programme with its packages."""
    return programme_of(key)


def programme_of(key: str) -> dict[str, Any]:
    """The programme of that key as JSON, if the caller may see it. Raises NotFound("programme"), Forbidden."""
    for view in reading.programme_views(current_caller()):
        if view.key == key:
            return shown(view)
    raise NotFound("programme", key)


@get(blueprint, "/programmes/<key>/consulting-policy", answers=PolicySchema, etag=True)
def get_consulting_policy(key: str) -> dict[str, Any]:
    """What holds of sessions booked in a programme."""
    programme_of(key)
    return _shown_policy(key)


@patch(blueprint, "/programmes/<key>/consulting-policy", scope="admin", body=PolicyEditShape, answers=PolicySchema)
def change_consulting_policy(body: dict[str, Any], key: str) -> Response:
    """Says what holds of sessions booked from now on; those that are booked keep what held then. What is not sent
    stays."""
    caller = current_caller()

    def act() -> Answer:
        own_programme(caller, key, locked=True)
        check_match(_shown_policy(key))
        stands = policy_of_programme(key)
        wanted = replace(stands, **body)
        if wanted != stands:  # a programme that says nothing of sessions goes on saying nothing
            set_policy(caller, key, wanted)
        return Answer(200, _shown_policy(key))

    return edit_once(act)


def _shown_policy(key: str) -> dict[str, Any]:
    return {"programme": key, **asdict(policy_of_programme(key))}


@get(blueprint, "/cohorts", query=CohortQuerySchema, answers=CohortListSchema)
def list_cohorts(query: dict[str, Any]) -> dict[str, Any]:
    """The cohorts of the programmes that you look after, by key."""
    everything = reading.cohorts(current_caller())
    wanted = [view for view in everything if query.get("programme") in (None, view.programme)]
    return page_of_all(wanted, query, _shown_cohort, lambda view: view.key)


@get(blueprint, "/cohorts/<key>", answers=CohortSchema, etag=True)
def get_cohort(key: str) -> dict[str, Any]:
    """One cohort."""
    return cohort_of(key)


def cohort_of(key: str) -> dict[str, Any]:
    """The cohort of that key as JSON, if the caller may see it. Raises NotFound("cohort"), Forbidden."""
    for view in reading.cohorts(current_caller()):
        if view.key == key:
            return _shown_cohort(view)
    raise NotFound("cohort", key)


@get(blueprint, "/enrolments", query=EnrolmentQuerySchema, answers=EnrolmentListSchema)
def list_enrolments(query: dict[str, Any]) -> dict[str, Any]:
    """The enrolments that you may see, by startup and cohort."""
    found = reading.enrolments(
        current_caller(), startup=query.get("startup"), programme=query.get("programme"), cohort=query.get("cohort"),
        status=query.get("status"), after=two_keys(query.get("after")), limit=query["limit"] + 1, awarded=has_award(),
    )
    return page(found, query["limit"], shown_enrolment, lambda view: f"{view.startup} {view.cohort}")


@get(
    blueprint, "/startups/<key>/enrolments", query=EnrolmentsOfStartupQuerySchema, answers=EnrolmentListSchema
)
def list_startup_enrolments(query: dict[str, Any], key: str) -> dict[str, Any]:
    """The enrolments of a startup, by cohort."""
    caller = current_caller()
    everything = reading.enrolments_of(caller, find_startup(caller, key), has_award())
    wanted = [view for view in everything if query.get("status") in (None, view.status)]
    return page_of_all(wanted, query, shown_enrolment, lambda view: view.cohort)


def shown_partner(partner: Partner) -> dict[str, Any]:
    """A partner as JSON."""
    return {"key": partner.key, "name": partner.name}


def shown(view: ProgrammeView) -> dict[str, Any]:
    """A programme as JSON."""
    return {
        "key": view.key, "name": view.name, "name_zh_hant": view.name_zh_hant, "name_zh_hans": view.name_zh_hans,
        "partner": view.partner, "timezone": view.timezone, "months": view.months, "terms_version": view.version,
        "packages": [_shown_package(package) for package in view.packages],
    }


def _shown_package(package: PackageView) -> dict[str, Any]:
    lines = [
        {
            "resource": line.resource, "pool": line.pool, "unit": line.unit.name,
            "amount": format_amount(line.amount, line.unit), "months": line.months,
            "monthly": line.monthly,
        }
        for line in package.lines
    ]
    return {"key": package.key, "version": package.version, "lines": lines}


def _shown_cohort(view: CohortView) -> dict[str, Any]:
    return {
        "key": view.key, "name": view.name, "programme": view.programme, "starts": view.starts.isoformat(),
        "ends": view.ends.isoformat(), "months": view.months,
    }


def shown_enrolment(view: EnrolmentView) -> dict[str, Any]:
    """An enrolment as JSON."""
    return {
        "startup": view.startup, "cohort": view.cohort, "programme": view.programme, "package": view.package,
        "status": view.status, "enrolled_on": view.enrolled_on.isoformat(), "months": view.months,
        "awarded": view.is_awarded,
    }
