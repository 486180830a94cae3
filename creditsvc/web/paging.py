"""Lists that go on: from which row an address asks for the older ones."""

from flask import request

from creditsvc.db import is_id


def asked_before() -> int | None:
    """The id before which an address asks for older rows; None without one, and for what is the id of no row."""
    before = request.args.get("before", type=int)
    return before if before is not None and is_id(before) else None
