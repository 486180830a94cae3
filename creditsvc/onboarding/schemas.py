"""The shape of the load file (CONTRACT: section 4). What it says is checked against the book by `load.py`."""

from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from creditsvc.core.errors import FileError
from creditsvc.grants.schemas import REASON
from creditsvc.languages import LANGUAGES
from creditsvc.licences.models import DELIVERIES
from creditsvc.onboarding.shapes import NAME, Flag, Key, Months, Shape, Text, TimeOfDay, WholeCount, many
from creditsvc.parties.fields import Amount, Day, Moment
from creditsvc.parties.models import MEMBER_ROLES, STAFF_ROLES
from creditsvc.programmes.models import ENROLMENT_STATES

DAYS_OF_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""As a file names them; the place in this list is the weekday's number."""


class PartnerItem(Shape):
    """Who gives."""

    key = Key(required=True)
    name = Text(required=True, validate=NAME)


class ResourceItem(Shape):
    """Something countable."""

    key = Key(required=True)
    kind = Text(required=True, validate=validate.OneOf(("credit", "hours", "seats")))
    unit = Text()
    provider = Text(validate=validate.Length(min=1, max=50))
    name = Text(validate=NAME)


class CohortItem(Shape):
    """An intake; `ends` is its last day."""

    key = Key(required=True)
    name = Text(validate=NAME)
    starts = Day(required=True)
    ends = Day(required=True)


class LineItem(Shape):
    """A line of a package."""

    resource = Text(required=True)
    pool = Text(required=True)
    amount = Amount(required=True)
    months = Months(required=True)
    monthly = Flag(load_default=False)


class PackageItem(Shape):
    """What an enrolment brings."""

    key = Key(required=True)
    lines = fields.List(fields.Nested(LineItem), required=True)


class ConsultingPolicyItem(Shape):
    """What a programme says of sessions with consultants."""

    confirm_days = WholeCount()
    excess = Text(validate=validate.OneOf(("draw", "uncovered")))
    no_show_percent = WholeCount()
    late_hours = WholeCount()
    late_percent = WholeCount()


class PoliciesItem(Shape):
    """What a programme says beside its terms."""

    consulting = fields.Nested(ConsultingPolicyItem, load_default=None, allow_none=True)


class ProgrammeItem(Shape):
    """An offer with its intakes, packages and policies."""

    key = Key(required=True)
    name = Text(required=True, validate=NAME)
    name_zh_hant = Text(validate=NAME)
    name_zh_hans = Text(validate=NAME)
    partner = Text()
    months = Months(required=True)
    timezone = Text()
    cohorts = many(CohortItem)
    packages = many(PackageItem)
    policies = fields.Nested(PoliciesItem, load_default=None, allow_none=True)


class PoolItem(Shape):
    """What a partner commits for a period."""

    key = Key(required=True)
    partner = Text(required=True)
    resource = Text(required=True)
    amount = Amount(required=True)
    starts = Moment(required=True)
    ends = Moment(load_default=None, allow_none=True)


class MemberItem(Shape):
    """One of a startup's people."""

    email = Text(required=True, validate=validate.Length(min=3, max=254))
    name = Text(required=True, validate=NAME)
    role = Text(validate=validate.OneOf(MEMBER_ROLES), load_default="member")


class ScopeItem(Shape):
    """A billing scope and the days in which it is the startup's; `until` is the last one."""

    provider = Text(required=True, validate=validate.Length(min=1, max=50))
    id = Text(required=True, validate=validate.Length(min=1, max=200))
    starts = Moment(required=True, data_key="from")
    ends = Moment(data_key="until", load_default=None, allow_none=True)
    resource = Text(load_default=None)


class EnrolmentItem(Shape):
    """A startup's place in a cohort, from the cohort's first day on unless `enrolled_on` says otherwise."""

    cohort = Text(required=True)
    package = Text(load_default=None)
    status = Text(validate=validate.OneOf(ENROLMENT_STATES), load_default="applied")
    enrolled_on = Day(load_default=None)
    award = Flag(load_default=False)


class StartupItem(Shape):
    """A company with its people, scopes and enrolments."""

    key = Key(required=True)
    name = Text(required=True, validate=NAME)
    language = Text(validate=validate.OneOf(LANGUAGES))
    members = many(MemberItem)
    scopes = many(ScopeItem)
    enrolments = many(EnrolmentItem)


class TopUpItem(Shape):
    """An amount added to a grant; `at` is when that was decided."""

    amount = Amount(required=True)
    at = Moment(load_default=None)
    reason = Text(load_default="", validate=REASON)


class ExtensionItem(Shape):
    """A later end of a grant; `at` is when that was decided."""

    expires = Moment(required=True)
    at = Moment(load_default=None)
    reason = Text(load_default="", validate=REASON)


class ActivationItem(Shape):
    """When a grant's credit was redeemed, and by which subscription."""

    on = Moment(required=True)
    subscription = Text(required=True, validate=validate.Length(min=1, max=300))


