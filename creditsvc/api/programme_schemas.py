"""The shapes of partners, programmes, cohorts and enrolments in the API."""

from marshmallow import fields, validate

from creditsvc.api.schemas import (
    AnswerSchema,
    PagingSchema,
    amount_field,
    day_field,
    next_page,
    text_field,
)
from creditsvc.programmes.models import ENROLMENT_STATES


class PartnerSchema(AnswerSchema):
    """Who gives."""

    key = text_field(required=True)
    name = text_field(required=True)


class PartnerListSchema(AnswerSchema):
    """A page of partners."""

    items = fields.List(fields.Nested(PartnerSchema), required=True)
    next = next_page()


class PackageLineSchema(AnswerSchema):
    """One line of a package."""

    resource = text_field(required=True)
    pool = text_field(required=True)
    unit = text_field("a currency, hour or seat", required=True)
    amount = amount_field(required=True)
    months = fields.Integer(required=True)
    monthly = fields.Boolean(
        required=True, metadata={"description": "the amount comes anew each month, and lapses with it"}
    )


class PackageSchema(AnswerSchema):
    """What an enrolment with it brings, as a whole or not at all; an enrolment keeps the version of its day."""

    key = text_field(required=True)
    version = fields.Integer(required=True)
    lines = fields.List(fields.Nested(PackageLineSchema), required=True)


class ProgrammeSchema(AnswerSchema):
    """A programme with the terms that stand now; an enrolment keeps those that stood when it was made."""

    key = text_field(required=True)
    name = text_field(required=True)
    name_zh_hant = text_field(required=True, allow_none=True)
    name_zh_hans = text_field(required=True, allow_none=True)
    partner = text_field(required=True, allow_none=True)
    timezone = text_field("in which its days are meant", required=True)
    months = fields.Integer(required=True)
    terms_version = fields.Integer(required=True)
    packages = fields.List(fields.Nested(PackageSchema), required=True)


class ProgrammeListSchema(AnswerSchema):
    """A page of programmes."""

    items = fields.List(fields.Nested(ProgrammeSchema), required=True)
    next = next_page()


class PolicySchema(AnswerSchema):
    """What holds of sessions with consultants."""

    programme = text_field(required=True)
    confirm_days = fields.Integer(
        required=True, metadata={"description": "within so many days noted minutes are disputed, or count"}
    )
    excess = text_field("minutes beyond those booked: draw or uncovered", required=True)
    no_show_percent = fields.Integer(required=True, metadata={"description": "of the minutes booked"})
    late_hours = fields.Integer(required=True, metadata={"description": "before the start"})
    late_percent = fields.Integer(required=True, metadata={"description": "of the minutes booked"})


class CohortSchema(AnswerSchema):
    """One intake of a programme."""

    key = text_field(required=True)
    name = text_field(required=True)
    programme = text_field(required=True)
    starts = day_field("its first day, in the programme's time zone", required=True)
    ends = day_field("its last day, which counts", required=True)
    months = fields.Integer(required=True, metadata={"description": "by the programme's terms that stand now"})


class CohortListSchema(AnswerSchema):
    """A page of cohorts."""

    items = fields.List(fields.Nested(CohortSchema), required=True)
    next = next_page()


class EnrolmentSchema(AnswerSchema):
    """A startup in a cohort."""

    startup = text_field(required=True)
    cohort = text_field(required=True)
    programme = text_field(required=True)
    package = text_field(required=True, allow_none=True)
    status = text_field("applied, active, graduated or withdrawn", required=True)
    enrolled_on = day_field(required=True)
    months = fields.Integer(required=True, metadata={"description": "by the terms that stood when it was made"})
    awarded = fields.Boolean(required=True, metadata={"description": "whether its package was awarded"})


class EnrolmentListSchema(AnswerSchema):
    """A page of enrolments."""

    items = fields.List(fields.Nested(EnrolmentSchema), required=True)
    next = next_page()


class ProgrammeQuerySchema(PagingSchema):
    """Which programmes."""

    partner = text_field("those of this partner alone")


class CohortQuerySchema(PagingSchema):
    """Which cohorts."""

    programme = text_field("those of this programme alone")


class EnrolmentsOfStartupQuerySchema(PagingSchema):
    """Which enrolments of a startup."""

    status = text_field("those of this status alone", validate=validate.OneOf(ENROLMENT_STATES))


class EnrolmentQuerySchema(EnrolmentsOfStartupQuerySchema):
    """Which enrolments."""

    startup = text_field("those of this startup alone")
    programme = text_field("those in this programme alone")
    cohort = text_field("those in this cohort alone")
