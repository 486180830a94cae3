"""The shapes of month-end reports in the API."""

from marshmallow import Schema, fields, validate

from creditsvc.api.schemas import AnswerSchema, instant_field, next_page, text_field

MOST_EDITION = 1_000_000


class MonthEndQuerySchema(Schema):
    """Which edition of a month."""

    edition = fields.Integer(
        validate=validate.Range(0, MOST_EDITION),
        metadata={"description": "the newest unless one is named; 0: a preview"},
    )


class ListedMonthSchema(AnswerSchema):
    """A month of a programme, with its newest edition if it was frozen."""

    month = text_field("such as 2026-05", required=True)
    is_over = fields.Boolean(required=True, metadata={"description": "it can be frozen from its end on"})
    edition = fields.Integer(required=True, allow_none=True)
    sha256 = text_field(required=True, allow_none=True)
    known_at = instant_field("as of which instant it was known", required=True, allow_none=True)
    frozen_by = text_field(required=True, allow_none=True)


class MonthEndListSchema(AnswerSchema):
    """A page of months."""

    items = fields.List(fields.Nested(ListedMonthSchema), required=True)
    next = next_page()


class EditionSchema(AnswerSchema):
    """A frozen edition; each stays as it was."""

    edition = fields.Integer(required=True)
    sha256 = text_field(required=True)
    known_at = instant_field(required=True)
    frozen_by = text_field(required=True)


class DifferenceSchema(AnswerSchema):
    """A figure that reads otherwise today than it was frozen, in the smallest step of its unit."""

    startup = text_field(required=True)
    resource = text_field(required=True)
    pool = text_field(required=True, allow_none=True)
    end = text_field("opening or closing", required=True)
    figure = text_field(required=True)
    frozen = fields.Integer(required=True)
    today = fields.Integer(required=True)


class MonthEndPageSchema(AnswerSchema):
    """A month: an edition as it was frozen, or a preview of the next (`edition` null)."""

    month = text_field(required=True)
    edition = fields.Integer(required=True, allow_none=True)
    frozen_by = text_field(required=True, allow_none=True)
    sha256 = text_field("of `text`, in ASCII", required=True)
    is_intact = fields.Boolean(required=True, metadata={"description": "whether `text` is still what was frozen"})
    text = text_field("the report's one text, as the JSON file of its page has it", required=True)
    report = fields.Dict(
        keys=fields.String(), required=True,
        metadata={"description": "`text` as JSON; amounts are integers, of which `units` says how many make one"},
    )
    editions = fields.List(
        fields.Nested(EditionSchema), required=True, metadata={"description": "the newest first"}
    )
    differs_today = fields.List(fields.Nested(DifferenceSchema), required=True)
