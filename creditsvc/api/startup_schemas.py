"""The shapes of startups in the API."""

from marshmallow import fields, validate

from creditsvc.alerts.startup_conditions import CHOICES
from creditsvc.alerts.startup_list import KINDS
from creditsvc.api.schemas import (
    AnswerSchema,
    ConversionSchema,
    PagingSchema,
    PaidFromSchema,
    amount_field,
    amounts_field,
    day_field,
    instant_field,
    next_page,
    text_field,
)
from creditsvc.programmes.models import ENROLMENT_STATES


class StartupQuerySchema(PagingSchema):
    """Which startups."""

    q = text_field("those alone whose name or key has this in it", validate=validate.Length(1, 200))
    show = text_field(
        "those alone with something that expires within 60 days, hours that expire unbooked within 30, usage that no "
        "grant paid, all used up, stale cost data, seats that nobody uses or that do not fit the publisher's counts, "
        "people who wait for a seat, sessions that are disputed or over and not logged, or holdings that stand in a "
        "group of the worklist, snoozed or not",
        validate=validate.OneOf(CHOICES),
    )
    programme = text_field("those in this programme alone", validate=validate.Length(1))
    cohort = text_field("those enrolled in this cohort alone", validate=validate.Length(1))
    state = text_field("those with an enrolment in this state alone", validate=validate.OneOf(ENROLMENT_STATES))
    kind = text_field("those that hold something of this kind alone", validate=validate.OneOf(KINDS))
    resource = text_field("those that hold some of this resource alone", validate=validate.Length(1))
    least = amount_field("those alone of whose `resource` at least so much remains", validate=validate.Length(1))
    most = amount_field("those alone of whose `resource` at most so much remains", validate=validate.Length(1))


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


class UsageQuerySchema(PagingSchema):
    """Which charge days, both included."""

    first = day_field("the first charge day; default: from the beginning", data_key="from")
    last = day_field("the last charge day; default: today", data_key="to")
    resource = text_field("of which holding; default: the first of credit")


class ChargeKeyAmountSchema(AnswerSchema):
    """A part of a day's usage by what it was for."""

    key = text_field("service, meter and kind of charge, as the export has them", required=True)
    amount = amount_field(required=True)


class ScopeAmountSchema(AnswerSchema):
    """A part of a day's usage by the billing scope that it came from."""

    scope = text_field(required=True)
    amount = amount_field(required=True)


class UsageDaySchema(AnswerSchema):
    """A charge day (UTC) with usage, in the unit of its resource."""

    day = day_field(required=True)
    amount = amount_field("net, with what was converted, without what waits", required=True)
    paid_from = fields.List(fields.Nested(PaidFromSchema), required=True)
    uncovered = amount_field("what no grant paid", required=True)
    uncredited_refund = amount_field("refunds of what no grant had paid", required=True)
    charge_keys = fields.List(fields.Nested(ChargeKeyAmountSchema), required=True)
    scopes = fields.List(fields.Nested(ScopeAmountSchema), required=True)
    conversions = fields.List(fields.Nested(ConversionSchema), required=True)
    waiting = amounts_field("what waits for an exchange rate, by currency", required=True)


class UsageDayListSchema(AnswerSchema):
    """A page of charge days, newest first."""

    items = fields.List(fields.Nested(UsageDaySchema), required=True)
    next = next_page()


class HoldingSchema(AnswerSchema):
    """What a startup holds of one resource, whatever its kind."""

    kind = text_field("credit, hours or seats", required=True)
    resource = text_field(required=True)
    unit = text_field("a currency, hour or seat", required=True)
    granted = amount_field(required=True)
    used = amount_field("credit drawn, hours used, seats assigned", required=True)
    reserved = amount_field("held for what is booked", required=True)
    left = amount_field("what can be used now", required=True)
    until = instant_field("until when the last of what is left can be used; null: without an end", required=True,
                          allow_none=True)
    next = text_field("what happens next, in English", required=True)
    next_on = day_field("on which day", required=True, allow_none=True)
    waiting = fields.Integer(required=True, metadata={"description": "how many wait for a seat"})


class HoldingListSchema(AnswerSchema):
    """All that a startup holds."""

    items = fields.List(fields.Nested(HoldingSchema), required=True)
