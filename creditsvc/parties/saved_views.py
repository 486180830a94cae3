"""Lists that people keep: the filters of an address under a name of their own, seen by nobody else."""

from collections.abc import Callable, Sequence

from sqlalchemy import func, select

from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.db import db, is_id
from creditsvc.parties.access import Caller, require_person
from creditsvc.parties.models import SavedView
from creditsvc.parties.trail import record
from creditsvc.sets import insert_if_absent

LONGEST_NAME, LONGEST_QUERY = 100, 1000
MOST = 50


def saved_views(caller: Caller) -> Sequence[SavedView]:
    """The caller's own, by name."""
    mine = SavedView.person_id == require_person(caller, "view.save")
    return db.session.scalars(select(SavedView).where(mine).order_by(func.lower(SavedView.name))).all()


def save_view(caller: Caller, name: str, query: str) -> SavedView:
    """Keeps the filters of a list (`query`, as an address has them) under a name; the same again changes nothing.

    Raises RuleBroken at `name` ("missing", "too-long"), `query` ("too-long"), Conflict("name", "name-taken") for
    other filters under a name that there is, Conflict("name", "too-many") beyond 50.
    """
    person_id, kept = require_person(caller, "view.save"), _checked(name)
    if len(query) > LONGEST_QUERY:
        raise RuleBroken("query", "too-long", "these filters are too long to be kept: use shorter ones")
    if len(saved_views(caller)) >= MOST:
        raise Conflict("name", "too-many", "you have %(most)s views: delete one first", most=MOST)
    values = {"person_id": person_id, "name": kept, "query": query, "saved_at": caller.now}
    added = insert_if_absent(SavedView, values)
    view = db.session.execute(
        select(SavedView).where(SavedView.person_id == person_id, SavedView.name == kept)
    ).scalar_one()
    if not added and view.query != query:
        raise _taken(kept)
    if added:
        record(caller, "view.saved", f"view:{view.id}", after={"name": kept, "query": query})
    return view


def rename_view(
    caller: Caller, view_id: int, name: str, check: Callable[[SavedView], None] | None = None
) -> SavedView:
    """Gives one of the caller's views another name; `check` may refuse what stands, once locked.

    Raises NotFound("view"), and at `name` as `save_view`.
    """
    view, kept = _mine(caller, view_id), _checked(name)
    if check is not None:
        check(view)
    if kept == view.name:
        return view
    if any(other.name == kept for other in saved_views(caller)):
        raise _taken(kept)
    before, view.name = view.name, kept
    db.session.flush()
    record(caller, "view.renamed", f"view:{view.id}", before={"name": before}, after={"name": kept})
    return view


def delete_view(caller: Caller, view_id: int) -> None:
    """Forgets one of the caller's views. Raises NotFound("view")."""
    view = _mine(caller, view_id)
    record(caller, "view.deleted", f"view:{view.id}", before={"name": view.name, "query": view.query})
    db.session.delete(view)
    db.session.flush()


def _mine(caller: Caller, view_id: int) -> SavedView:
    view = db.session.get(SavedView, view_id, with_for_update=True) if is_id(view_id) else None
    if view is None or view.person_id != require_person(caller, "view.save"):
        raise NotFound("view", str(view_id))
    return view


def _checked(name: str) -> str:
    kept = " ".join(name.split())
    if not kept:
        raise RuleBroken("name", "missing", "give the view a name")
    if len(kept) > LONGEST_NAME or not kept.isprintable():
        raise RuleBroken("name", "too-long", "a name has at most %(most)s printable characters", most=LONGEST_NAME)
    return kept


def _taken(name: str) -> Conflict:
    return Conflict("name", "name-taken", "you have a view called %(name)s already: choose another name", name=name)
