"""The shape of a balance: every account of a startup, with what is forecast of it."""

from marshmallow import Schema, fields

from creditsvc.api.schemas import (
    AnswerSchema,
    ConversionSchema,
    GrantBalanceSchema,
    amount_field,
    day_field,
    instant_field,
    text_field,
)


class BalanceQuerySchema(Schema):
    """Of which moment a balance is asked, and as it was known when."""

    as_of = text_field("charge days up to this instant; a bare day means its end in Hong Kong; default: now")
    known_at = text_field("facts recorded by this instant; default: all that is known now")
    forecast = fields.Boolean(
        load_default=False,
        metadata={"description": "whether to say what is forecast too (not as known at another instant)"},
    )
    conversions = fields.Boolean(
        load_default=False,
        metadata={"description": "whether to list by which rates usage in other currencies is converted (not as known "
                  "at another instant)"},
    )


class GrantForecastSchema(AnswerSchema):
    """A grant that will end with something left."""

    key = text_field(required=True)
    unused = amount_field(required=True)


class ForecastSchema(AnswerSchema):
    """What becomes of an account if usage goes on as in the trailing complete days; an estimate."""

    run_out = day_field(
        "the first charge day that cannot be paid whole; null: not before the last grant ends",
        required=True, allow_none=True,
    )
    run_out_early = day_field("the same if more is used than expected", required=True, allow_none=True)
    run_out_late = day_field("the same if less is used than expected", required=True, allow_none=True)
    unused = amount_field("what will expire unused in all", required=True)
    grants = fields.List(fields.Nested(GrantForecastSchema), required=True)
    per_day = amount_field("what is used in a usual day", required=True)
    complete_days = fields.Integer(
        required=True, metadata={"description": "from how many complete charge days this is told"}
    )
    last_complete_day = day_field("the last of them", required=True)
    bill_from = day_field("the day from which nothing pays any more", required=True, allow_none=True)
    first_bill = amount_field("30 days of usage from then on", required=True)


class SeatForecastSchema(AnswerSchema):
    """What becomes of seats if as many are given and released as in the trailing whole weeks; an estimate."""

    run_out = day_field(
        "the first day on which no seat is free; null: not before the last grant ends", required=True, allow_none=True
    )
    run_out_early = day_field("the same if more are taken than expected", required=True, allow_none=True)
    run_out_late = day_field("the same if fewer are taken than expected", required=True, allow_none=True)
    unused = amount_field("how many nobody will have when their grant ends", required=True)
    grants = fields.List(fields.Nested(GrantForecastSchema), required=True)
    given = amount_field("how many were given in these weeks", required=True)
    released = amount_field("how many were released in them", required=True)
    weeks = fields.Integer(required=True, metadata={"description": "from how many whole weeks this is told"})
    last_day = day_field("the last day of them", required=True)


class AccountSchema(AnswerSchema):
    """A startup's holding of one resource."""

    resource = text_field(required=True)
    kind = text_field("credit, hours or seats", required=True)
    unit = text_field("a currency, hour or seat", required=True)
    batch = fields.Integer(
        required=True, metadata={"description": "the account's batch number; the same number, the same facts"}
    )
    granted = amount_field(required=True)
    drawn = amount_field(required=True)
    held = amount_field(required=True)
    expired = amount_field(required=True)
    voided = amount_field(required=True)
    not_yet = amount_field(required=True)
    remaining = amount_field(required=True)
    available = amount_field(required=True)
    assigned = amount_field("of seats alone: how many somebody has")
    free = amount_field("of seats alone: how many nobody has")
    uncovered = amount_field(required=True)
    uncredited_refund = amount_field(required=True)
    newest_charge_day = day_field(required=True, allow_none=True)
    grants = fields.List(fields.Nested(GrantBalanceSchema), required=True)
    forecast = fields.Nested(
        ForecastSchema, required=True, allow_none=True,
        metadata={"description": "null with less than a week of complete days, with data that ended over two weeks "
                  "before, and for what was known at another time"},
    )
    seat_forecast = fields.Nested(
        SeatForecastSchema, required=True, allow_none=True,
        metadata={"description": "of seats alone; null with less than four whole weeks after the first in which a seat "
                  "was given or, if none was, could be, with grants that are all over, and for what was known at "
                  "another time"},
    )
    conversions = fields.List(
        fields.Nested(ConversionSchema), required=True, allow_none=True,
        metadata={"description": "usage billed in other currencies, by rate; null unless asked for"},
    )


class BalanceSchema(AnswerSchema):
    """Every account of a startup."""

    startup = text_field(required=True)
    as_of = instant_field(required=True)
    known_at = instant_field(required=True)
    accounts = fields.List(fields.Nested(AccountSchema), required=True)
