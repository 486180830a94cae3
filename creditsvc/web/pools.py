"""Pools: what partners have committed, and what of it is left to award."""

from flask import render_template
from flask.typing import ResponseReturnValue

from creditsvc.grants.reading import pools
from creditsvc.web import session

pages = session.private_pages("pools", __name__)


@pages.get("/pools")
def listing() -> ResponseReturnValue:
    """The pools that the caller may see; a partner's viewer sees its own and nothing about startups."""
    return render_template("pools.html", pools=pools(session.caller()))
