"""What can be said anew of partners, programmes, cohorts and packages: paperwork in place, packages as a new version.

Doors compare what stands with what a change was typed from (`check`, `version`), so that nobody overwrites what they
never saw.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import select

from creditsvc.core.amounts import format_amount
from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.ledger.locks import lock_pool
from creditsvc.ledger.models import Pool
from creditsvc.parties.access import Caller, require
from creditsvc.parties.trail import record
from creditsvc.programmes.models import Cohort, Package, Partner, Programme
from creditsvc.programmes.operations import (
    check_text,
    ends_before_start,
    own_programme,
    refuse_changed,
    restate,
)
from creditsvc.programmes.packages import LineTerms, write_lines
from creditsvc.programmes.reading import LineView, find_cohort, line_views

LONGEST_REASON = 500


def change_partner(
    caller: Caller, key: str, *, name: str, check: Callable[[Partner], None] | None = None
) -> bool:
    """Says a partner's name anew; whether anything differed. `check` may refuse it as it stands, while it is locked.

    Raises NotFound("partner"), Forbidden, RuleBroken("name", ...) and what `check` raises.
    """
    require(caller, "programme.edit")
    wanted = select(Partner).where(Partner.key == key).with_for_update().execution_options(populate_existing=True)
    partner = db.session.scalar(wanted)
    if partner is None:
        raise NotFound("partner", key)
    if check is not None:
        check(partner)
    return restate(caller, partner, f"partner:{key}", name=check_text(name, "name"))


def change_reference(
    caller: Caller, pool: str, *, reference: str, check: Callable[[Pool], None] | None = None
) -> bool:
    """Says anew how a partner names what it commits with a pool; whether anything differed. `check` may refuse it as it
    stands, while it is locked.

    Raises NotFound("pool"), Forbidden, RuleBroken("reference", "not-a-line").
    """
    require(caller, "programme.edit")
    found = lock_pool(pool)
    if found is None:
        raise NotFound("pool", pool)
    if check is not None:
        check(found[0])
    text = check_text(reference, "reference", 100, needed=False)
    return restate(caller, found[0], f"pool:{pool}", reference=text) if text != (found[0].reference or "") else False


def change_programme(
    caller: Caller, key: str, *, name: str | None = None, name_zh_hant: str | None = None,
    name_zh_hans: str | None = None, check: Callable[[Programme], None] | None = None,
) -> bool:
    """Says a programme's names anew, None stays; whether anything differed. Its terms are stated by
    `operations.state_terms`.

    `check` may refuse it as it stands, while it is locked. Raises NotFound("programme"), Forbidden,
    RuleBroken("name", ...) and what `check` raises.
    """
    programme = own_programme(caller, key, locked=True)
    if check is not None:
        check(programme)
    texts = {} if name is None else {"name": check_text(name, "name")}
    for field, text in (("name_zh_hant", name_zh_hant), ("name_zh_hans", name_zh_hans)):
        if text is not None and (text or getattr(programme, field)):
            texts[field] = check_text(text, field, needed=False)
    return restate(caller, programme, f"programme:{key}", **texts)


def change_cohort(
    caller: Caller, key: str, *, name: str | None = None, starts: date | None = None, ends: date | None = None,
    reason: str = "", check: Callable[[Cohort], None] | None = None,
) -> bool:
    """Says a cohort's name and dates anew, None stays; whether anything differed. What was awarded already keeps its
    days.

    `check` may refuse it as it stands, while it is locked. Raises NotFound("cohort"), Forbidden,
    RuleBroken("name" | "ends" | "reason", ...) and what `check` raises.
    """
    require(caller, "programme.edit")
    found = find_cohort(caller, key)
    wanted = select(Cohort).where(Cohort.id == found.id).with_for_update()
    cohort = db.session.execute(wanted.execution_options(populate_existing=True)).scalar_one()
    if check is not None:
        check(cohort)
    name, starts, ends = name or cohort.name, starts or cohort.starts, ends or cohort.ends
    if ends < starts:
        raise ends_before_start(starts, ends)
    before = _cohort_text(cohort)
    cohort.name, cohort.starts, cohort.ends = check_text(name, "name"), starts, ends
    after = _cohort_text(cohort)
    if before == after:
        return False
    if (before["starts"], before["ends"]) != (after["starts"], after["ends"]):
        check_text(reason, "reason", LONGEST_REASON)
    db.session.flush()
    record(caller, "cohort.edited", f"cohort:{key}", before=before, after={**after, "reason": reason})
    return True


def _cohort_text(cohort: Cohort) -> dict[str, Any]:
    return {"name": cohort.name, "starts": cohort.starts.isoformat(), "ends": cohort.ends.isoformat()}


def change_package(
    caller: Caller, *, programme: str, key: str, lines: Sequence[LineTerms], reason: str, version: int | None = None
) -> Package:
    """A new version of a package, for enrolments made from now on.

    `version` is the one from which the change was made. Raises NotFound("programme" | "package"), Forbidden,
    RuleBroken("reason", "missing"), ("lines", "nothing-changed") and at `lines[n]...` as `add_package`,
    Conflict("version", "changed-meanwhile").
    """
    subject = own_programme(caller, programme)
    wanted = select(Package).where(Package.programme_id == subject.id, Package.key == key).with_for_update()
    package = db.session.scalar(wanted.execution_options(populate_existing=True))
    if package is None:
        raise NotFound("package", key)
    refuse_changed(version, package.version)
    before = [asdict(terms_of(view)) for view in line_views(package.id)]
    check_text(reason, "reason", LONGEST_REASON)
    package.version += 1
    write_lines(caller, package, lines, reason)
    after = [asdict(terms_of(view)) for view in line_views(package.id)]
    if before == after:
        raise RuleBroken("lines", "nothing-changed", "these lines stand already: a new version says something else")
    record(
        caller, "package.changed", f"programme:{programme}",
        before={"package": key, "version": package.version - 1, "lines": before},
        after={"package": key, "version": package.version, "lines": after, "reason": reason},
    )
    return package


def terms_of(view: LineView) -> LineTerms:
    """A line as it would be typed."""
    return LineTerms(view.resource, view.pool, format_amount(view.amount, view.unit), view.months, view.monthly)
