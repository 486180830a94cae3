"""The shape of what is typed about balances and months; the operation checks the rules."""

from marshmallow import Schema, fields, validate

from creditsvc.parties.fields import Amount, Instant, WholeNumber


class ReportShape(Schema):
    """What the provider's portal showed as left."""

    amount = Amount(required=True, validate=validate.Length(1, 60))
    seen_at = Instant()
    resource = fields.String(validate=validate.Length(1, 100))


class FreezeShape(Schema):
    """The newest edition that whoever freezes a month knows of, 0 for none."""

    follows = WholeNumber(required=True, validate=validate.Range(min=0))
