"""The shapes of the API's queries and answers. Input shapes of a room stand in that room, shared with the pages."""

from typing import Any

from marshmallow import INCLUDE, Schema, fields, validate

LONGEST_PAGE = 200
LONGEST_CURSOR = 400
"""Two keys, a mail address, or an instant with a scope's provider and id."""


def amount_field(description: str = "", **kwargs: Any) -> fields.String:
    """A decimal string in the unit of its resource."""
    metadata = {"pattern": r"^-?\d+(\.\d+)?$", "example": "25000.5", "description": description}
    return fields.String(metadata=metadata, **kwargs)


def amounts_field(description: str = "", **kwargs: Any) -> fields.Dict:
    """Decimal strings by currency or unit."""
    return fields.Dict(
        keys=fields.String(), values=amount_field(), metadata={"description": description}, **kwargs
    )


def instant_field(description: str = "", **kwargs: Any) -> fields.String:
    """RFC 3339 in UTC."""
    return fields.String(
        metadata={"format": "date-time", "example": "2026-06-15T04:00:00Z", "description": description}, **kwargs
    )


def day_field(description: str = "", **kwargs: Any) -> fields.String:
    """A calendar day."""
    return fields.String(
        metadata={"format": "date", "example": "2026-03-01", "description": description}, **kwargs
    )


def text_field(description: str = "", **kwargs: Any) -> fields.String:
    """A text with its meaning."""
    return fields.String(metadata={"description": description} if description else {}, **kwargs)


def next_page() -> fields.String:
    """The cursor of a list."""
    return text_field("the `after` of the next page; null on the last", allow_none=True)


class AnswerSchema(Schema):
    """The base of answers: fields may be added to them (a client must not mind)."""

    class Meta:
        """marshmallow's options."""

        unknown = INCLUDE


class PagingSchema(Schema):
    """Which page of a list."""

    limit = fields.Integer(
        load_default=50, validate=validate.Range(1, LONGEST_PAGE), metadata={"description": "how many, at most"}
    )
    after = text_field("the `next` of the page before", validate=validate.Length(1, LONGEST_CURSOR))


class ReportedSchema(AnswerSchema):
    """What the provider's portal showed, with our estimate of the same instant."""

    startup = text_field(required=True)
    resource = text_field(required=True)
    unit = text_field(required=True)
    amount = amount_field("left, as the portal showed it", required=True)
    estimate = amount_field("what remained by our book at that instant, as it is known now", required=True)
    gap = amount_field("amount less estimate", required=True)
    seen_at = instant_field("when the portal showed it", required=True)
    entered_at = instant_field(required=True)
    entered_by = text_field(required=True)


class ReportedListSchema(AnswerSchema):
    """A page of the figures of a startup's credits."""

    items = fields.List(fields.Nested(ReportedSchema), required=True)
    next = next_page()


class NothingSchema(Schema):
    """No fields: the address says all."""


class StatementQuerySchema(Schema):
    """Which days a statement is about, both included."""

    first = day_field("the first day; default: from the beginning", data_key="from")
    last = day_field("the last day; default: today", data_key="to")


class ProblemFaultSchema(AnswerSchema):
    """One fault of many."""

    field = text_field("where in the request")
    message = text_field()
    file = text_field()
    line = fields.Integer(metadata={"description": "counts from 1, the header included; 0 where no line applies"})
    place = fields.String(metadata={"description": "what `line` counts: line, or row in Parquet, which has no lines"})
    column = text_field()
    value = text_field()


class ProblemSchema(AnswerSchema):
    """Problem JSON (RFC 9457)."""

    type = text_field("a heading of /api/v1/docs; about:blank when the status says it all", required=True)
    title = text_field(required=True)
    status = fields.Integer(required=True)
    detail = text_field("a sentence for people", required=True)
    field = text_field("the field whose rule is broken")
    code = text_field("stable, for programs")
    errors = fields.List(fields.Nested(ProblemFaultSchema))
    more_errors = fields.Integer(metadata={"description": "how many faults are not listed"})
    run = fields.Integer(metadata={"description": "the import run that keeps a refused file"})


class GrantBalanceSchema(AnswerSchema):
    """A grant and what became of it, as of the instant asked for."""

    key = text_field(required=True)
    pool = text_field(required=True)
    amount = amount_field(required=True)
    effective_at = instant_field(required=True)
    expires_at = instant_field(required=True, allow_none=True)
    voided_at = instant_field(required=True, allow_none=True)
    drawn = amount_field(required=True)
    held = amount_field(required=True)
    expired = amount_field(required=True)
    voided = amount_field(required=True)
    not_yet = amount_field(required=True)
    remaining = amount_field(required=True)


class ConversionSchema(AnswerSchema):
    """Usage billed in another currency, and what the rate of its charge day makes of it."""

    currency = text_field(required=True)
    amount = amount_field("as it was billed", required=True)
    rate = text_field("what one of that currency is worth in the account's unit", required=True)
    rate_day = day_field("the charge day from which the rate holds", required=True)
    source = text_field("where the rate is from", required=True)
    converted = amount_field("in the account's unit", required=True)


class OpeningSchema(AnswerSchema):
    """What remained when the statement begins."""

    remaining = amount_field(required=True)


