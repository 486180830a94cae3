"""The shapes of what is typed about programmes, cohorts, packages, partners and pools; operations check the rules."""

from marshmallow import Schema, fields, validate

from creditsvc.core.sentences import Sentence
from creditsvc.parties.fields import Amount, Day, WholeNumber
from creditsvc.parties.schemas import KEY

MOST_LINES = 20
"""The most lines of a package."""

NAME = validate.Length(1, 200)
REASON = validate.Length(max=500, error=Sentence("A reason has at most 500 characters."))
SAID = [REASON, validate.Regexp(r"\s*\S", error=Sentence("Fill this in."))]


class PartnerShape(Schema):
    """A partner."""

    key = fields.String(required=True, validate=KEY)
    name = fields.String(required=True, validate=NAME)


class PartnerEditShape(Schema):
    """A partner's name, said anew."""

    name = fields.String(required=True, validate=NAME)


class ResourceShape(Schema):
    """Something countable that is granted."""

    key = fields.String(required=True, validate=KEY)
    name = fields.String(load_default=None, validate=NAME)
    kind = fields.String(required=True)
    unit = fields.String(load_default=None)
    provider = fields.String(load_default=None, validate=validate.Length(max=50))


class PoolShape(Schema):
    """What a partner commits of a resource for a period."""

    key = fields.String(required=True, validate=KEY)
    partner = fields.String(required=True)
    resource = fields.String(required=True)
    amount = Amount(required=True)
    starts = Day(required=True)
    ends = Day(load_default=None)
    reference = fields.String(load_default=None, validate=validate.Length(max=100))


class ReferenceShape(Schema):
    """How a partner names what it commits."""

    reference = fields.String(load_default="", validate=validate.Length(max=100))


class ReferenceEditShape(Schema):
    """How a partner names what it commits; empty for none."""

    reference = fields.String(required=True, validate=validate.Length(max=100))


class ProgrammeFormShape(Schema):
    """A programme's names, all of them."""

    name = fields.String(required=True, validate=NAME)
    name_zh_hant = fields.String(load_default="", validate=validate.Length(max=200))
    name_zh_hans = fields.String(load_default="", validate=validate.Length(max=200))


class ProgrammeEditShape(Schema):
    """Those of a programme's names that are said anew."""

    name = fields.String(validate=NAME)
    name_zh_hant = fields.String(validate=validate.Length(max=200))
    name_zh_hans = fields.String(validate=validate.Length(max=200))


class ProgrammeShape(ProgrammeFormShape):
    """A programme with the first version of its terms."""

    key = fields.String(required=True, validate=KEY)
    months = WholeNumber(required=True)
    partner = fields.String(load_default=None)
    timezone = fields.String(load_default="Asia/Hong_Kong")
    name_zh_hant = fields.String(load_default=None, validate=validate.Length(max=200))
    name_zh_hans = fields.String(load_default=None, validate=validate.Length(max=200))


class TermsShape(Schema):
    """A new version of a programme's terms."""

    months = WholeNumber(required=True)
    reason = fields.String(required=True, validate=SAID)
    version = WholeNumber(required=True)


class CohortFormShape(Schema):
    """What can be said anew of a cohort, all of it."""

    name = fields.String(required=True, validate=NAME)
    starts = Day(required=True)
    ends = Day(required=True)
    reason = fields.String(load_default="", validate=REASON)


class CohortEditShape(Schema):
    """What is said anew of a cohort, and why its days change."""

    name = fields.String(validate=NAME)
    starts = Day()
    ends = Day()
    reason = fields.String(load_default="", validate=REASON)


class CohortShape(Schema):
    """An intake of a programme."""

    key = fields.String(required=True, validate=KEY)
    name = fields.String(required=True, validate=NAME)
    starts = Day(required=True)
    ends = Day(required=True)


class LineShape(Schema):
    """One line of a package."""

    resource = fields.String(required=True)
    pool = fields.String(required=True)
    amount = Amount(required=True)
    months = WholeNumber(required=True)
    monthly = fields.Boolean(load_default=False)


class EnrolShape(Schema):
    """A startup that joins a cohort."""

    cohort = fields.String(required=True)
    package = fields.String(load_default=None)
    status = fields.String(load_default="applied", validate=validate.OneOf(("applied", "active")))
    on = Day(required=True)


class PackageShape(Schema):
    """A package, but for its lines."""

    key = fields.String(required=True, validate=KEY)


class PackageEditShape(Schema):
    """A new version of a package, but for its lines."""

    reason = fields.String(required=True, validate=SAID)
    version = WholeNumber(required=True)


class PackageLinesShape(PackageShape):
    """A package with its lines."""

    lines = fields.List(fields.Nested(LineShape), required=True, validate=validate.Length(1, MOST_LINES))


class PackageVersionShape(PackageEditShape):
    """A new version of a package, with its lines."""

    lines = fields.List(fields.Nested(LineShape), required=True, validate=validate.Length(1, MOST_LINES))
