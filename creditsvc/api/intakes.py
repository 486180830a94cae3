"""What is made and said anew of programmes, their packages, cohorts and enrolments."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, url_for

from creditsvc.api.etags import check_match
from creditsvc.api.programme_schemas import CohortSchema, EnrolmentSchema, ProgrammeSchema
from creditsvc.api.programmes import cohort_of, programme_of, shown_enrolment
from creditsvc.api.routes import new_blueprint, patch, post
from creditsvc.api.schemas import NothingSchema
from creditsvc.api.tokens import current_caller
from creditsvc.api.writes import edit_once, write_once
from creditsvc.grants.reading import has_award
from creditsvc.parties.once import Answer
from creditsvc.programmes import changes, operations, reading
from creditsvc.programmes.operations import own_programme
from creditsvc.programmes.packages import LineTerms
from creditsvc.programmes.schemas import (
    CohortChangeShape,
    CohortShape,
    EnrolShape,
    PackageLinesShape,
    PackageVersionShape,
    ProgrammeNamesShape,
    ProgrammeShape,
    TermsShape,
)

blueprint = new_blueprint("intakes", "Making programmes, packages and cohorts, and enrolling startups.")


@post(blueprint, "/programmes", scope="admin", body=ProgrammeShape, answers=ProgrammeSchema, status=201,
      next_steps={"get_programme": "key"})
def create_programme(body: dict[str, Any]) -> Response:
    """Makes a programme with the first version of its terms; not for a manager of some programmes only."""
    caller = current_caller()

    def act() -> Answer:
        key = operations.add_programme(caller, **body).key
        return Answer(201, programme_of(key), url_for("api_programmes.get_programme", key=key))

    return write_once(act)


@patch(blueprint, "/programmes/<key>", scope="admin", body=ProgrammeNamesShape, answers=ProgrammeSchema)
def change_programme(body: dict[str, Any], key: str) -> Response:
    """Says a programme's names anew; what is not sent stays."""
    caller = current_caller()

    def act() -> Answer:
        programme = own_programme(caller, key, locked=True)
        check_match(programme_of(key))
        stands = {name: getattr(programme, name) or "" for name in ("name", "name_zh_hant", "name_zh_hans")}
        changes.change_programme(caller, key, **{**stands, **body})
        return Answer(200, programme_of(key))

    return edit_once(act)


@post(blueprint, "/programmes/<key>/terms", scope="admin", body=TermsShape, answers=ProgrammeSchema)
def state_terms(body: dict[str, Any], key: str) -> Response:
    """States a new version of a programme's terms, for enrolments made from now on.

    `version` is the one from which the change was made; another one that stands by now is a conflict.
    """
    caller = current_caller()

    def act() -> Answer:
        operations.state_terms(caller, programme=key, **body)
        return Answer(200, programme_of(key))

    return write_once(act)


@post(blueprint, "/programmes/<key>/packages", scope="admin", body=PackageLinesShape, answers=ProgrammeSchema,
      status=201)
def create_package(body: dict[str, Any], key: str) -> Response:
    """Makes a package of a programme."""
    caller = current_caller()

    def act() -> Answer:
        operations.add_package(caller, programme=key, key=body["key"], lines=_lines(body["lines"]))
        return Answer(201, programme_of(key), url_for("api_programmes.get_programme", key=key))

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
        return Answer(200, programme_of(key))

    return write_once(act)


@post(blueprint, "/programmes/<key>/cohorts", scope="admin", body=CohortShape, answers=CohortSchema, status=201,
      next_steps={"get_cohort": "key"})
def create_cohort(body: dict[str, Any], key: str) -> Response:
    """Makes a cohort of a programme; its last day counts."""
    caller = current_caller()

    def act() -> Answer:
        made = operations.add_cohort(caller, programme=key, **body).key
        return Answer(201, cohort_of(made), url_for("api_programmes.get_cohort", key=made))

    return write_once(act)


@patch(blueprint, "/cohorts/<key>", scope="admin", body=CohortChangeShape, answers=CohortSchema)
def change_cohort(body: dict[str, Any], key: str) -> Response:
    """Says a cohort's name and days anew; what is not sent stays. What was awarded already keeps its days.

    A change of days needs a `reason`.
    """
    caller = current_caller()

    def act() -> Answer:
        cohort = reading.find_cohort(caller, key)
        stands = {"name": cohort.name, "starts": cohort.starts, "ends": cohort.ends}
        changes.change_cohort(caller, key, **{**stands, **body}, check=lambda _there: check_match(cohort_of(key)))
        return Answer(200, cohort_of(key))

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


def _enrolled(startup: str, cohort: str) -> dict[str, Any]:
    [view] = reading.enrolments(
        current_caller(), startup=startup, cohort=cohort, limit=1, awarded=has_award(),
    )
    return shown_enrolment(view)


def _lines(lines: Sequence[Mapping[str, Any]]) -> list[LineTerms]:
    return [LineTerms(**line) for line in lines]
