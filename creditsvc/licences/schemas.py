"""The shapes of what is typed about products; the operations check the rules."""

from typing import Any

from marshmallow import Schema, fields, validate

from creditsvc.licences.models import DELIVERIES
from creditsvc.parties.schemas import KEY


def _text(longest: int, description: str, **more: Any) -> fields.String:
    return fields.String(validate=validate.Length(max=longest), metadata={"description": description}, **more)


def _required(longest: int, description: str, **more: Any) -> fields.String:
    return fields.String(validate=validate.Length(1, longest), metadata={"description": description}, **more)


class ProductEditShape(Schema):
    """What of a product can change; what is not sent stays."""

    publisher = _required(200, "whose software it is")
    plan = _required(200, "the plan, as the publisher's reports name it for people")
    seat_is = _required(300, "what one seat lets its holder do")
    delivery = fields.String(
        validate=validate.OneOf(DELIVERIES), metadata={"description": "how a seat reaches its holder"}
    )
    portal = _text(300, "the web address at which seats are given and taken")
    sku = _text(100, "the publisher's own name of the plan, such as SPB; counts are compared by it", allow_none=True)


class ProductShape(Schema):
    """What a resource of seats is."""

    resource = fields.String(required=True, metadata={"description": "a resource of kind seats"})
    key = fields.String(
        validate=[validate.Length(max=100), KEY], metadata={"description": "default: the resource's key"}
    )
    publisher = _required(200, "whose software it is", required=True)
    plan = _required(200, "the plan, as the publisher's reports name it for people", required=True)
    seat_is = _required(300, "what one seat lets its holder do", required=True)
    delivery = fields.String(
        required=True, validate=validate.OneOf(DELIVERIES), metadata={"description": "how a seat reaches its holder"}
    )
    portal = _text(300, "the web address at which seats are given and taken", load_default="")
    sku = _text(
        100, "the publisher's own name of the plan, such as SPB; counts are compared by it", load_default=None,
        allow_none=True,
    )