class PeriodSchema(AnswerSchema):
    """The sums of the statement's days."""

    drawn = amount_field(required=True)
    uncovered = amount_field(required=True)


class ClosingSchema(AnswerSchema):
    """The account when the statement ends."""

    granted = amount_field(required=True)
    drawn = amount_field(required=True)
    held = amount_field(required=True)
    expired = amount_field(required=True)
    voided = amount_field(required=True)
    not_yet = amount_field(required=True)
    remaining = amount_field(required=True)
    available = amount_field(required=True)
    uncovered = amount_field(required=True)
    uncredited_refund = amount_field(required=True)


class PaidFromSchema(AnswerSchema):
    """What one grant paid of it."""

    grant = text_field(required=True)
    amount = amount_field(required=True)


class EntrySchema(AnswerSchema):
    """One thing that happened to an account."""

    at = instant_field(required=True)
    day = day_field("the day it stands under", required=True)
    kind = text_field(required=True)
    grant = text_field(required=True, allow_none=True)
    amount = amount_field(required=True)
    change = amount_field("how it changed what remained", required=True)
    remaining = amount_field("what remained after it", required=True)
    paid_from = fields.List(fields.Nested(PaidFromSchema), required=True)
    uncovered = amount_field(required=True)
    uncredited_refund = amount_field(required=True)
    text = text_field("a sentence for people", required=True)
    reason = text_field(required=True)
    cause = text_field(required=True, allow_none=True)
    ref = text_field("what caused it, such as run:12", required=True, allow_none=True)
    by = text_field(required=True, allow_none=True)
    batch = fields.Integer(required=True, allow_none=True)
    recorded_at = instant_field(required=True, allow_none=True)
    converted = fields.List(fields.Nested(ConversionSchema), required=True)


class AccountStatementSchema(AnswerSchema):
    """What happened to one account."""

    resource = text_field(required=True)
    unit = text_field(required=True)
    batch = fields.Integer(required=True)
    opening = fields.Nested(OpeningSchema, required=True)
    entries = fields.List(fields.Nested(EntrySchema), required=True)
    period = fields.Nested(PeriodSchema, required=True)
    closing = fields.Nested(ClosingSchema, required=True)


class StatementSchema(AnswerSchema):
    """What happened to a startup's holdings."""

    startup = text_field(required=True)
    name = text_field(required=True)
    first = day_field(required=True, allow_none=True, data_key="from")
    last = day_field(required=True, allow_none=True, data_key="to")
    opened_at = instant_field(required=True, allow_none=True)
    as_of = instant_field(required=True)
    known_at = instant_field(required=True)
    accounts = fields.List(fields.Nested(AccountStatementSchema), required=True)


class ActivationSchema(AnswerSchema):
    """When a grant's credit was redeemed with its provider, by which subscription, and who said so."""

    activated_at = instant_field("a day is its first midnight in the programme's calendar", required=True)
    subscription = text_field(required=True)
    reason = text_field(required=True)
    entered_at = instant_field(required=True)
    entered_by = text_field(required=True)


class ActivationListSchema(AnswerSchema):
    """A page of what was entered of a grant's activation, newest first."""

    items = fields.List(fields.Nested(ActivationSchema), required=True)
    next = next_page()


class GrantSchema(GrantBalanceSchema):
    """A grant: the award on paper, and what has become of it by now."""

    startup = text_field(required=True)
    resource = text_field(required=True)
    unit = text_field(required=True)
    priority = fields.Integer(required=True)
    promotional = fields.Boolean(required=True)
    series = text_field("of a monthly allowance: its key", required=True, allow_none=True)
    month = fields.Integer(required=True, metadata={"description": "of a monthly allowance: from 1; else 0"})
    reason = text_field(required=True)
    awarded_by = text_field(required=True)
    awarded_at = instant_field(required=True)
    activation = fields.Nested(
        ActivationSchema, required=True, allow_none=True, metadata={"description": "null: not activated yet"}
    )


class GrantQuerySchema(PagingSchema):
    """Which grants."""

    pool = text_field("those from this pool alone")


class GrantListSchema(AnswerSchema):
    """A page of grants."""

    items = fields.List(fields.Nested(GrantSchema), required=True)
    next = next_page()


class AwardedGrantsSchema(AnswerSchema):
    """The grants of a package."""

    items = fields.List(fields.Nested(GrantSchema), required=True)


class PoolSchema(AnswerSchema):
    """What a partner has committed of one resource."""

    key = text_field(required=True)
    partner = text_field(required=True)
    resource = text_field(required=True)
    unit = text_field(required=True)
    amount = amount_field(required=True)
    committed = amount_field("what is awarded of it", required=True)
    left = amount_field("what can still be awarded", required=True)
    used = amount_field("credit drawn, hours used, seats assigned", required=True)
    reserved = amount_field("hours that are held for sessions", required=True)
    startups = fields.Integer(required=True, metadata={"description": "how many have grants from it"})
    starts_at = instant_field(required=True)
    ends_at = instant_field(required=True, allow_none=True)


class PoolListSchema(AnswerSchema):
    """A page of pools."""

    items = fields.List(fields.Nested(PoolSchema), required=True)
    next = next_page()
