"""The shapes of what is typed about billing scopes and exchange rates; the operations check the rules, days with
`core.days`."""

from marshmallow import Schema, fields, validate


class ScopeShape(Schema):
    """A scope by its provider and id."""

    provider = fields.String(required=True, validate=validate.Length(min=1, max=50))
    id = fields.String(required=True, validate=validate.Length(min=1, max=200))


class AssignScopeShape(ScopeShape):
    """From when, and perhaps until when, a scope belongs to a startup."""

    startup = fields.String(required=True)
    starts = fields.String(required=True)
    ends = fields.String(load_default=None)
    resource = fields.String(load_default=None)
    hand_over = fields.Boolean(load_default=False)


class EndScopeShape(ScopeShape):
    """The last day on which a scope belongs to its startup."""

    ends = fields.String(required=True)


class RatePairShape(Schema):
    """A pair of currencies and a charge day."""

    from_currency = fields.String(required=True, metadata={"description": "a currency code", "example": "HKD"})
    to_currency = fields.String(
        required=True, metadata={"description": "the currency of a credit resource", "example": "USD"}
    )
    day = fields.String(
        required=True, metadata={"description": "the first charge day (UTC)", "format": "date", "example": "2026-06-01"}
    )


class RateShape(RatePairShape):
    """How much of the one currency one unit of the other is worth from a charge day on."""

    rate = fields.String(
        required=True, metadata={"description": "how much of `to_currency` one `from_currency` is", "example": "0.1282"}
    )
    source = fields.String(
        required=True, metadata={"description": "where the rate is from", "example": "HKMA, monthly statistics"}
    )


class WithdrawRateShape(RatePairShape):
    """The rate stated for a charge day, and why it is taken back."""

    reason = fields.String(required=True, metadata={"example": "typed the wrong way round"})
