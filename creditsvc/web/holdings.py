"""A startup's own pages: what it holds and why, usage by day, its statement."""

from datetime import UTC, timedelta

from flask import render_template, request
from flask.typing import ResponseReturnValue

from creditsvc.core.days import day_of
from creditsvc.grants.reading import has_award
from creditsvc.grants.request_reading import papers_of_startup
from creditsvc.ledger.reading import holdings_of
from creditsvc.parties.access import may_with
from creditsvc.parties.reading import members_of
from creditsvc.programmes.reading import enrolments_of
from creditsvc.statements.changes import changes_since
from creditsvc.statements.reading import history_of
from creditsvc.statements.usage_days import account_of, paid_days
from creditsvc.usage.reading import (
    scope_views,
    scopes_held,
)
from creditsvc.web import founder, session
from creditsvc.web.cards import cards_of, grants_held
from creditsvc.web.forms import asked_period

pages = session.private_pages("holdings", __name__)

USAGE_DAYS = timedelta(days=30)
MOST_USAGE_DAYS = timedelta(days=800)
TIMELINE, MOST_TOLD = timedelta(days=90), 20
"""For how long back the page says what happened, and how many things; the statement has the rest."""


@pages.get("/startups/<key>")
def one(key: str) -> ResponseReturnValue:
    """What the startup holds: balances, chart, grants, scopes."""
    caller = session.caller()
    startup, views = holdings_of(caller, key, caller.now)
    if caller.role is None:
        return founder.first_page(caller, startup, views)
    held = scopes_held(view.id for view in views)
    enrolments = enrolments_of(caller, startup, has_award())
    activated, asked = papers_of_startup(startup, views)
    history, since = history_of(views, caller.now, with_seats=False), caller.now - TIMELINE
    return render_template(
        "startup.html", startup=startup, now=caller.now, cards=cards_of(views, held, caller.now, history),
        changes=changes_since(views, history, since, caller.now), most_changes=MOST_TOLD, timeline_days=TIMELINE.days,
        since_day=day_of(since), grants=grants_held(views, activated),
        enrolments=enrolments, scopes=scope_views(held, {view.id: view.resource for view in views}),
        may_activate=may_with(caller, "grant.activate", startup), own_scopes={one.external_id for one in held},
        members=members_of(startup), packages_awarded={one.cohort for one in enrolments if one.is_awarded},
        asked=asked,
    )


@pages.get("/startups/<key>/usage")
def usage(key: str) -> ResponseReturnValue:
    """Usage by charge day, with what each day was paid from."""
    caller = session.caller()
    startup, views = holdings_of(caller, key, caller.now)
    view = account_of(views, request.args.get("resource"))
    today = caller.now.astimezone(UTC).date()
    newest = view.newest_charge_day if view and view.newest_charge_day else today
    form, first, last = asked_period(min(newest, today) - USAGE_DAYS, today, MOST_USAGE_DAYS)
    days = [] if view is None or form.is_refused else paid_days(view, first, last)
    page = render_template(
        "usage_by_day.html", startup=startup, views=views, view=view, days=days, form=form,
        total=sum(day.usage.amount for day in days), uncovered=sum(day.uncovered for day in days),
    )
    return page, form.status
