"""The shapes of proposed awards in the API."""

from marshmallow import fields, validate

from creditsvc.api.schemas import AnswerSchema, PagingSchema, amount_field, instant_field, next_page, text_field
from creditsvc.grants.proposals import STATES


class ProposalAskSchema(AnswerSchema):
    """One amount from one pool."""

    pool = text_field(required=True)
    amount = amount_field(required=True)
    months = fields.Integer(
        required=True, allow_none=True, metadata={"description": "where the amount comes anew each month: how often"}
    )


class ProposalSchema(AnswerSchema):
    """An award that needs a second person, and what became of it."""

    id = fields.Integer(required=True)
    startup = text_field(required=True)
    kind = text_field("grant, package, top-up or months", required=True)
    subject = text_field("of a new grant pool:..., else package:<cohort> or grant:<key>", required=True)
    asks = fields.List(fields.Nested(ProposalAskSchema), required=True)
    reason = text_field(required=True)
    state = text_field(required=True, validate=validate.OneOf(STATES))
    proposed_by = text_field(required=True)
    proposed_at = instant_field(required=True)
    decided_by = text_field(required=True, allow_none=True)
    decided_at = instant_field(required=True, allow_none=True)
    decision_reason = text_field(required=True)
    grants = fields.List(fields.String(), required=True, metadata={"description": "the grants that it became"})


class ProposalListSchema(AnswerSchema):
    """A page of proposed awards, newest first."""

    items = fields.List(fields.Nested(ProposalSchema), required=True)
    next = next_page()


class ProposalQuerySchema(PagingSchema):
    """Which proposed awards."""

    state = text_field("those in this state alone", validate=validate.OneOf(STATES))


class LimitedPoolSchema(AnswerSchema):
    """Above which amount an award from a pool needs a second person."""

    pool = text_field(required=True)
    amount = amount_field(required=True, allow_none=True)
