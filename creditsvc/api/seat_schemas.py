"""The shapes of seats and waiting lists in the API."""

from marshmallow import fields, validate

from creditsvc.api.schemas import AnswerSchema, PagingSchema, instant_field, next_page, text_field


class SeatQuerySchema(PagingSchema):
    """Which seats."""

    startup = text_field("its key", validate=validate.Length(1, 100))
    product = text_field("its key", validate=validate.Length(1, 100))
    at = text_field(
        "those that somebody has at this instant; a bare day means its end in Hong Kong; default: all, also those that "
        "are over", validate=validate.Length(1, 60),
    )


class SeatSchema(AnswerSchema):
    """Somebody's seat of a product."""

    id = fields.Integer(required=True)
    startup = text_field(required=True)
    product = text_field(required=True)
    grant = text_field(required=True)
    email = text_field(required=True)
    name = text_field(required=True)
    note = text_field(required=True)
    state = text_field("to-come, taken, over, or taken-back of one that ended before it began", required=True)
    from_at = instant_field(required=True)
    ends_at = instant_field("null: without an end", required=True, allow_none=True)
    ends_with_grant = fields.Boolean(required=True, metadata={"description": "nothing ends it sooner than its grant"})
    has_key = fields.Boolean(required=True, metadata={"description": "it has a licence key"})
    assigned_by = text_field(required=True)
    assigned_at = instant_field(required=True)
    transferred_from = fields.Integer(
        required=True, allow_none=True, metadata={"description": "the seat that ended when this one began"}
    )


class SeatListSchema(AnswerSchema):
    """A page of seats."""

    items = fields.List(fields.Nested(SeatSchema), required=True)
    next = next_page()


class OutcomeSchema(AnswerSchema):
    """What happened to one of the people of a list."""

    line = fields.Integer(required=True, metadata={"description": "the place in the list, from 1"})
    email = text_field(required=True)
    name = text_field(required=True)
    outcome = text_field("seated, waiting, or the code of the refusal", required=True)
    message = text_field("why, where there is no seat", required=True)
    seat_id = fields.Integer(required=True, allow_none=True)


class OutcomeListSchema(AnswerSchema):
    """What happened to each of the people, in their order."""

    items = fields.List(fields.Nested(OutcomeSchema), required=True)


class ManySeatsSchema(AnswerSchema):
    """Seats that one act made or ended."""

    items = fields.List(fields.Nested(SeatSchema), required=True)
    dry_run = fields.Boolean(required=True)


class WishQuerySchema(PagingSchema):
    """Whose waiting list."""

    startup = text_field("its key", validate=validate.Length(1, 100))
    product = text_field("its key", validate=validate.Length(1, 100))


class WishSchema(AnswerSchema):
    """Somebody who waits, or waited, for a seat."""

    id = fields.Integer(required=True)
    startup = text_field(required=True)
    product = text_field(required=True)
    email = text_field(required=True)
    name = text_field(required=True)
    state = text_field("waiting, seated or withdrawn", required=True)
    place = fields.Integer(required=True, metadata={"description": "in the line, from 1; 0 of who waits no more"})
    asked_at = instant_field(required=True)
    asked_by = text_field(required=True)
    settled_at = instant_field(required=True, allow_none=True)
    seat_id = fields.Integer(required=True, allow_none=True)


class WishListSchema(AnswerSchema):
    """A page of who waits, one line after another, each in its order."""

    items = fields.List(fields.Nested(WishSchema), required=True)
    next = next_page()
