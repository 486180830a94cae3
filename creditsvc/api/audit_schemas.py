"""The shapes of batches and the trail in the API."""

from marshmallow import fields, validate

from creditsvc.api.schemas import (
    AnswerSchema,
    PagingSchema,
    amount_field,
    instant_field,
    next_page,
    text_field,
)


class PostingSchema(AnswerSchema):
    """A row of a batch."""

    charge_at = instant_field(
        "00:00Z of the charge day; of a session, or of what was drawn before go-live, its instant", required=True
    )
    kind = text_field("drawn, held, uncovered or uncredited", required=True)
    grant = text_field("whose lot it is; null where no lot is", required=True, allow_none=True)
    amount = amount_field(required=True)


class BatchSchema(AnswerSchema):
    """What was written to one account of the book at once. `hash` seals it together with the one before it."""

    id = fields.Integer(required=True)
    startup = text_field(required=True)
    resource = text_field(required=True)
    unit = text_field(required=True)
    number = fields.Integer(required=True, metadata={"description": "in its account, from 1"})
    recorded_at = instant_field(required=True)
    cause = text_field(required=True)
    cause_ref = text_field(required=True)
    actor = text_field(required=True)
    previous_hash = text_field("empty for the first of its account", required=True)
    hash = text_field(required=True)
    postings = fields.List(fields.Nested(PostingSchema), metadata={"description": "where one batch is read"})


class BatchListSchema(AnswerSchema):
    """A page of batches."""

    items = fields.List(fields.Nested(BatchSchema), required=True)
    next = next_page()


class TrailEntrySchema(AnswerSchema):
    """What was done."""

    id = fields.Integer(required=True)
    at = instant_field(required=True)
    actor = text_field(required=True)
    address = text_field("from where; empty where that is not known", required=True)
    action = text_field(required=True)
    subject = text_field("such as startup:acme", required=True)
    before = fields.Raw(required=True, allow_none=True)
    after = fields.Raw(required=True, allow_none=True)


class TrailListSchema(AnswerSchema):
    """A page of the trail."""

    items = fields.List(fields.Nested(TrailEntrySchema), required=True)
    next = next_page()


class BatchQuerySchema(PagingSchema):
    """Which batches."""

    startup = text_field("those of this startup alone", validate=validate.Length(1, 100))
    cause = text_field("those of this cause alone", validate=validate.Length(1, 100))


class TrailQuerySchema(PagingSchema):
    """Which entries of the trail."""

    subject = text_field("how the subject begins, such as startup:acme", validate=validate.Length(1, 200))
    actor = text_field("those of this person alone", validate=validate.Length(1, 254))
    action = text_field("those of this action alone", validate=validate.Length(1, 60))
    since = instant_field("from this instant, or the beginning of this day, on")
    until = instant_field("before this instant, or the end of this day")
