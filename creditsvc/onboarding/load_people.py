"""Loading startups with their people and enrolments, the packages that these bring, and users."""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.grants.models import Grant
from creditsvc.grants.operations import award_package
from creditsvc.onboarding.loading import Item, Loading, Outcome
from creditsvc.parties import operations
from creditsvc.parties.models import ManagerProgramme, Membership, Person, Startup
from creditsvc.programmes.models import Cohort, Enrolment, Package, Partner, Programme
from creditsvc.programmes.operations import change_status, enrol
from creditsvc.programmes.reading import by_key


def load_startups(loading: Loading, items: Sequence[Item]) -> None:
    """Startups, then their people. Who is not mentioned stays."""
    loading.each("startups", items, lambda item: _startup(loading, item))
    for item in items:
        key = item.data["key"]
        loading.each("members", item.children("members"), lambda child, key=key: _member(loading, key, child))  # type: ignore[misc]


def load_enrolments(loading: Loading, items: Sequence[Item]) -> None:
    """The enrolments of startups that are there."""
    for item in items:
        key = item.data["key"]
        loading.each("enrolments", item.children("enrolments"), lambda child, key=key: _enrolment(loading, key, child))  # type: ignore[misc]


def load_package_awards(loading: Loading, items: Sequence[Item]) -> None:
    """Awards what the enrolments with `award: true` bring; once, however often it is loaded."""
    for item in items:
        for child in item.children("enrolments"):
            if child.data["award"]:
                _award(loading, item.data["key"], child)


def load_users(loading: Loading, items: Sequence[Item]) -> None:
    """The incubator's people, partners' viewers and auditors, without passwords."""
    loading.each("users", items, lambda item: _user(loading, item))


def _startup(loading: Loading, item: Item) -> Outcome:
    data = item.data
    startup = db.session.scalar(select(Startup).where(Startup.key == data["key"]))
    with item.placed():
        if startup is None:
            operations.create_startup(
                loading.caller, key=data["key"], name=data["name"], language=data.get("language", "en")
            )
            return "new"
        language = data.get("language", startup.language)
        if (startup.name, startup.language) == (data["name"].strip(), language):
            return "same"
        operations.edit_startup(loading.caller, data["key"], name=data["name"], language=language)
        return "changed"


def _member(loading: Loading, startup: str, item: Item) -> Outcome:
    data = item.data
    email, name, role = data["email"].strip().lower(), data["name"].strip(), data["role"]
    person = operations.person_of(email)
    there = None
    if person is not None:
        there = db.session.scalar(
            select(Membership)
            .join(Startup, Startup.id == Membership.startup_id)
            .where(Startup.key == startup, Membership.person_id == person.id)
        )
    with item.placed():
        if person is not None and there is not None and (there.role, person.name) == (role, name):
            return "same"
        operations.add_membership(loading.caller, startup=startup, email=email, name=name, role=role)
        if person is not None and person.name != name:
            operations.edit_person(
                loading.caller, email, name=name, role=person.role, language=person.language,
                programme_ids=_programmes_of(person), partner_id=person.partner_id,
            )
        return "new" if there is None else "changed"


def _enrolment(loading: Loading, startup: str, item: Item) -> Outcome:
    data = item.data
    with item.placed():
        cohort = by_key(Cohort, "cohort", data["cohort"])
        there = _enrolment_of(startup, cohort.id)
        # without a day the file means the intake's first, so that the same file always means the same
        enrolled_on = data["enrolled_on"] or cohort.starts
        if there is None:
            enrol(
                loading.caller, startup=startup, cohort=cohort.key, package=data["package"], status=data["status"],
                on=enrolled_on,
            )
            return "new"
        if enrolled_on != there.enrolled_on:
            raise item.differs("enrolled_on", there.enrolled_on)
        outcome: Outcome = "same"
        if data["package"] is not None and _package_key(there) != data["package"]:
            enrol(
                loading.caller, startup=startup, cohort=cohort.key, package=data["package"], status=there.status,
                on=enrolled_on,
            )
            outcome = "changed"
        if there.status != data["status"]:
            change_status(loading.caller, startup=startup, cohort=cohort.key, status=data["status"])
            outcome = "changed"
        return outcome


def _enrolment_of(startup: str, cohort_id: int) -> Enrolment | None:
    return db.session.scalar(
        select(Enrolment)
        .join(Startup, Startup.id == Enrolment.startup_id)
        .where(Startup.key == startup, Enrolment.cohort_id == cohort_id)
    )


def _package_key(enrolment: Enrolment) -> str | None:
    return db.session.scalar(select(Package.key).where(Package.id == enrolment.package_id))


def _award(loading: Loading, startup: str, item: Item) -> None:
    cohort = by_key(Cohort, "cohort", item.data["cohort"])
    enrolment = _enrolment_of(startup, cohort.id)
    if enrolment is None:
        raise AssertionError("the enrolment was loaded before what it brings")
    awarded = db.session.scalar(select(Grant.id).where(Grant.enrolment_id == enrolment.id).limit(1)) is not None
    try:
        grants = award_package(loading.caller, startup=startup, cohort=cohort.key)
    except Conflict as error:
        raise item.refused(error.field if error.field in item.data else "award", str(error)) from error
    except RuleBroken as error:
        raise item.refused("award", f"{error.field}: {error}") from error
    loading.report.count("grants", "same" if awarded else "new", len(grants))


def _user(loading: Loading, item: Item) -> Outcome:
    data = item.data
    with item.placed():
        programme_ids = _programme_ids(item)
        partner_id = by_key(Partner, "partner", data["partner"]).id if data["partner"] is not None else None
        if partner_id is not None and data["role"] != "partner":
            raise item.refused("partner", "only a user of the role partner has one")
        person = operations.person_of(data["email"])
        if person is None:
            operations.add_person(
                loading.caller, email=data["email"], name=data["name"], role=data["role"],
                language=data.get("language"), time_zone=data["time_zone"] or None, programme_ids=programme_ids,
                partner_id=partner_id,
            )
            return "new"
        language = data.get("language", person.language)
        stated = (data["name"].strip(), data["role"], language, programme_ids, partner_id)
        is_same = (person.name, person.role, person.language, _programmes_of(person), person.partner_id) == stated
        if is_same and data["time_zone"] in ("", person.time_zone):
            return "same"
        operations.edit_person(
            loading.caller, data["email"], name=data["name"], role=data["role"], language=language,
            time_zone=data["time_zone"], programme_ids=programme_ids, partner_id=partner_id,
        )
        return "changed"


def _programme_ids(item: Item) -> set[int] | None:
    keys = item.data["programmes"]
    if keys is None:
        return None
    if item.data["role"] != "manager":
        raise item.refused("programmes", "only a user of the role manager is limited to programmes")
    ids = set()
    for number, key in enumerate(keys):
        try:
            ids.add(by_key(Programme, "programme", key).id)
        except NotFound as error:
            raise item.refused(f"programmes[{number}]", f"there is no programme {key}") from error
    return ids


def _programmes_of(person: Person) -> Collection[int] | None:
    if not person.limited_to_programmes:
        return None
    return set(
        db.session.scalars(select(ManagerProgramme.programme_id).where(ManagerProgramme.person_id == person.id))
    )