class GrantItem(Shape):
    """A grant with what has happened to it before go-live."""

    key = Key(120, required=True)
    startup = Text(required=True)
    pool = Text(required=True)
    amount = Amount(required=True)
    effective = Moment(required=True)
    expires = Moment(load_default=None, allow_none=True)
    priority = fields.Integer(strict=True, load_default=0)
    promotional = Flag(load_default=False)
    awarded = Moment(load_default=None)
    reason = Text(validate=REASON)
    opening_drawn = Amount(load_default=None)
    opening_at = Moment(load_default=None)
    voided_at = Moment(load_default=None)
    activated = fields.Nested(ActivationItem, load_default=None, allow_none=True)
    top_ups = many(TopUpItem)
    extensions = many(ExtensionItem)


class UserItem(Shape):
    """Somebody of the incubator, a partner or an auditor. They set their password by mail."""

    email = Text(required=True, validate=validate.Length(min=3, max=254))
    name = Text(required=True, validate=NAME)
    role = Text(required=True, validate=validate.OneOf(STAFF_ROLES))
    programmes = fields.List(Text(), load_default=None, allow_none=True)
    partner = Text(load_default=None)
    language = Text(validate=validate.OneOf(LANGUAGES))
    time_zone = Text(load_default="")


class RateItem(Shape):
    """An exchange rate from a charge day on."""

    from_currency = Text(required=True, data_key="from")
    to_currency = Text(required=True, data_key="to")
    day = Day(required=True)
    rate = Text(required=True)
    source = Text(required=True)


class ProductItem(Shape):
    """What a resource of seats is: whose software, in which plan, and how a seat reaches its holder."""

    key = Key(required=True)
    resource = Text(required=True)
    publisher = Text(required=True, validate=NAME)
    plan = Text(required=True, validate=NAME)
    seat_is = Text(required=True, validate=validate.Length(min=1, max=300))
    delivery = Text(required=True, validate=validate.OneOf(DELIVERIES))
    portal = Text(validate=validate.Length(max=300))
    sku = Text(validate=validate.Length(min=1, max=100))


class WeeklyHoursItem(Shape):
    """A stretch of every such weekday; one that ends no later than it begins ends on the next day."""

    day = Text(required=True, validate=validate.OneOf(DAYS_OF_WEEK))
    starts = TimeOfDay(required=True, data_key="from")
    ends = TimeOfDay(required=True, data_key="to")


class ExceptionItem(Shape):
    """A day that is not like its weekday."""

    day = Day(required=True)
    kind = Text(required=True, validate=validate.OneOf(("off", "extra")))
    starts = TimeOfDay(load_default=0, data_key="from")
    ends = TimeOfDay(load_default=24 * 60, data_key="to")
    reason = Text(load_default="", validate=validate.Length(max=300))


class ConsultantItem(Shape):
    """Somebody who gives hours, and when they can be booked."""

    key = Key(required=True)
    name = Text(required=True, validate=NAME)
    email = Text(validate=validate.Length(min=3, max=254))
    timezone = Text()
    languages = fields.List(Text(), allow_none=False)
    skills = fields.List(Text(), allow_none=False)
    rate = Amount(allow_none=True)
    currency = Text(allow_none=True)
    holidays = Text()
    slot_minutes = WholeCount()
    notice_hours = WholeCount()
    hours = fields.List(fields.Nested(WeeklyHoursItem), error_messages={"invalid": "Write a list here."})
    exceptions = many(ExceptionItem)


class SeatItem(Shape):
    """Who sits in a grant's seat; `until` is the last day, without it the seat lasts as long as the grant."""

    grant = Text(required=True)
    email = Text(required=True, validate=validate.Length(min=3, max=254))
    name = Text(required=True, validate=NAME)
    starts = Moment(required=True, data_key="from")
    ends = Moment(data_key="until", load_default=None, allow_none=True)


class LoadFile(Shape):
    """One file of a load."""

    partners = many(PartnerItem)
    resources = many(ResourceItem)
    programmes = many(ProgrammeItem)
    pools = many(PoolItem)
    startups = many(StartupItem)
    grants = many(GrantItem)
    rates = many(RateItem)
    users = many(UserItem)
    products = many(ProductItem)
    consultants = many(ConsultantItem)
    seats = many(SeatItem)


def shape_errors(name: str, document: Any, error: ValidationError) -> list[FileError]:
    """The faults of a file's shape with their paths (`grants[3].amount`) and values."""
    return [
        FileError(name, 0, path, value_text(value_at(document, keys)), message)
        for keys, path, message in _flat(error.messages, (), "")
    ]


def _flat(messages: Any, keys: tuple[Any, ...], path: str) -> Iterator[tuple[tuple[Any, ...], str, str]]:
    if isinstance(messages, Mapping):
        for key, below in messages.items():
            if key == "_schema":
                yield from _flat(below, keys, path)
            elif isinstance(key, int):
                yield from _flat(below, (*keys, key), f"{path}[{key}]")
            else:
                yield from _flat(below, (*keys, key), f"{path}.{key}" if path else str(key))
    elif isinstance(messages, list):
        for message in messages:
            yield keys, path, str(message)
    else:
        yield keys, path, str(messages)


def value_at(document: Any, keys: tuple[Any, ...]) -> Any:
    """What stands at a path of a document, None where nothing does."""
    for key in keys:
        try:
            document = document[key]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def value_text(value: Any) -> str:
    """A value as a refusal shows it: short, and nothing for what is a whole section."""
    return "" if value is None or isinstance(value, Mapping | list) else str(value)[:200]
