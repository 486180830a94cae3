"""Pools: what partners have committed, what became of it, and what is left to award."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from creditsvc.statements.partners import pool_reports
from creditsvc.statements.pool_page import pool_page
from creditsvc.web import session
from creditsvc.web.charts import shares

pages = session.private_pages("pools", __name__)


@pages.get("/pools")
def listing() -> ResponseReturnValue:
    """The pools that the caller may see; a partner's viewer sees its own and nothing about startups."""
    return render_template("pools.html", reports=pool_reports(session.caller()))


@pages.get("/pools/<pool>")
def one(pool: str) -> ResponseReturnValue:
    """A pool: what became of it, what expires soon, its grants."""
    caller = session.caller()
    before = request.args.get("before", type=int)
    found = pool_page(caller, pool, before)
    parts = [(name, getattr(found, name)) for name in ("used", "reserved", "not_used")]
    parts.append(("left", found.pool.left))
    return render_template(
        "pool.html", found=found, bar=shares(parts, found.pool.amount), now=caller.now, before=before
    )
