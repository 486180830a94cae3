"""What the shapes of the load file are made of: fields that guess nothing, mappings whose keys are known."""

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from creditsvc.parties.schemas import KEY

NAME = validate.Length(min=1, max=200, error="A name has 1 to 200 characters.")


class Text(fields.String):
    """Text; a number or a day that YAML made of it is refused rather than guessed back."""

    default_error_messages = {"invalid": "Write it as text, in quotes where it looks like a number."}


class Key(Text):
    """A short name that people choose."""

    def __init__(self, longest: int = 100, **more: Any) -> None:
        super().__init__(validate=[validate.Length(min=1, max=longest), KEY], **more)


class WholeCount(fields.Integer):
    """A whole number; the operation says which ones are right."""

    default_error_messages = {"invalid": "Write a whole number, such as 30."}

    def __init__(self, **more: Any) -> None:
        super().__init__(strict=True, **more)


class Months(fields.Integer):
    """A whole number of months."""

    default_error_messages = {"invalid": "Write a whole number of months, such as 12."}

    def __init__(self, **more: Any) -> None:
        super().__init__(strict=True, **more)


class TimeOfDay(fields.Field[int]):
    """A time of day as minutes since midnight, `24:00` at most; one that YAML read as a number is refused."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        found = re.fullmatch(r"(\d{2}):(\d{2})", value, re.ASCII) if isinstance(value, str) else None
        minutes = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else None
        if minutes is None or minutes > 24 * 60:
            raise ValidationError('Write a time of day as text, such as "09:30".')
        return minutes


class Flag(fields.Field[bool]):
    """true or false, and nothing that looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Write true or false.")
        return value


class Shape(Schema):
    """A mapping whose keys are known; a wrong one is answered with the right ones."""

    error_messages = {"type": "Write a mapping of keys and values here."}

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        known = sorted(field.data_key or name for name, field in self.fields.items())
        self.error_messages = {**self.error_messages, "unknown": f"Unknown here; known are {', '.join(known)}."}


def many(shape: type[Schema]) -> fields.List[Any]:
    """A list of mappings; absent or null is an empty one."""
    return fields.List(
        fields.Nested(shape), allow_none=True, load_default=list,
        error_messages={"invalid": "Write a list here."},
    )
