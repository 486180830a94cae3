"""The shapes of what is typed about grants; the operations check the rules."""

from marshmallow import Schema, fields, validate

from creditsvc.core.sentences import Sentence
from creditsvc.parties.fields import Amount, Instant, Moment, WholeNumber
from creditsvc.parties.schemas import KEY

REASON = validate.Length(max=500, error=Sentence("A reason has at most 500 characters."))


class ReasonShape(Schema):
    """Why, where nothing else is asked."""

    reason = fields.String(load_default="", validate=REASON)


class AwardShape(ReasonShape):
    """A grant to award; with `months` a grant for each of so many months."""

    startup = fields.String(required=True)
    pool = fields.String(required=True)
    amount = Amount(required=True)
    effective = Moment(required=True)
    expires = Moment(allow_none=True, load_default=None)
    months = WholeNumber(allow_none=True, load_default=None)
    priority = WholeNumber(load_default=0)
    promotional = fields.Boolean(load_default=False)
    key = fields.String(load_default=None, validate=[validate.Length(max=120), KEY])


class ExtendShape(ReasonShape):
    """A later end for a grant."""

    expires = Moment(required=True)


class MonthsShape(ReasonShape):
    """How many months a monthly allowance lasts in all."""

    months = WholeNumber(required=True)


class AmountShape(ReasonShape):
    """An amount to add to a grant, or to return to its pool."""

    amount = Amount(required=True)


class VoidShape(ReasonShape):
    """From when on a grant is void; from now on unless given."""

    at = Instant(load_default=None)


class ActivateShape(ReasonShape):
    """When a grant's credit was redeemed, and by which subscription."""

    on = Moment(required=True)
    subscription = fields.String(required=True, validate=validate.Length(1, 300))


class AskShape(Schema):
    """What a startup asks for: more of what a grant is of, a later end of it, or both."""

    grant = fields.String(required=True, validate=validate.Length(1, 120))
    amount = Amount(load_default=None, allow_none=True)
    expires = Moment(load_default=None, allow_none=True)
    why = fields.String(
        required=True,
        validate=validate.Length(1, 1000, error=Sentence("Say in at most 1,000 characters what it is for.")),
    )


class ApproveShape(ReasonShape):
    """What of a request is given; with nothing said what was asked for. With `pool` a new grant from that one."""

    amount = Amount(load_default=None, allow_none=True)
    expires = Moment(load_default=None, allow_none=True)
    pool = fields.String(load_default=None, allow_none=True)


class RefuseShape(Schema):
    """Why a request is refused."""

    reason = fields.String(
        required=True, validate=validate.Length(1, 500, error=Sentence("Say in at most 500 characters why not."))
    )


class LimitShape(Schema):
    """Above which amount an award from a pool needs a second person; left blank, none does."""

    amount = Amount(load_default=None)


class LimitEditShape(Schema):
    """The same over the API, where it must be said that there is to be none."""

    amount = Amount(required=True, allow_none=True)


class BulkAwardShape(ReasonShape):
    """The same for many startups: the package of a cohort, or an amount from a pool with its days."""

    cohort = fields.String(load_default="")
    pool = fields.String(load_default="")
    amount = Amount(load_default="")
    effective = Moment(load_default=None)
    expires = Moment(load_default=None)


class BulkExtendShape(ReasonShape):
    """A later end for what many startups hold of a resource."""

    resource = fields.String(required=True)
    expires = Moment(required=True)


class BulkMessageShape(Schema):
    """What is written to many startups."""

    kind = fields.String(load_default="own")
    subject = fields.String(load_default="")
    text = fields.String(load_default="")
    owners_only = fields.Boolean(load_default=False)
