"""The shapes of the API's queries and answers. Input shapes of a room stand in that room, shared with the pages."""

from typing import Any

from marshmallow import Schema, fields, validate

LONGEST_PAGE = 200


def amount_field(**kwargs: Any) -> fields.String:
    """A decimal string in the unit of its resource."""
    return fields.String(metadata={"pattern": r"^-?\d+(\.\d+)?$", "example": "25000.5"}, **kwargs)


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


class PagingSchema(Schema):
    """Which page of a list."""

    limit = fields.Integer(
        load_default=50, validate=validate.Range(1, LONGEST_PAGE), metadata={"description": "how many, at most"}
    )
    after = text_field("the `next` of the page before", validate=validate.Length(1, 200))


class NothingSchema(Schema):
    """No fields: the address says all."""


class BalanceQuerySchema(Schema):
    """Of which moment a balance is asked, and as it was known when."""

    as_of = text_field("charge days up to this instant; a bare day means its end in Hong Kong; default: now")
    known_at = text_field("facts recorded by this instant; default: all that is known now")


class StatementQuerySchema(Schema):
    """Which days a statement is about, both included."""

    first = day_field("the first day; default: from the beginning", data_key="from")
    last = day_field("the last day; default: today", data_key="to")


class ProblemFaultSchema(Schema):
    """One fault of many."""

    field = text_field("where in the request")
    message = text_field()
    file = text_field()
    line = fields.Integer(metadata={"description": "counts from 1, the header included; 0 where no line applies"})
    column = text_field()
    value = text_field()


class ProblemSchema(Schema):
    """Problem JSON (RFC 9457)."""

    type = text_field("a heading of /api/v1/docs; about:blank when the status says it all", required=True)
    title = text_field(required=True)
    status = fields.Integer(required=True)
    detail = text_field("a sentence for people", required=True)
    field = text_field("the field whose rule is broken")
    code = text_field("stable, for programs")
    errors = fields.List(fields.Nested(ProblemFaultSchema))
    more_errors = fields.Integer(metadata={"description": "how many faults are not listed"})


class ScopeOfStartupSchema(Schema):
    """A billing scope in the time in which it belonged to a startup."""

    provider = text_field(required=True)
    id = text_field(required=True)
    resource = text_field(required=True)
    starts_at = instant_field(required=True)
    ends_at = instant_field(required=True, allow_none=True)
    newest_charge_day = day_field("the newest day for which there is data", required=True, allow_none=True)
    data_at = instant_field("when that data was submitted", required=True, allow_none=True)


class StartupSchema(Schema):
    """A startup."""

    key = text_field(required=True)
    name = text_field(required=True)
    language = text_field("the language of its mails", required=True)
    created_at = instant_field(required=True)


class StartupListSchema(Schema):
    """A page of startups."""

    items = fields.List(fields.Nested(StartupSchema), required=True)
    next = next_page()


class GrantBalanceSchema(Schema):
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


class AccountSchema(Schema):
    """A startup's holding of one resource."""

    resource = text_field(required=True)
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
    uncovered = amount_field(required=True)
    uncredited_refund = amount_field(required=True)
    newest_charge_day = day_field(required=True, allow_none=True)
    grants = fields.List(fields.Nested(GrantBalanceSchema), required=True)


class BalanceSchema(Schema):
    """Every account of a startup."""

    startup = text_field(required=True)
    as_of = instant_field(required=True)
    known_at = instant_field(required=True)
    accounts = fields.List(fields.Nested(AccountSchema), required=True)
