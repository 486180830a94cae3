"""Loading billing scopes with the days in which they are a startup's (U8)."""

from collections.abc import Sequence

from sqlalchemy import select

from creditsvc.core.days import end_text, ends_at, starts_at
from creditsvc.core.scopes import scope_name
from creditsvc.db import db
from creditsvc.ledger.models import Resource
from creditsvc.onboarding.loading import Item, Loading, Outcome
from creditsvc.parties.models import Startup
from creditsvc.usage.reading import ScopeView, scopes_of
from creditsvc.usage.scopes import assign_scope, end_scope, is_assigned

_NAMES = {"starts": "from", "ends": "until", "startup": "id", "external_id": "id", "scope": "id"}
"""What the file calls the fields of the operation."""


def load_scopes(loading: Loading, items: Sequence[Item]) -> None:
    """Assigns the scopes of startups, in the order of their days, so that one that changes hands ends first."""
    owned = [(item.data["key"], child) for item in items for child in item.children("scopes")]
    owner = {(child.file, child.path): key for key, child in owned}
    ordered = sorted((child for _, child in owned), key=lambda child: starts_at(child.data["starts"]))
    loading.each("scopes", ordered, lambda child: _scope(loading, owner[child.file, child.path], child))


def _scope(loading: Loading, startup: str, item: Item) -> Outcome:
    data = item.data
    provider, external_id, starts, ends = data["provider"], data["id"], data["starts"], data["ends"]
    with item.placed(_NAMES):
        if is_assigned(provider, external_id, startup, starts, ends):
            _same_resource(item, startup)
            return "same"
        there = _standing(item, startup)
        if there is None:
            assign_scope(
                loading.caller, provider=provider, external_id=external_id, startup=startup,
                resource=data["resource"], starts=starts, ends=ends,
            )
            return "new"
        if there.ends is not None and ends_at(ends) != there.ends:
            raise item.differs("until", end_text(there.ends))
        end_scope(loading.caller, provider=provider, external_id=external_id, ends=ends)
        return "changed"


def _standing(item: Item, startup: str) -> ScopeView | None:
    """The scope as it is the startup's from that day on, whenever that ends."""
    pair = scope_name(item.data["provider"], item.data["id"])
    startup_id = db.session.execute(select(Startup.id).where(Startup.key == startup)).scalar_one()
    for view in scopes_of(startup_id):
        if (view.provider, view.external_id) == pair and view.starts == starts_at(item.data["starts"]):
            return view
    return None


def _same_resource(item: Item, startup: str) -> None:
    wanted = item.data["resource"]
    if wanted is None:
        return
    if db.session.scalar(select(Resource.id).where(Resource.key == wanted)) is None:
        raise item.refused("resource", f"there is no resource {wanted}")
    view = _standing(item, startup)
    if view is not None and view.resource != wanted:
        raise item.differs("resource", view.resource)
