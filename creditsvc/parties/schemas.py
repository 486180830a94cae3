"""The shapes of what is typed about startups and people; the operations check the rules."""

from marshmallow import Schema, fields, validate

from creditsvc.core.sentences import Sentence
from creditsvc.languages import LANGUAGES
from creditsvc.parties.models import MEMBER_ROLES, STAFF_ROLES

KEY = validate.Regexp(
    r"^[a-z0-9][a-z0-9-]*\Z",
    error=Sentence("Write small letters, digits and hyphens, beginning with a letter or digit."),
)
_NAME = validate.Length(min=1, max=200, error=Sentence("A name has 1 to 200 characters on one line."))
_EMAIL = validate.Length(min=3, max=254, error=Sentence("Write a mail address such as founder@example.com."))


class StartupShape(Schema):
    """A new startup."""

    key = fields.String(required=True, validate=[validate.Length(max=100), KEY])
    name = fields.String(required=True, validate=_NAME)
    language = fields.String(validate=validate.OneOf(LANGUAGES), load_default="en")


class StartupEditShape(Schema):
    """What of a startup can change."""

    name = fields.String(validate=_NAME)
    language = fields.String(validate=validate.OneOf(LANGUAGES))


class MemberShape(Schema):
    """Somebody who becomes one of a startup's people."""

    email = fields.String(required=True, validate=_EMAIL)
    name = fields.String(required=True, validate=_NAME)
    role = fields.String(validate=validate.OneOf(MEMBER_ROLES), load_default="member")


class InviteMemberShape(Schema):
    """Somebody who is invited to a startup; the startup's language unless one is said."""

    email = fields.String(required=True, validate=_EMAIL)
    role = fields.String(validate=validate.OneOf(MEMBER_ROLES), load_default="member")
    language = fields.String(validate=validate.OneOf(LANGUAGES))


class ReasonShape(Schema):
    """Why something is done."""

    reason = fields.String(required=True, validate=validate.Length(max=500))


class NothingShape(Schema):
    """A form with a button alone."""


class TokenShape(Schema):
    """A new token; its scopes are ticked one by one. `expires` is its last day."""

    name = fields.String(required=True, validate=validate.Length(max=100))
    expires = fields.String(load_default=None)


class PersonShape(Schema):
    """What an administrator says of a person. `partner` is a number; programmes are ticked one by one."""

    name = fields.String(required=True, validate=_NAME)
    role = fields.String(validate=validate.OneOf(STAFF_ROLES), load_default=None)
    language = fields.String(validate=validate.OneOf(LANGUAGES), load_default=None)
    partner = fields.Integer(load_default=None)
    limited = fields.Boolean(load_default=False)


class InviteStaffShape(Schema):
    """Somebody who is invited to a role in the incubator."""

    email = fields.String(required=True, validate=_EMAIL)
    role = fields.String(required=True, validate=validate.OneOf(STAFF_ROLES))
    language = fields.String(validate=validate.OneOf(LANGUAGES), load_default="en")
    partner = fields.Integer(load_default=None)
    consultant = fields.String(load_default=None)
    limited = fields.Boolean(load_default=False)


class AcceptShape(Schema):
    """How somebody who takes an invitation up is called, and a password."""

    name = fields.String(required=True, validate=_NAME)
    password = fields.String(required=True, validate=validate.Length(max=1000))


class EndMemberShape(Schema):
    """Somebody who is to belong to a startup no more."""

    email = fields.String(required=True, validate=_EMAIL)


class OwnSettingsShape(Schema):
    """How somebody reads; blank: as if never chosen."""

    language = fields.String(load_default="", validate=validate.Length(max=10))
    time_zone = fields.String(load_default="", validate=validate.Length(max=60))


class SignInShape(Schema):
    """An address and a password."""

    email = fields.String(required=True, validate=_EMAIL)
    password = fields.String(required=True, validate=validate.Length(max=1000))


class ForgotShape(Schema):
    """The address for which a new password is wanted."""

    email = fields.String(required=True, validate=_EMAIL)


class NewPasswordShape(Schema):
    """A new password."""

    password = fields.String(required=True, validate=validate.Length(max=1000))
