"""The pages."""

from datetime import timedelta

from flask import Blueprint, Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from creditsvc.config import Config
from creditsvc.statements.pdf_maker import STATEMENT_PDF
from creditsvc.web import (
    activation,
    alert_choices,
    audit,
    bookings,
    bulk,
    calendars,
    cohort_enrolling,
    cohorts,
    consultants,
    consulting,
    directory,
    entry,
    errors,
    grants,
    headers,
    health,
    holdings,
    invitations,
    leaving,
    letters,
    lists,
    live,
    mails,
    me,
    month_ends,
    navigation,
    night,
    offers,
    outbox,
    own_exports,
    packages,
    passwords,
    people,
    pools,
    products,
    programme_alerts,
    programmes,
    proposals,
    rates,
    reader,
    reported,
    requests,
    runs_of_jobs,
    scopes,
    seats,
    session,
    sessions,
    settings,
    show,
    startups,
    statements,
    tokens,
    unsubscribing,
    usage,
    why,
    worklist,
)
from creditsvc.web.statement_pdf import statement_pdf

MOST_BYTES = 64 * 1024 * 1024


def hang(app: Flask) -> None:
    """Hangs the pages into the app."""
    config: Config = app.config["CREDITSVC"]
    if config.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=config.proxies, x_proto=config.proxies)  # type: ignore[method-assign]
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = timedelta(days=365)  # the addresses of files change with their content
    app.extensions[STATEMENT_PDF] = statement_pdf  # for the night, which knows no pages
    reader.hang(app)
    headers.hang(app)
    live.hang(app)
    session.hang(app)
    errors.hang(app)
    show.hang(app)
    app.context_processor(_for_all_pages)
    static = Blueprint(
        "static_files", __name__, static_folder="static", static_url_path="/static", template_folder="templates"
    )
    for pages in (
        statements.pages, own_exports.pages, alert_choices.pages, bulk.pages,
        static, entry.pages, passwords.pages, health.pages, startups.pages, holdings.pages, people.pages,
        invitations.pages, grants.pages, scopes.pages, usage.pages, rates.pages, pools.pages, reported.pages,
        activation.pages, night.pages, night.links, calendars.pages, products.pages, seats.pages, bookings.pages,
        sessions.pages, consulting.pages, consultants.pages, requests.pages, me.pages, me.languages,
        unsubscribing.pages,
        worklist.pages, lists.pages, programmes.pages, packages.pages, cohorts.pages, offers.pages, proposals.pages,
        directory.pages, tokens.pages, runs_of_jobs.pages, outbox.pages, mails.pages, settings.pages,
        cohort_enrolling.pages, leaving.pages, letters.pages, why.pages,
        programme_alerts.pages, audit.pages, month_ends.pages,
    ):
        app.register_blueprint(pages)


def _for_all_pages() -> dict[str, object]:
    return {
        "allowed": session.allowed, "is_signed_in": session.is_signed_in, "person_name": session.person_name,
        "navigation": navigation.navigation, "night_is_late": session.night_is_late,
    }
