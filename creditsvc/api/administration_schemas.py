"""The shapes of jobs and mails in the API."""

from marshmallow import Schema, fields, validate

from creditsvc.api.schemas import AnswerSchema, PagingSchema, instant_field, next_page, text_field
from creditsvc.mail.tending import CHOICES


class JobRunSchema(AnswerSchema):
    """One run of a job."""

    job = text_field(required=True)
    day = text_field("the business day", required=True)
    began = instant_field(required=True)
    state = text_field("done, running or failed", required=True)
    seconds = fields.Integer(required=True, allow_none=True)
    attempts = fields.Integer(required=True)
    last_error = text_field(required=True, allow_none=True)


class JobSchema(AnswerSchema):
    """A job."""

    job = text_field("nightly or delivery", required=True)
    next_run = instant_field("null: within the minute, as long as a scheduler runs", required=True, allow_none=True)
    asked_at = instant_field("when somebody asked for it and no scheduler has taken it", required=True, allow_none=True)
    is_done = fields.Boolean(required=True, metadata={"description": "whether tonight's run has succeeded"})
    waiting = fields.Integer(required=True, metadata={"description": "of delivery: how many mails wait"})
    last_sent = instant_field("of delivery", required=True, allow_none=True)
    last = fields.Nested(JobRunSchema, required=True, allow_none=True)


class JobListSchema(AnswerSchema):
    """The jobs, and the newest runs of those that keep one."""

    items = fields.List(fields.Nested(JobSchema), required=True)
    runs = fields.List(fields.Nested(JobRunSchema), required=True)


class MailStateSchema(AnswerSchema):
    """Where a mail stands."""

    id = fields.Integer(required=True)
    state = text_field("queued, sending, sent, failed or uncertain", required=True)
    tries = fields.Integer(required=True)
    next_try_at = instant_field(required=True, allow_none=True)
    sent_at = instant_field(required=True, allow_none=True)
    dismissed_at = instant_field(required=True, allow_none=True)


class MailSchema(MailStateSchema):
    """What became of a mail; neither its text nor a link in it."""

    kind = text_field(required=True)
    to = text_field("null for who may not see addresses", required=True, allow_none=True)
    subject = text_field(required=True)
    queued_at = instant_field(required=True)
    last_error = text_field(required=True, allow_none=True)
    message_id = text_field(required=True)


class MailListSchema(AnswerSchema):
    """A page of mails."""

    items = fields.List(fields.Nested(MailSchema), required=True)
    next = next_page()


class MailQuerySchema(PagingSchema):
    """Which mails."""

    show = text_field(
        "those that a page shows together: what waits, failed, is in doubt, was sent, was given up",
        validate=validate.OneOf(tuple(CHOICES)),
    )


class MailReasonSchema(Schema):
    """Why a mail is sent again or given up."""

    reason = fields.String(required=True, validate=validate.Length(1, 500))
