"""The shapes of startups in the API."""

from marshmallow import fields, validate

from creditsvc.api.schemas import AnswerSchema, PagingSchema, instant_field, next_page, text_field
from creditsvc.ledger.listing import FILTERS


class StartupQuerySchema(PagingSchema):
    """Which startups."""

    q = text_field("those alone whose name or key has this in it", validate=validate.Length(1, 200))
    show = text_field(
        "those alone with credit that expires within 60 days, usage that no grant paid, all used up, stale cost data",
        validate=validate.OneOf(FILTERS),
    )
    programme = text_field("those in this programme alone")


class StartupSchema(AnswerSchema):
    """A startup."""

    key = text_field(required=True)
    name = text_field(required=True)
    language = text_field("the language of its mails", required=True)
    created_at = instant_field(required=True)


class StartupListSchema(AnswerSchema):
    """A page of startups."""

    items = fields.List(fields.Nested(StartupSchema), required=True)
    next = next_page()
