"""Programmes with their packages, cohorts, and who is enrolled: read, made, and said anew."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from flask import Response, url_for

from creditsvc.api.etags import check_match
from creditsvc.api.paging import one_of, page, page_of_all, two_keys
from creditsvc.api.programme_schemas import (
    CohortListSchema,
    CohortQuerySchema,
    CohortSchema,
    EnrolmentListSchema,
    EnrolmentQuerySchema,
    EnrolmentSchema,
    EnrolmentsOfStartupQuerySchema,
    PolicySchema,
    ProgrammeListSchema,
    ProgrammeQuerySchema,
    ProgrammeSchema,
)
from creditsvc.api.routes import get, new_blueprint, patch, post
from creditsvc.api.schemas import NothingSchema
from creditsvc.api.tokens import current_caller
from creditsvc.api.writes import edit_once, write_once
from creditsvc.consulting.consultants import policy_of_programme, set_policy
from creditsvc.consulting.schemas import PolicyEditShape
from creditsvc.core.amounts import format_amount
from creditsvc.grants.reading import has_award
from creditsvc.parties.once import Answer
from creditsvc.parties.reading import find_startup
from creditsvc.programmes import changes, operations, reading
from creditsvc.programmes.operations import own_programme
from creditsvc.programmes.packages import LineTerms
from creditsvc.programmes.reading import CohortView, EnrolmentView, PackageView, ProgrammeView
from creditsvc.programmes.schemas import (
    CohortEditShape,
    CohortShape,
    EnrolShape,
    PackageLinesShape,
    PackageVersionShape,
    ProgrammeEditShape,
    ProgrammeShape,
    TermsShape,
)

blueprint = new_blueprint("programmes", "Programmes with their packages, cohorts, enrolments.")


@get(blueprint, "/programmes", query=ProgrammeQuerySchema, answers=ProgrammeListSchema)
def list_programmes(query: dict[str, Any]) -> dict[str, Any]:
    """The programmes that you look after, by key, with their packages."""
    everything = reading.programme_views(current_caller())
    wanted = [view for view in everything if query.get("partner") in (None, view.partner)]
    return page_of_all(wanted, query, shown, lambda view: view.key)


@get(blueprint, "/programmes/<key>", answers=ProgrammeSchema, etag=True)
def get_programme(key: str) -> dict[str, Any]:
    """One programme with its packages."""
    return _programme_of(key)


def _programme_of(key: str) -> dict[str, Any]:
    """The programme of that key as JSON, if the caller may see it. Raises NotFound("programme"), Forbidden."""
    return shown(one_of(reading.programme_views(current_caller()), "programme", key))


@get(blueprint, "/programmes/<key>/consulting-policy", answers=PolicySchema, etag=True)
def get_consulting_policy(key: str) -> dict[str, Any]:
    """What holds of sessions booked in a programme."""
    _programme_of(key)
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
    return _cohort_of(key)


def _cohort_of(key: str) -> dict[str, Any]:
    """The cohort of that key as JSON, if the caller may see it. Raises NotFound("cohort"), Forbidden."""
    return _shown_cohort(one_of(reading.cohorts(current_caller()), "cohort", key))


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


@post(blueprint, "/programmes", scope="admin", body=ProgrammeShape, answers=ProgrammeSchema, status=201,
      next_steps={"get_programme": "key"})
def create_programme(body: dict[str, Any]) -> Response:
    """Makes a programme with the first version of its terms; not for a manager of some programmes only."""
    caller = current_caller()

    def act() -> Answer:
        key = operations.add_programme(caller, **body).key
        return Answer(201, _programme_of(key), url_for("api_programmes.get_programme", key=key))

    return write_once(act)


@patch(blueprint, "/programmes/<key>", scope="admin", body=ProgrammeEditShape, answers=ProgrammeSchema)
def change_programme(body: dict[str, Any], key: str) -> Response:
    """Says a programme's names anew; what is not sent stays."""
    caller = current_caller()

    def act() -> Answer:
        changes.change_programme(caller, key, **body, check=lambda _there: check_match(_programme_of(key)))
        return Answer(200, _programme_of(key))

    return edit_once(act)


