"""The shapes of what is typed about bookings; the operations check the rules."""

from marshmallow import Schema, fields, validate

from creditsvc.consulting.bookings import LONGEST_NOTE, LONGEST_TOPIC
from creditsvc.consulting.sessions import MOST_MINUTES
from creditsvc.core.sentences import Sentence
from creditsvc.parties.fields import Day, Instant, WholeNumber

TOPIC = validate.Length(1, LONGEST_TOPIC, error=Sentence("Write a topic of at most 200 characters."))
NOTE = validate.Length(max=LONGEST_NOTE, error=Sentence("Write at most 2000 characters."))
WHY = validate.Length(1, 500, error=Sentence("Say why, in at most 500 characters."))


class ConfirmShape(Schema):
    """The minutes that whoever confirms has read, so that none are confirmed unseen."""

    minutes = WholeNumber(load_default=None, allow_none=True)


class MinutesShape(Schema):
    """How long a session was."""

    minutes = WholeNumber(required=True, validate=validate.Range(0, MOST_MINUTES))


class BookShape(Schema):
    """A session to book. `resource` is needed where the startup has hours of several kinds."""

    startup = fields.String(required=True)
    consultant = fields.String(required=True)
    topic = fields.String(required=True, validate=TOPIC)
    starts = Instant(required=True)
    minutes = WholeNumber(required=True, validate=validate.Range(1, MOST_MINUTES))
    resource = fields.String(load_default=None)


class LogUnbookedShape(BookShape):
    """A session that was not booked: when it began, and what it took."""

    note = fields.String(load_default="", validate=NOTE)


class UnbookedShape(Schema):
    """A session that was not booked: its day and its time as Hong Kong's clocks show it, and what it took."""

    startup = fields.String(required=True)
    consultant = fields.String(required=True)
    topic = fields.String(required=True, validate=TOPIC)
    day = Day(required=True)
    time = fields.Time(
        required=True, format="%H:%M", error_messages={"invalid": Sentence("Write a time such as 09:30.")}
    )
    minutes = WholeNumber(required=True, validate=validate.Range(1, MOST_MINUTES))
    note = fields.String(load_default="", validate=NOTE)
    resource = fields.String(load_default=None)


class MoveShape(Schema):
    """When a session is to be instead, and how long."""

    starts = Instant(required=True)
    minutes = WholeNumber(required=True, validate=validate.Range(1, MOST_MINUTES))


class CancelShape(Schema):
    """Why a session is called off."""

    reason = fields.String(load_default="", validate=validate.Length(max=500))


class LogShape(MinutesShape):
    """What a session took."""

    note = fields.String(load_default="", validate=NOTE)


class NoteShape(Schema):
    """What is noted of a session to which nobody came."""

    note = fields.String(load_default="", validate=NOTE)


class DisputeShape(Schema):
    """What is wrong with what was logged."""

    reason = fields.String(required=True, validate=validate.Length(1, LONGEST_NOTE))


class DecideShape(MinutesShape):
    """What counts in the end, and why."""

    reason = fields.String(required=True, validate=WHY)


class PolicyShape(Schema):
    """What a programme says of sessions."""

    confirm_days = WholeNumber(required=True)
    excess = fields.String(required=True)
    no_show_percent = WholeNumber(required=True)
    late_hours = WholeNumber(required=True)
    late_percent = WholeNumber(required=True)


class PolicyEditShape(Schema):
    """What of it is to be another; what is not sent stays."""

    confirm_days = WholeNumber()
    excess = fields.String()
    no_show_percent = WholeNumber()
    late_hours = WholeNumber()
    late_percent = WholeNumber()
