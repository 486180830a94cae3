"""The shapes of what is typed about billing scopes; the operations check the rules, days with `core.days`."""

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