@post(blueprint, "/programmes/<key>/terms", scope="admin", body=TermsShape, answers=ProgrammeSchema)
def state_terms(body: dict[str, Any], key: str) -> Response:
    """States a new version of a programme's terms, for enrolments made from now on.

    `version` is the one from which the change was made; another one that stands by now is a conflict.
    """
    caller = current_caller()

    def act() -> Answer:
        operations.state_terms(caller, programme=key, **body)
        return Answer(200, _programme_of(key))

    return write_once(act)


@post(blueprint, "/programmes/<key>/packages", scope="admin", body=PackageLinesShape, answers=ProgrammeSchema,
      status=201)
def create_package(body: dict[str, Any], key: str) -> Response:
    """Makes a package of a programme."""
    caller = current_caller()

    def act() -> Answer:
        operations.add_package(caller, programme=key, key=body["key"], lines=_lines(body["lines"]))
        return Answer(201, _programme_of(key), url_for("api_programmes.get_programme", key=key))

    return write_once(act)


@post(blueprint, "/programmes/<key>/packages/<package>", scope="admin", body=PackageVersionShape,
      answers=ProgrammeSchema)
def change_package(body: dict[str, Any], key: str, package: str) -> Response:
    """States a new version of a package, for enrolments made from now on.

    `version` is the one from which the change was made; another one that stands by now is a conflict.
    """
    caller = current_caller()

    def act() -> Answer:
        changes.change_package(caller, programme=key, key=package, **{**body, "lines": _lines(body["lines"])})
        return Answer(200, _programme_of(key))

    return write_once(act)


@post(blueprint, "/programmes/<key>/cohorts", scope="admin", body=CohortShape, answers=CohortSchema, status=201,
      next_steps={"get_cohort": "key"})
def create_cohort(body: dict[str, Any], key: str) -> Response:
    """Makes a cohort of a programme; its last day counts."""
    caller = current_caller()

    def act() -> Answer:
        made = operations.add_cohort(caller, programme=key, **body).key
        return Answer(201, _cohort_of(made), url_for("api_programmes.get_cohort", key=made))

    return write_once(act)


@patch(blueprint, "/cohorts/<key>", scope="admin", body=CohortEditShape, answers=CohortSchema)
def change_cohort(body: dict[str, Any], key: str) -> Response:
    """Says a cohort's name and days anew; what is not sent stays. What was awarded already keeps its days.

    A change of days needs a `reason`.
    """
    caller = current_caller()

    def act() -> Answer:
        changes.change_cohort(caller, key, **body, check=lambda _there: check_match(_cohort_of(key)))
        return Answer(200, _cohort_of(key))

    return edit_once(act)


@post(blueprint, "/startups/<key>/enrolments", scope="admin", body=EnrolShape, answers=EnrolmentSchema, status=201)
def enrol_startup(body: dict[str, Any], key: str) -> Response:
    """Takes a startup into a cohort, under the terms that stand now. A second time for the same is no step."""
    caller = current_caller()

    def act() -> Answer:
        operations.enrol(caller, startup=key, **body)
        return Answer(201, _enrolled(key, body["cohort"]), url_for("api_programmes.list_startup_enrolments", key=key))

    return write_once(act)


@post(blueprint, "/startups/<key>/enrolments/<cohort>/begin", scope="admin", body=NothingSchema,
      answers=EnrolmentSchema, required=False)
def begin_enrolment(body: dict[str, Any], key: str, cohort: str) -> Response:
    """Makes an enrolment active that was applied for, so that its package can be awarded."""
    caller = current_caller()

    def act() -> Answer:
        operations.change_status(caller, startup=key, cohort=cohort, status="active")
        return Answer(200, _enrolled(key, cohort))

    return write_once(act)


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


def _enrolled(startup: str, cohort: str) -> dict[str, Any]:
    [view] = reading.enrolments(
        current_caller(), startup=startup, cohort=cohort, limit=1, awarded=has_award(),
    )
    return shown_enrolment(view)


def _lines(lines: Sequence[Mapping[str, Any]]) -> list[LineTerms]:
    return [LineTerms(**line) for line in lines]
