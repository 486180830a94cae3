"""The shapes of consultants, their free slots and bookings in the API."""

from marshmallow import fields, validate

from creditsvc.api.schemas import (
    AnswerSchema,
    PagingSchema,
    amount_field,
    instant_field,
    next_page,
    text_field,
)
from creditsvc.consulting.reading import STATES
from creditsvc.consulting.sessions import MOST_MINUTES
from creditsvc.parties.fields import Day, Instant, WholeNumber


class ConsultantSchema(AnswerSchema):
    """Somebody who gives hours."""

    key = text_field(required=True)
    name = text_field(required=True)
    timezone = text_field("in which their weekly hours are meant", required=True)
    languages = fields.List(text_field(), required=True)
    skills = fields.List(text_field(), required=True)
    slot_minutes = fields.Integer(required=True, metadata={"description": "sessions begin at multiples of it"})
    notice_hours = fields.Integer(required=True, metadata={"description": "nothing that begins sooner can be booked"})
    active = fields.Boolean(required=True)
    rate = amount_field("for an hour; null where you may not see it, or there is none", required=True, allow_none=True)
    currency = text_field(required=True, allow_none=True)


class ConsultantListSchema(AnswerSchema):
    """A page of consultants."""

    items = fields.List(fields.Nested(ConsultantSchema), required=True)
    next = next_page()


class SlotQuerySchema(PagingSchema):
    """Which free slots."""

    class Meta:
        """marshmallow's options."""

        exclude = ("limit", "after")

    first = Day(required=True, data_key="from", metadata={"description": "the first day, in Hong Kong"})
    last = Day(required=True, data_key="to", metadata={"description": "the last day, at most 62 days later"})
    minutes = WholeNumber(
        load_default=60, validate=validate.Range(1, MOST_MINUTES), metadata={"description": "the session's length"}
    )


class PeriodQuerySchema(PagingSchema):
    """Which days."""

    class Meta:
        """marshmallow's options."""

        exclude = ("limit", "after")

    first = Day(required=True, data_key="from", metadata={"description": "the first day, in Hong Kong"})
    last = Day(required=True, data_key="to", metadata={"description": "the last day, at most 400 days later"})


class TakenSchema(AnswerSchema):
    """Sessions of a consultant or a programme, added up, beside the minutes that are offered."""

    key = text_field(required=True)
    name = text_field(required=True)
    sessions = fields.Integer(required=True)
    booked_minutes = fields.Integer(required=True)
    waiting_minutes = fields.Integer(required=True, metadata={"description": "logged or disputed"})
    used_minutes = fields.Integer(required=True)
    offered_minutes = fields.Integer(required=True, metadata={"description": "of a programme: by all consultants"})
    share_percent = fields.Integer(
        required=True, allow_none=True,
        metadata={"description": "booked, waiting and used together, of those offered; null where none are"},
    )


class UtilisationSchema(AnswerSchema):
    """How much of the hours offered is taken."""

    since = instant_field(required=True, data_key="from")
    until = instant_field(required=True)
    offered_minutes = fields.Integer(required=True)
    consultants = fields.List(fields.Nested(TakenSchema), required=True)
    programmes = fields.List(fields.Nested(TakenSchema), required=True)


class SlotSchema(AnswerSchema):
    """A free slot."""

    starts_at = instant_field(required=True)
    ends_at = instant_field(required=True)


class SlotListSchema(AnswerSchema):
    """Free slots by their start."""

    items = fields.List(fields.Nested(SlotSchema), required=True)


class BookingQuerySchema(PagingSchema):
    """Which bookings."""

    startup = text_field("of the startup of this key")
    consultant = text_field("with the consultant of this key")
    state = fields.String(validate=validate.OneOf(STATES), metadata={"description": "in this state"})
    first = Instant(data_key="from", metadata={"description": "that start at this instant or later"})
    last = Instant(data_key="until", metadata={"description": "that start before this instant"})


class BookingSchema(AnswerSchema):
    """A session from its booking to its end."""

    uid = text_field("also that of its iCalendar event", required=True)
    startup = text_field(required=True)
    consultant = text_field(required=True)
    resource = text_field("from which hours it is paid", required=True)
    topic = text_field(required=True)
    starts_at = instant_field(required=True)
    ends_at = instant_field(required=True)
    minutes = fields.Integer(required=True, metadata={"description": "as booked"})
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    sequence = fields.Integer(required=True, metadata={"description": "how often it was moved or called off"})
    booked_at = instant_field(required=True)
    booked_by = text_field(required=True)
    logged_minutes = fields.Integer(required=True, allow_none=True)
    logged_at = instant_field(required=True, allow_none=True)
    note = text_field(required=True)
    dispute = text_field("what the startup says is wrong", required=True)
    settled_minutes = fields.Integer(
        required=True, allow_none=True, metadata={"description": "what it used of the startup's hours in the end"}
    )
    settled_at = instant_field(required=True, allow_none=True)


class BookingListSchema(AnswerSchema):
    """A page of bookings."""

    items = fields.List(fields.Nested(BookingSchema), required=True)
    next = next_page()
