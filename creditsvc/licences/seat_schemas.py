"""The shapes of what is typed about seats; the operations check the rules."""

from marshmallow import Schema, fields, validate

from creditsvc.core.sentences import Sentence
from creditsvc.licences.bulk import MOST_PEOPLE, OTHERWISE
from creditsvc.parties.fields import Day, Moment, WholeNumber

_EMAIL = validate.Length(min=3, max=254, error=Sentence("Write a mail address such as founder@example.com."))
_NAME = validate.Length(min=1, max=200, error=Sentence("A name has 1 to 200 characters on one line."))


class OfWhatShape(Schema):
    """Of which seats: of a product, or of a grant of it."""

    product = fields.String(
        validate=validate.Length(1, 100), load_default=None, allow_none=True,
        metadata={"description": "its key; needed unless a grant is named"},
    )
    grant = fields.String(
        validate=validate.Length(1, 120), load_default=None, allow_none=True,
        metadata={"description": "default: the grant that lasts longest"},
    )


class WhenShape(OfWhatShape):
    """From when until when."""

    from_ = Moment(data_key="from", load_default=None, allow_none=True,
                   metadata={"description": "a first day or an instant; default: now"})
    until = Moment(load_default=None, allow_none=True,
                   metadata={"description": "a last day or an instant; default: as long as the grant lasts"})


class GivenShape(WhenShape):
    """From when until when, and with which key."""

    new_key = fields.Boolean(
        load_default=False,
        metadata={"description": "licence keys that nobody had, by managers; else those of the grant are handed on"},
    )


class AssignShape(GivenShape):
    """A seat for somebody."""

    email = fields.String(required=True, validate=_EMAIL)
    name = fields.String(required=True, validate=_NAME)
    note = fields.String(load_default="", validate=validate.Length(max=500))


class OneStartupAssignShape(AssignShape):
    """A seat for somebody of a startup."""

    startup = fields.String(required=True, validate=validate.Length(1, 100))


class PasteShape(GivenShape):
    """A pasted list of people."""

    people = fields.String(required=True, validate=validate.Length(1, 500_000))
    otherwise = fields.String(load_default="skip", validate=validate.OneOf(OTHERWISE))


class PersonShape(Schema):
    """Somebody in a list."""

    email = fields.String(required=True, validate=_EMAIL)
    name = fields.String(required=True, validate=_NAME)


class BulkShape(GivenShape):
    """Many people of a startup."""

    startup = fields.String(required=True, validate=validate.Length(1, 100))
    people = fields.List(fields.Nested(PersonShape), required=True, validate=validate.Length(1, MOST_PEOPLE))
    otherwise = fields.String(
        load_default="skip", validate=validate.OneOf(OTHERWISE),
        metadata={"description": "what becomes of those for whom no seat is free: left out, put on the waiting list, "
                  "or nobody is seated"},
    )


class ReleaseShape(Schema):
    """From when on a seat is free; from now on unless given."""

    at = Moment(load_default=None, allow_none=True)


class TransferShape(ReleaseShape):
    """Who has a seat from then on."""

    email = fields.String(required=True, validate=_EMAIL)
    name = fields.String(required=True, validate=_NAME)


class WishShape(OfWhatShape):
    """Somebody who is to wait for a seat."""

    startup = fields.String(required=True, validate=validate.Length(1, 100))
    email = fields.String(required=True, validate=_EMAIL)
    name = fields.String(required=True, validate=_NAME)


class PlaceShape(Schema):
    """A place in the line, counted from 1."""

    place = WholeNumber(required=True)


class FilterShape(OfWhatShape):
    """Which seats are to be released."""

    domain = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 254))
    unused_since = Day(load_default=None, allow_none=True)


class MoveShape(Schema):
    """People who move from a grant to its successor, where the old one ends unless an instant is given."""

    grant = fields.String(required=True, validate=validate.Length(1, 120))
    to = fields.String(required=True, validate=validate.Length(1, 120))
    at = Moment(load_default=None, allow_none=True)


class OneStartupMoveShape(MoveShape):
    """People of a startup who move: all who have not left by then, unless some are named."""

    startup = fields.String(required=True, validate=validate.Length(1, 100))
    emails = fields.List(
        fields.String(validate=_EMAIL), load_default=None, allow_none=True, validate=validate.Length(1, MOST_PEOPLE)
    )


class ReleaseMatchingShape(FilterShape):
    """Which seats of a startup are to be released; something must be said of them."""

    startup = fields.String(required=True, validate=validate.Length(1, 100))
    dry_run = fields.Boolean(load_default=False, metadata={"description": "say which ones, and release none"})
