"""The shape of the load file (CONTRACT: section 4). What it says is checked against the book by `load.py`."""

from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from creditsvc.core.errors import FileError
from creditsvc.grants.schemas import REASON, Amount, Day, Moment
from creditsvc.parties.models import MEMBER_ROLES, STAFF_ROLES
from creditsvc.parties.operations import LANGUAGES
from creditsvc.parties.schemas import KEY
from creditsvc.programmes.models import ENROLMENT_STATES

_NAME = validate.Length(min=1, max=200, error="A name has 1 to 200 characters.")


class Text(fields.String):
    """Text; a number or a day that YAML made of it is refused rather than guessed back."""

    default_error_messages = {"invalid": "Write it as text, in quotes where it looks like a number."}


class Key(Text):
    """A short name that people choose."""

    def __init__(self, longest: int = 100, **more: Any) -> None:
        super().__init__(validate=[validate.Length(min=1, max=longest), KEY], **more)


class Months(fields.Integer):
    """A whole number of months."""

    default_error_messages = {"invalid": "Write a whole number of months, such as 12."}

    def __init__(self, **more: Any) -> None:
        super().__init__(strict=True, **more)


class Flag(fields.Field[bool]):
    """true or false, and nothing that looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Write true or false.")
        return value


class _Shape(Schema):
    """A mapping whose keys are known; a wrong one is answered with the right ones."""

    error_messages = {"type": "Write a mapping of keys and values here."}

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        known = sorted(field.data_key or name for name, field in self.fields.items())
        self.error_messages = {**self.error_messages, "unknown": f"Unknown here; known are {', '.join(known)}."}


def _many(shape: type[Schema]) -> fields.List[Any]:
    return fields.List(
        fields.Nested(shape), allow_none=True, load_default=list,
        error_messages={"invalid": "Write a list here."},
    )


class PartnerItem(_Shape):
    """Who gives."""

    key = Key(required=True)
    name = Text(required=True, validate=_NAME)


class ResourceItem(_Shape):
    """Something countable."""

    key = Key(required=True)
    kind = Text(required=True, validate=validate.OneOf(("credit", "hours", "seats")))
    unit = Text()
    provider = Text(validate=validate.Length(min=1, max=50))
    name = Text(validate=_NAME)


class CohortItem(_Shape):
    """An intake; `ends` is its last day."""

    key = Key(required=True)
    name = Text(validate=_NAME)
    starts = Day(required=True)
    ends = Day(required=True)


class LineItem(_Shape):
    """A line of a package."""

    resource = Text(required=True)
    pool = Text(required=True)
    amount = Amount(required=True)
    months = Months(required=True)
    monthly = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class PackageItem(_Shape):
    """What an enrolment brings."""

    key = Key(required=True)
    lines = fields.List(fields.Nested(LineItem), required=True)


class ProgrammeItem(_Shape):
    """An offer with its intakes and packages."""

    key = Key(required=True)
    name = Text(required=True, validate=_NAME)
    name_zh_hant = Text(validate=_NAME)
    name_zh_hans = Text(validate=_NAME)
    partner = Text()
    months = Months(required=True)
    timezone = Text()
    cohorts = _many(CohortItem)
    packages = _many(PackageItem)


class PoolItem(_Shape):
    """What a partner commits for a period."""

    key = Key(required=True)
    partner = Text(required=True)
    resource = Text(required=True)
    amount = Amount(required=True)
    starts = Moment(required=True)
    ends = Moment(load_default=None, allow_none=True)


class MemberItem(_Shape):
    """One of a startup's people."""

    email = Text(required=True, validate=validate.Length(min=3, max=254))
    name = Text(required=True, validate=_NAME)
    role = Text(validate=validate.OneOf(MEMBER_ROLES), load_default="member")


class ScopeItem(_Shape):
    """A billing scope and the days in which it is the startup's; `until` is the last one."""

    provider = Text(required=True, validate=validate.Length(min=1, max=50))
    id = Text(required=True, validate=validate.Length(min=1, max=200))
    starts = Moment(required=True, data_key="from")
    ends = Moment(data_key="until", load_default=None, allow_none=True)
    resource = Text(load_default=None)


class EnrolmentItem(_Shape):
    """A startup's place in a cohort, from the cohort's first day on unless `enrolled_on` says otherwise."""

    cohort = Text(required=True)
    package = Text(load_default=None)
    status = Text(validate=validate.OneOf(ENROLMENT_STATES), load_default="applied")
    enrolled_on = Day(load_default=None)
    award = Flag(load_default=False)


class StartupItem(_Shape):
    """A company with its people, scopes and enrolments."""

    key = Key(required=True)
    name = Text(required=True, validate=_NAME)
    language = Text(validate=validate.OneOf(LANGUAGES))
    members = _many(MemberItem)
    scopes = _many(ScopeItem)
    enrolments = _many(EnrolmentItem)


class TopUpItem(_Shape):
    """An amount added to a grant; `at` is when that was decided."""

    amount = Amount(required=True)
    at = Moment(load_default=None)
    reason = Text(load_default="", validate=REASON)


class ExtensionItem(_Shape):
    """A later end of a grant; `at` is when that was decided."""

    expires = Moment(required=True)
    at = Moment(load_default=None)
    reason = Text(load_default="", validate=REASON)


class ActivationItem(_Shape):
    """When a grant's credit was redeemed, and by which subscription."""

    on = Moment(required=True)
    subscription = Text(required=True, validate=validate.Length(min=1, max=300))


class GrantItem(_Shape):
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
    top_ups = _many(TopUpItem)
    extensions = _many(ExtensionItem)


class UserItem(_Shape):
    """Somebody of the incubator, a partner or an auditor. They set their password by mail."""

    email = Text(required=True, validate=validate.Length(min=3, max=254))
    name = Text(required=True, validate=_NAME)
    role = Text(required=True, validate=validate.OneOf(STAFF_ROLES))
    programmes = fields.List(Text(), load_default=None, allow_none=True)
    partner = Text(load_default=None)
    language = Text(validate=validate.OneOf(LANGUAGES))


class RateItem(_Shape):
    """An exchange rate from a charge day on."""

    from_currency = Text(required=True, data_key="from")
    to_currency = Text(required=True, data_key="to")
    day = Day(required=True)
    rate = Text(required=True)
    source = Text(required=True)


class LoadFile(_Shape):
    """One file of a load."""

    partners = _many(PartnerItem)
    resources = _many(ResourceItem)
    programmes = _many(ProgrammeItem)
    pools = _many(PoolItem)
    startups = _many(StartupItem)
    grants = _many(GrantItem)
    rates = _many(RateItem)
    users = _many(UserItem)


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
