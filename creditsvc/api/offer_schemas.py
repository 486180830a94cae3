"""The shapes of resources and of pools' references in the API."""

from marshmallow import fields

from creditsvc.api.schemas import AnswerSchema, next_page, text_field


class ResourceSchema(AnswerSchema):
    """Something countable that is granted."""

    key = text_field(required=True)
    name = text_field(required=True)
    kind = text_field("credit, hours or seats", required=True)
    unit = text_field("a currency, hour or seat", required=True)
    provider = text_field("whose cost a credit pays", required=True, allow_none=True)


class ResourceListSchema(AnswerSchema):
    """A page of resources."""

    items = fields.List(fields.Nested(ResourceSchema), required=True)
    next = next_page()


class ReferencedPoolSchema(AnswerSchema):
    """How a partner names what it commits with a pool."""

    pool = text_field(required=True)
    reference = text_field("such as the number of a contract; empty for none", required=True)
