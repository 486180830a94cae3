"""The shapes of billing scopes and import runs in the API."""

from flask_smorest.fields import Upload
from marshmallow import Schema, fields, validate

from creditsvc.api.schemas import (
    AnswerSchema,
    PagingSchema,
    ProblemFaultSchema,
    amount_field,
    amounts_field,
    day_field,
    instant_field,
    next_page,
    text_field,
)
from creditsvc.usage.models import RUN_STATES
from creditsvc.usage.schemas import RateShape, WithdrawRateShape


def dry_run_field() -> fields.Boolean:
    """Whether to tell only what a write would do."""
    return fields.Boolean(load_default=False, metadata={"description": "tell what it would do, and do nothing"})


def confirm_field() -> fields.Boolean:
    """A manager's yes to what looks wrong (U5)."""
    return fields.Boolean(load_default=False, metadata={"description": "apply it although it is suspicious (U5)"})


class ScopeOfStartupSchema(AnswerSchema):
    """A billing scope in a time in which it belongs to a startup."""

    provider = text_field(required=True)
    id = text_field(required=True)
    startup = text_field(required=True)
    resource = text_field("the resource in which it settles", required=True)
    starts_at = instant_field(required=True)
    ends_at = instant_field(required=True, allow_none=True)
    newest_charge_day = day_field("the newest day for which there is data", required=True, allow_none=True)
    data_at = instant_field("when that data was submitted", required=True, allow_none=True)


class ScopesOfStartupSchema(AnswerSchema):
    """The billing scopes of a startup."""

    items = fields.List(fields.Nested(ScopeOfStartupSchema), required=True)
    next = next_page()


class UnassignedScopeSchema(AnswerSchema):
    """A billing scope whose usage waits, since it belongs to no startup on some days."""

    provider = text_field(required=True)
    id = text_field(required=True)
    first_day = day_field(required=True)
    last_day = day_field(required=True)
    amounts = amounts_field("by currency", required=True)


class UnassignedScopeListSchema(AnswerSchema):
    """A page of scopes that wait."""

    items = fields.List(fields.Nested(UnassignedScopeSchema), required=True)
    next = next_page()


class RateSchema(AnswerSchema):
    """A word on an exchange rate."""

    id = fields.Integer(required=True)
    from_currency = text_field(required=True)
    to_currency = text_field(required=True)
    day = day_field("the first charge day for which it holds", required=True)
    until = day_field("the first charge day for which it no longer holds", required=True, allow_none=True)
    rate = text_field("how much of `to_currency` one `from_currency` is; null: what stood is withdrawn", required=True,
                      allow_none=True)
    source = text_field("where it is from; of a withdrawal: why", required=True)
    stated_at = instant_field(required=True)
    stated_by = text_field(required=True)
    standing = fields.Boolean(required=True, metadata={"description": "whether no later word replaced it"})


class RateListSchema(AnswerSchema):
    """A page of rates."""

    items = fields.List(fields.Nested(RateSchema), required=True)
    next = next_page()


class RateEffectSchema(AnswerSchema):
    """What a word on a rate changed in one account; negative where less is drawn or uncovered than before."""

    startup = text_field(required=True)
    resource = text_field(required=True)
    unit = text_field(required=True)
    drawn = amount_field(required=True)
    uncovered = amount_field(required=True)
    uncredited_refund = amount_field(required=True)


class RateOutcomeSchema(RateSchema):
    """A word on a rate, and what it did."""

    id = fields.Integer(required=True, allow_none=True, metadata={"description": "null for a dry run"})
    changed = fields.Boolean(required=True, metadata={"description": "false when this stood already"})
    accounts = fields.Integer(required=True, metadata={"description": "how many accounts were posted"})
    effects = fields.List(fields.Nested(RateEffectSchema), required=True)
    dry_run = fields.Boolean(required=True)


class RateBodySchema(RateShape):
    """A rate to state."""

    dry_run = dry_run_field()


class WithdrawRateBodySchema(WithdrawRateShape):
    """A rate to take back."""

    dry_run = dry_run_field()


