"""A programme's month-end reports: the months, one month as a page and as files, and freezing it."""

from collections.abc import Iterator, Mapping, Sequence

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from creditsvc.core.days import instant_text
from creditsvc.core.errors import NotFound
from creditsvc.core.spreadsheets import XLSX, Cell
from creditsvc.parties.access import may
from creditsvc.statements.month_end import WITHOUT_POOL, Line
from creditsvc.statements.month_freezing import MonthPage, freeze_month, listed_months, month_page, programme_for
from creditsvc.statements.schemas import FreezeShape
from creditsvc.web import session
from creditsvc.web.downloads import download
from creditsvc.web.forms import Form, posted, submit
from creditsvc.web.pdf import pdf
from creditsvc.web.reader import language
from creditsvc.web.show import unit_word
from creditsvc.workbooks import amount_cell, book_of

pages = session.private_pages("month_ends", __name__)

WORDS: Mapping[str, str] = {
    "awarded": lazy_gettext("Awarded"), "drawn": lazy_gettext("Drawn"), "held": lazy_gettext("Held"),
    "expired": lazy_gettext("Expired"), "voided": lazy_gettext("Voided"), "returned": lazy_gettext("Returned"),
    "not_yet": lazy_gettext("Not effective yet"), "remaining": lazy_gettext("Remaining"),
    "uncovered": lazy_gettext("Uncovered"),
}


@pages.get("/month-ends")
def listing() -> ResponseReturnValue:
    """The months of each programme, with what was frozen."""
    return render_template("month_ends.html", found=listed_months(session.caller()))


@pages.route("/programmes/<key>/month-ends/<month>", methods=["GET", "POST"])
def one(key: str, month: str) -> ResponseReturnValue:
    """A month: its newest edition, the one that `edition` names, or the preview of the next (`edition=0`)."""
    caller = session.caller()
    form = posted({"follows": _("Newest edition")})
    if request.method == "POST":
        programme_for(caller, "month.freeze", key)
        done = submit(form, FreezeShape(), lambda values: freeze_month(caller, key, month, **values).edition)
        if done is not None:
            flash(_("Edition %(edition)s is frozen.", edition=done), "success")
            return redirect(url_for("month_ends.one", key=key, month=month, edition=done), 303)
    return _shown(month_page(caller, key, month, request.args.get("edition", type=int)), form), form.status


def _shown(page: MonthPage, form: Form) -> str:
    caller = session.caller()
    return render_template(
        "month_end.html", page=page, report=page.report, form=form, words=WORDS,
        without_pool=WITHOUT_POOL, may_freeze=page.can_freeze and may(caller, "month.freeze"),
    )


@pages.get("/programmes/<key>/month-ends/<month>.<kind>")
def export(key: str, month: str, kind: str) -> ResponseReturnValue:
    """The same as a file: `pdf`, `xlsx`, or `json`, which is the text that the SHA-256 proves."""
    page = month_page(session.caller(), key, month, request.args.get("edition", type=int))
    edition = "preview" if page.report.edition is None else f"edition-{page.report.edition}"
    name = f"month-end-{page.report.programme}-{page.report.name}-{edition}.{kind}"
    if kind == "pdf":
        html = render_template(
            "pdf/month_end.html", page=page, report=page.report, words=WORDS,
            without_pool=WITHOUT_POOL, lang=language().replace("_", "-"),
        )
        return download(pdf(html, made=page.report.known_at), "application/pdf", name)
    if kind == "json":
        return download(page.text.encode("ascii"), "application/json", name)
    if kind != "xlsx":
        raise NotFound("export", kind)
    return download(_workbook(page), XLSX, name)


def _workbook(page: MonthPage) -> bytes:
    sheets = [
        (_("Report"), _about(page)),
        (_("By resource and pool"), _by_pool(page)),
        (_("Holdings at the end"), _by_holding(page, "closing")),
        (_("Holdings at the beginning"), _by_holding(page, "opening")),
    ]
    return book_of(sheets, page.report.known_at)


def _about(page: MonthPage) -> Iterator[Sequence[Cell]]:
    report = page.report
    yield _("Month-end report"), report.name
    yield _("Programme"), report.programme_name, report.programme
    yield _("Time zone of its days"), report.timezone
    yield _("Edition"), report.edition if report.edition is not None else _("preview, not frozen")
    yield _("Opening"), instant_text(report.opened_at)
    yield _("Cut-off"), instant_text(report.as_of)
    yield _("As it was known at"), instant_text(report.known_at)
    if page.kept is not None:
        yield _("Frozen by"), page.kept.frozen_by
    if report.follows:
        yield _("Follows the edition with the SHA-256"), report.follows
    yield "SHA-256", page.sha256
    yield (_("Amounts are exact: a number where a spreadsheet can keep it (15 digits), else text."),)


def _by_pool(page: MonthPage) -> Iterator[Sequence[Cell]]:
    yield (_("Resource"), _("Pool"), _("Unit"), _("Committed by the partner"),
           *(str(WORDS[word]) for word in WITHOUT_POOL))
    for resource in page.report.resources:
        for line in (resource, *(pool for pool in page.report.pools if pool.resource == resource.resource)):
            committed = None if line.committed is None else amount_cell(line.committed, line.unit)
            yield line.resource_name, line.pool or _("all pools"), unit_word(line.unit.name), committed, *_amounts(line)


def _by_holding(page: MonthPage, end: str) -> Iterator[Sequence[Cell]]:
    yield (_("Startup"), _("Key"), _("Holding"), _("Unit"), _("Batch"), *(str(WORDS[word]) for word in WITHOUT_POOL))
    for line in page.report.holdings:
        yield (line.startup_name, line.startup, line.resource_name, unit_word(line.unit.name), line.batch,
               *_amounts(line, end))


def _amounts(line: Line, end: str = "closing") -> Iterator[Cell]:
    amounts = getattr(line, end)
    return (amount_cell(amounts[word], line.unit) if word in amounts else None for word in WITHOUT_POOL)
