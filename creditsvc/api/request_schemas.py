"""The shapes of requests for more or for longer in the API."""

from marshmallow import fields, validate

from creditsvc.api.schemas import AnswerSchema, PagingSchema, amount_field, instant_field, next_page, text_field
from creditsvc.grants.requests import STATES


class RequestSchema(AnswerSchema):
    """What a startup asks for, and what became of it."""

    id = fields.Integer(required=True)
    startup = text_field(required=True)
    grant = text_field("the grant that it is about", required=True)
    resource = text_field(required=True)
    unit = text_field(required=True)
    amount = amount_field("how much more is asked for; null: none", required=True, allow_none=True)
    expires_at = instant_field("the end that is asked for; null: the end as it is", required=True, allow_none=True)
    why = text_field(required=True)
    state = text_field(required=True, validate=validate.OneOf(STATES))
    asked_at = instant_field(required=True)
    asked_by = text_field(required=True)
    decided_at = instant_field(required=True, allow_none=True)
    decided_by = text_field(required=True, allow_none=True)
    reason = text_field("what was said with the decision", required=True)
    given_amount = amount_field(required=True, allow_none=True)
    given_expires_at = instant_field(required=True, allow_none=True)
    given_grant = text_field("the grant that has it; another one where it was awarded anew", required=True,
                             allow_none=True)
    first_by = text_field("who said yes to more than the pool's limit; a second person has to as well", required=True,
                          allow_none=True)


class RequestListSchema(AnswerSchema):
    """A page of requests, newest first."""

    items = fields.List(fields.Nested(RequestSchema), required=True)
    next = next_page()


class RequestQuerySchema(PagingSchema):
    """Which requests."""

    startup = text_field("those of this startup alone")
    state = text_field("those in this state alone", validate=validate.OneOf(STATES))
