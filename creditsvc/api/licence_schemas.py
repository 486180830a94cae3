"""The shapes of products, keys of licences and publishers' counts in the API."""

from flask_smorest.fields import Upload
from marshmallow import Schema, fields, validate

from creditsvc.api.schemas import AnswerSchema, day_field, instant_field, next_page, text_field
from creditsvc.api.usage_schemas import dry_run_field
from creditsvc.licences.comparing import IDLE_DAYS, KINDS, MOST_IDLE_DAYS
from creditsvc.licences.key_files import LONGEST_KEY, SHORTEST_KEY

MOST_LISTED_KEYS = 2_000
"""More come as a file: a JSON body has its bound."""


def count_field(description: str = "", **more: object) -> fields.Integer:
    """A number of seats, keys or people."""
    return fields.Integer(required=True, metadata={"description": description} if description else {}, **more)  # type: ignore[arg-type]


class ProductSchema(AnswerSchema):
    """What a resource of seats is."""

    key = text_field(required=True)
    resource = text_field(required=True)
    resource_name = text_field(required=True)
    publisher = text_field(required=True)
    plan = text_field(required=True)
    seat_is = text_field("what one seat lets its holder do", required=True)
    delivery = text_field("invitation, key or portal", required=True)
    portal = text_field(required=True)
    sku = text_field("the publisher's own name of the plan", required=True, allow_none=True)


class ProductListSchema(AnswerSchema):
    """A page of products."""

    items = fields.List(fields.Nested(ProductSchema), required=True)
    next = next_page()


class KeyCountSchema(AnswerSchema):
    """How many keys a pool has; no key itself is ever told here."""

    pool = text_field(required=True)
    resource = text_field(required=True)
    free = count_field()
    handed = count_field("with a seat that is taken now or later")
    used = count_field("with a seat that has ended: never handed out again")


class KeyCountListSchema(AnswerSchema):
    """A page of pools that have keys."""

    items = fields.List(fields.Nested(KeyCountSchema), required=True)
    next = next_page()


class KeyImportSchema(AnswerSchema):
    """What an import of keys came to."""

    pool = text_field(required=True)
    keys = count_field("how many were imported")
    dry_run = fields.Boolean(required=True)


class KeyListBodySchema(Schema):
    """Keys of a pool of seats, all of them new."""

    pool = fields.String(required=True)
    keys = fields.List(
        fields.String(validate=validate.Length(SHORTEST_KEY, LONGEST_KEY)), required=True,
        validate=validate.Length(1, MOST_LISTED_KEYS),
    )
    dry_run = dry_run_field()


class KeyFileBodySchema(Schema):
    """Keys of a pool of seats as a CSV file with the column `key`."""

    pool = fields.String(required=True)
    file = Upload(required=True)
    dry_run = dry_run_field()


class CountReportSchema(AnswerSchema):
    """A file of counts that was imported."""

    id = fields.Integer(required=True)
    kind = text_field("subscribed-skus, licence-details or active-users", required=True)
    name = text_field(required=True)
    startup = text_field("whose tenant; null: the incubator's own", required=True, allow_none=True)
    person = text_field("of licence-details: whose", required=True, allow_none=True)
    counted_on = day_field(required=True)
    received_at = instant_field(required=True)
    received_from = text_field("who imported it", required=True)


class CountReportListSchema(AnswerSchema):
    """A page of reports, newest first."""

    items = fields.List(fields.Nested(CountReportSchema), required=True)
    next = next_page()


class CountOutcomeSchema(CountReportSchema):
    """What came of one file."""

    status = text_field("imported, or unchanged: the same counts of the same day are there", required=True)
    skus = count_field("plans in it")
    people = count_field("people in it")


class CountImportSchema(AnswerSchema):
    """What came of each file, in their order."""

    items = fields.List(fields.Nested(CountOutcomeSchema), required=True)


class CountBodySchema(Schema):
    """Files in which a publisher counts: subscribedSkus or licenseDetails (JSON), the active users report (CSV)."""

    files = fields.List(
        Upload(), required=True, validate=validate.Length(1, 20, error="Send 1 to 20 files of counts.")
    )
    startup = text_field("whose tenant they count; default: the incubator's own")
    counted_on = day_field("when, where the file does not say; default: today")
    person = text_field("whose licences they are, of licenseDetails: a mail address", validate=validate.Length(3, 254))


class ComparisonQuerySchema(Schema):
    """How to compare."""

    idle_days = fields.Integer(
        load_default=IDLE_DAYS, validate=validate.Range(1, MOST_IDLE_DAYS),
        metadata={"description": "after how many days without activity a seat counts as unused"},
    )


class ProductCountSchema(AnswerSchema):
    """A product in one tenant: seats assigned beside the publisher's figures, null where no report has any."""

    product = text_field(required=True)
    sku = text_field(required=True, allow_none=True)
    startup = text_field("whose tenant; null: the incubator's own", required=True, allow_none=True)
    assigned = count_field("by us")
    enabled = count_field(allow_none=True)
    suspended = count_field(allow_none=True)
    warning = count_field(allow_none=True)
    consumed = count_field(allow_none=True)
    status = text_field("the publisher's word", required=True, allow_none=True)
    counted_on = day_field(required=True, allow_none=True)
    people_counted_on = day_field(required=True, allow_none=True)


class FindingSchema(AnswerSchema):
    """One difference."""

    kind = text_field(" | ".join(KINDS), required=True)
    product = text_field(required=True)
    startup = text_field(required=True, allow_none=True)
    email = text_field(required=True, allow_none=True)
    seat = fields.Integer(required=True, allow_none=True)
    last_used_on = day_field(required=True, allow_none=True)
    unused_days = count_field("of a seat that is unused: for how many days, by the reports", allow_none=True)


class StrangerSchema(AnswerSchema):
    """A plan in a report that no product names."""

    startup = text_field(required=True, allow_none=True)
    sku = text_field(required=True)


class ComparisonSchema(AnswerSchema):
    """What publishers count beside what was assigned."""

    startup = text_field(required=True, allow_none=True)
    at = instant_field("as of when our seats are", required=True)
    idle_days = fields.Integer(required=True)
    counts = fields.List(fields.Nested(ProductCountSchema), required=True)
    findings = fields.List(fields.Nested(FindingSchema), required=True)
    strangers = fields.List(fields.Nested(StrangerSchema), required=True)
