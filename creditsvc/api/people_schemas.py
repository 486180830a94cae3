"""The shapes of a startup's people and of tokens in the API."""

from marshmallow import fields

from creditsvc.api.schemas import AnswerSchema, PagingSchema, instant_field, next_page, text_field


class MemberSchema(AnswerSchema):
    """One of a startup's people."""

    email = text_field(required=True)
    name = text_field(required=True)
    role = text_field("owner or member", required=True)
    language = text_field("of pages and mails: en, zh_Hant, zh_Hans; null where none was chosen", allow_none=True)
    time_zone = text_field("of pages and mails, such as Asia/Hong_Kong; null where none was chosen", allow_none=True)


class MemberListSchema(AnswerSchema):
    """A page of a startup's people."""

    items = fields.List(fields.Nested(MemberSchema), required=True)
    next = next_page()


class InvitationSchema(AnswerSchema):
    """An invitation to a startup. Its link is in the mail alone."""

    id = fields.Integer(required=True)
    email = text_field(required=True)
    role = text_field("owner or member", required=True)
    sent_at = instant_field(required=True)
    expires_at = instant_field(required=True)


class InvitationListSchema(AnswerSchema):
    """A page of invitations that were neither taken up nor revoked."""

    items = fields.List(fields.Nested(InvitationSchema), required=True)
    next = next_page()


class TokenQuerySchema(PagingSchema):
    """Which tokens."""

    live = fields.Boolean(metadata={"description": "those alone that open something (true), or no longer do (false)"})


class TokenSchema(AnswerSchema):
    """A token by its name; what it says when sent was shown once, and only its hash is kept."""

    name = text_field(required=True)
    scopes = fields.List(text_field(), required=True)
    live = fields.Boolean(required=True, metadata={"description": "neither revoked nor expired"})
    created_at = instant_field(required=True)
    expires_at = instant_field(required=True, allow_none=True)
    last_used_at = instant_field("noted at most every five minutes", required=True, allow_none=True)
    revoked_at = instant_field(required=True, allow_none=True)


class TokenListSchema(AnswerSchema):
    """A page of tokens."""

    items = fields.List(fields.Nested(TokenSchema), required=True)
    next = next_page()