class EndedScopeSchema(AnswerSchema):
    """A scope that belongs to nobody from an instant on."""

    provider = text_field(required=True)
    id = text_field(required=True)
    ends_at = instant_field(required=True)


class LeftOutSchema(AnswerSchema):
    """Rows that do not count, with the reason (U2)."""

    reason = text_field(required=True)
    rows = fields.Integer(required=True)
    amounts = amounts_field("by currency", required=True)


class StaleScopeSchema(AnswerSchema):
    """Days of a scope that a newer run decides."""

    scope = text_field(required=True)
    days = fields.List(day_field(), required=True)


class WaitingSchema(AnswerSchema):
    """A part of the change that settles nowhere yet."""

    scope = text_field(required=True)
    currency = text_field(required=True)
    amount = amount_field(required=True)
    why = text_field(required=True)


class EffectSchema(AnswerSchema):
    """What the run changed in one account; negative where less is drawn or uncovered than before."""

    startup = text_field(required=True)
    resource = text_field(required=True)
    unit = text_field(required=True)
    drawn = amount_field(required=True)
    uncovered = amount_field(required=True)
    uncredited_refund = amount_field(required=True)


class RunHeadSchema(AnswerSchema):
    """An import run, as lists have it."""

    id = fields.Integer(required=True, allow_none=True, metadata={"description": "null for a dry run"})
    status = text_field("queued, applied, unchanged, stale, held, refused or discarded", required=True)
    name = text_field(required=True)
    schema = text_field("in which schema the files are", required=True)
    rows = fields.Integer(required=True)
    cover = fields.List(day_field(), required=True, metadata={"description": "first and last day, or nothing"})
    submitted_at = instant_field("what orders the runs", required=True)
    received_at = instant_field(required=True)
    received_from = text_field("who imported it", required=True)
    reversed_at = instant_field(required=True, allow_none=True)
    reversed_by = text_field(required=True, allow_none=True)


class RunSchema(RunHeadSchema):
    """An import run with its report; a run that is queued has none yet."""

    files = fields.List(fields.Dict())
    counted_rows = fields.Integer()
    left_out = fields.List(fields.Nested(LeftOutSchema))
    known_scopes = fields.Integer()
    unknown_scopes = fields.List(fields.String())
    stale = fields.List(fields.Nested(StaleScopeSchema))
    delta = amounts_field("the change in usage taken in, by currency")
    waiting = fields.List(fields.Nested(WaitingSchema))
    uncovered_delta = amounts_field("the change in usage that no grant pays, by unit")
    suspicions = fields.List(fields.String(), metadata={"description": "why a run is held"})
    missing_scopes = fields.List(fields.String())
    after_close = fields.List(fields.Dict())
    errors = fields.List(fields.Nested(ProblemFaultSchema))
    more_errors = fields.Integer()
    effects = fields.List(fields.Nested(EffectSchema))
    dry_run = fields.Boolean(required=True)


class RunQuerySchema(PagingSchema):
    """Which import runs."""

    status = text_field("those of this status alone", validate=validate.OneOf(RUN_STATES))


class RunListSchema(AnswerSchema):
    """A page of import runs, newest first."""

    items = fields.List(fields.Nested(RunHeadSchema), required=True)
    next = next_page()


class ReversalSchema(AnswerSchema):
    """What taking a run back changed."""

    id = fields.Integer(required=True)
    status = text_field(required=True)
    delta = amounts_field("the change in usage, by currency", required=True)
    uncovered_delta = amounts_field("the change in usage that no grant pays, by unit", required=True)


class ApplySchema(Schema):
    """How to apply the run."""

    dry_run = dry_run_field()
    confirm = confirm_field()


class UploadSchema(Schema):
    """One cost export: a file, or all files of a manifest with it."""

    files = fields.List(Upload(), required=True, validate=validate.Length(1, error="Send the files of one export."))
    dry_run = dry_run_field()
    confirm = confirm_field()
    submitted_at = text_field("when the data was made; default: what the manifest says, else now")
