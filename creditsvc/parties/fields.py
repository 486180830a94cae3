"""The kinds of fields that shapes of several rooms have: days, instants, amounts, whole numbers, as they are typed."""

from datetime import date, datetime
from typing import Any

from marshmallow import ValidationError, fields

from creditsvc.core.days import check_moment, parse_day, parse_moment
from creditsvc.core.errors import RuleBroken
from creditsvc.core.sentences import Sentence


class Moment(fields.Field[date | datetime]):
    """A day, or an instant with its offset; a day or instant that a YAML file was read into is taken as it is."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date | datetime:
        try:
            if isinstance(value, date):
                return check_moment(value, attr or "day")
            if isinstance(value, str):
                return parse_moment(value, attr or "day")
        except RuleBroken as error:
            raise ValidationError(error.sentence) from error
        raise ValidationError(Sentence("Write a day such as 2026-03-01."))


class Day(fields.Field[date]):
    """A day, where an instant makes no sense."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        try:
            if isinstance(value, date) and not isinstance(value, datetime):
                value = value.isoformat()
            if isinstance(value, str):
                return parse_day(value, attr or "day")
        except RuleBroken as error:
            raise ValidationError(error.sentence) from error
        raise ValidationError(Sentence("Write a day such as 2026-03-01."))


class Instant(fields.Field[datetime]):
    """An instant with its offset, where a day would not be exact enough."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        moment = Moment()._deserialize(value, attr, data)
        if not isinstance(moment, datetime):
            raise ValidationError(Sentence("Write an instant with its offset, such as 2026-03-01T09:00:00+08:00."))
        return moment


class Amount(fields.String):
    """A decimal string; what it means in its unit, and whether it may be, the operation says."""

    default_error_messages = {"invalid": Sentence('Write the amount as text, such as "25000.50".')}


class WholeNumber(fields.Integer):
    """A whole number, also as text; a fraction is refused rather than cut."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)
