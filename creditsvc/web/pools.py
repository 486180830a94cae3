"""Pools: what partners have committed, what became of it, and what is left to award."""

from flask import render_template
from flask.typing import ResponseReturnValue

from creditsvc.statements.partners import pool_reports
from creditsvc.web import session

pages = session.private_pages("pools", __name__)


@pages.get("/pools")
def listing() -> ResponseReturnValue:
    """The pools that the caller may see; a partner's viewer sees its own and nothing about startups."""
    return render_template("pools.html", reports=pool_reports(session.caller()))
