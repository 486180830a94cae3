"""The shapes of alerts and of the night in the API."""

from marshmallow import Schema, fields, validate

from creditsvc.alerts.operations import MAX_SNOOZE_DAYS, SNOOZE_DAYS
from creditsvc.api.schemas import AnswerSchema, PagingSchema, day_field, instant_field, next_page, text_field
from creditsvc.core.due_alerts import ALL_RULES
from creditsvc.parties.fields import WholeNumber


class AlertHeadSchema(AnswerSchema):
    """One thing to be told."""

    key = text_field("startup or subject, holding, rule, threshold and episode", required=True)
    startup = text_field("null: it is of the incubator's own", required=True, allow_none=True)
    subject = text_field("of what kind the incubator's own is: pool; of a startup's alert absent")
    resource = text_field(required=True)
    resource_name = text_field(required=True)
    holding = text_field("the account, the grant or the pool that it is about", required=True)
    rule = text_field(required=True)
    threshold = fields.Integer(required=True, metadata={"description": "in the rule's own measure: days or percent"})
    message = text_field("a sentence for people", required=True)
    severity = text_field(required=True)


class AlertSchema(AlertHeadSchema):
    """An alert that a night decided."""

    id = fields.Integer(required=True)
    decided_on = day_field("the business day of the night that decided it", required=True)
    closed_on = day_field("when the matter had passed, or a further threshold took its place", required=True,
                          allow_none=True)
    taken_back_on = day_field("when a restatement was found to have taken back what it says", required=True,
                              allow_none=True)


class AlertListSchema(AnswerSchema):
    """A page of alerts, newest first."""

    items = fields.List(fields.Nested(AlertSchema), required=True)
    next = next_page()


class ToldAlertSchema(AlertSchema):
    """An alert that you were told of."""

    told_on = day_field("the business day of the mail", required=True)
    acknowledged_at = instant_field("when you said that you have seen it", required=True, allow_none=True)
    snoozed_until = day_field("the first day with mail about the matter again", required=True, allow_none=True)
    corrected_on = day_field("the business day of the mail that corrected it", required=True, allow_none=True)


class ToldAlertListSchema(AnswerSchema):
    """A page of alerts that you were told of, newest first."""

    items = fields.List(fields.Nested(ToldAlertSchema), required=True)
    next = next_page()


class AlertsOfStartupQuerySchema(PagingSchema):
    """Which alerts of a startup."""

    rule = text_field("those of this rule alone", validate=validate.OneOf(tuple(ALL_RULES)))
    open = fields.Boolean(metadata={"description": "those alone that stand (true), or have passed (false)"})


class AlertQuerySchema(AlertsOfStartupQuerySchema):
    """Which alerts."""

    startup = text_field("those of this startup alone")
    programme = text_field("those of startups in this programme alone")


class SnoozeSchema(Schema):
    """For how long no mail about the matter is wanted."""

    days = WholeNumber(load_default=SNOOZE_DAYS, validate=validate.Range(1, MAX_SNOOZE_DAYS))


class MailCountsSchema(AnswerSchema):
    """How many mails."""

    queued = fields.Integer(required=True)
    sent = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    uncertain = fields.Integer(required=True)


class TonightSchema(AnswerSchema):
    """What the night would say if it ran now; nothing of it is kept or sent."""

    day = day_field("the business day it would be the night of", required=True)
    status = text_field(required=True)
    kept = fields.Boolean(required=True)
    as_of = instant_field(required=True)
    alerts = fields.List(fields.Nested(AlertHeadSchema), required=True)
    own_alerts = fields.List(fields.Nested(AlertHeadSchema), required=True, metadata={
        "description": "of what is the incubator's own, such as a pool of which little is left; for who looks after "
                       "all programmes",
    })
    mails = fields.Nested(MailCountsSchema, required=True)
    last_success_at = instant_field("when a night last succeeded; null: never", required=True, allow_none=True)
    is_late = fields.Boolean(required=True, metadata={"description": "whether no night has succeeded for 26 hours"})
