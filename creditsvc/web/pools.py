"""Pools: what partners have committed, what became of it, and what is left to award."""

from collections.abc import Iterator, Sequence

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.core.days import day_of
from creditsvc.core.spreadsheets import XLSX, Cell
from creditsvc.statements.partners import pool_reports
from creditsvc.statements.pool_breakdown import Breakdown, breakdowns
from creditsvc.statements.pool_page import pool_page
from creditsvc.web import session
from creditsvc.web.charts import shares
from creditsvc.web.downloads import download
from creditsvc.web.paging import asked_before
from creditsvc.web.show import month_word, unit_word
from creditsvc.workbooks import amount_cell, book_of

pages = session.private_pages("pools", __name__)


@pages.get("/pools")
def listing() -> ResponseReturnValue:
    """The pools that the caller may see; a partner's viewer sees its own and nothing about startups."""
    return render_template("pools.html", reports=pool_reports(session.caller()))


@pages.get("/pools/report")
def report() -> ResponseReturnValue:
    """The pools by cohort and by month."""
    caller = session.caller()
    return render_template("pools_report.html", found=breakdowns(caller), now=caller.now, cohort_word=_cohort_word)


@pages.get("/pools/report.xlsx")
def report_book() -> ResponseReturnValue:
    """The same as a workbook, with every amount exact."""
    caller = session.caller()
    found = breakdowns(caller)
    sheets = [(_("By cohort"), _by_cohort(found)), (_("By month"), _by_month(found))]
    return download(book_of(sheets, caller.now), XLSX, f"pools-{day_of(caller.now)}.xlsx")


def _cohort_word(cohort: str | None) -> str:
    if cohort is None:
        return str(_("outside of a cohort"))
    return cohort or str(_("of other programmes"))


def _by_cohort(found: list[Breakdown]) -> Iterator[Sequence[Cell]]:
    yield (_("Pool"), _("Unit"), _("Cohort"), _("Startups"), _("Awarded"), _("Activated grants"), _("Used"),
           _("Expired unused"))
    for one in found:
        unit = one.pool.unit
        for cohort, part in one.cohorts:
            yield (one.pool.key, unit_word(unit.name), _cohort_word(cohort), len(part.startups),
                   amount_cell(part.awarded, unit), part.activated, amount_cell(part.drawn, unit),
                   amount_cell(part.expired, unit))


def _by_month(found: list[Breakdown]) -> Iterator[Sequence[Cell]]:
    yield _("Pool"), _("Unit"), _("Month"), _("Awarded"), _("Used"), _("Expired unused")
    for one in found:
        unit = one.pool.unit
        for month, part in one.months:
            yield (one.pool.key, unit_word(unit.name), month_word(month), amount_cell(part.awarded, unit),
                   amount_cell(part.drawn, unit), amount_cell(part.expired, unit))


@pages.get("/pools/<pool>")
def one(pool: str) -> ResponseReturnValue:
    """A pool: what became of it, what expires soon, its grants."""
    caller = session.caller()
    before = asked_before()
    found = pool_page(caller, pool, before)
    parts = [(name, getattr(found, name)) for name in ("used", "reserved", "not_used")]
    parts.append(("left", found.pool.left))
    return render_template(
        "pool.html", found=found, bar=shares(parts, found.pool.amount), now=caller.now, before=before
    )
