"""Month-end reports of programmes: read; freezing one is for the pages and the shell."""

import json
from typing import Any

from creditsvc.api.month_end_schemas import MonthEndListSchema, MonthEndPageSchema, MonthEndQuerySchema
from creditsvc.api.paging import page_of_all
from creditsvc.api.routes import get, new_blueprint
from creditsvc.api.schemas import PagingSchema
from creditsvc.api.tokens import current_caller
from creditsvc.core.days import instant_text
from creditsvc.core.errors import NotFound
from creditsvc.db import begin_snapshot
from creditsvc.statements.models import MonthEndReport
from creditsvc.statements.month_freezing import ListedMonth, listed_months, month_page

blueprint = new_blueprint("month_ends", "Month-end reports of programmes.")


@get(blueprint, "/programmes/<key>/month-ends", query=PagingSchema, answers=MonthEndListSchema)
def list_month_ends(query: dict[str, Any], key: str) -> dict[str, Any]:
    """The months of a programme that you look after, by month, each with its newest edition if it was frozen."""
    for programme, months in listed_months(current_caller()):
        if programme.key == key:
            return page_of_all(months, query, _shown_month, lambda month: month.name)
    raise NotFound("programme", key)


@get(blueprint, "/programmes/<key>/month-ends/<month>", query=MonthEndQuerySchema, answers=MonthEndPageSchema)
def get_month_end(query: dict[str, Any], key: str, month: str) -> dict[str, Any]:
    """A month such as 2026-05: its newest edition, the one that `edition` names, or a preview (`edition=0`)."""
    begin_snapshot()
    found = month_page(current_caller(), key, month, query.get("edition"))
    differs = [] if found.since is None else found.since.figures
    return {
        "month": found.report.name, "edition": found.report.edition, "frozen_by": _by(found.kept),
        "sha256": found.sha256, "is_intact": found.is_intact, "text": found.text, "report": json.loads(found.text),
        "editions": [
            {"edition": row.edition, "sha256": row.sha256, "known_at": instant_text(row.known_at),
             "frozen_by": row.frozen_by} for row in found.editions
        ],
        "differs_today": [
            {"startup": one.line.startup, "resource": one.line.resource, "pool": one.line.pool or None, "end": one.end,
             "figure": one.word, "frozen": one.frozen, "today": one.today} for one in differs
        ],
    }


def _shown_month(month: ListedMonth) -> dict[str, Any]:
    newest = month.newest
    return {
        "month": month.name, "is_over": month.is_over, "edition": newest.edition if newest else None,
        "sha256": newest.sha256 if newest else None, "known_at": instant_text(newest.known_at) if newest else None,
        "frozen_by": _by(newest),
    }


def _by(row: MonthEndReport | None) -> str | None:
    return None if row is None else row.frozen_by
