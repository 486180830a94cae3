"""The summary of a manager's week and the statement of a founder's month: their values, and one function for each."""

from collections.abc import Sequence
from datetime import date
from typing import TypedDict

from creditsvc.mail.render import Rendered, render


class SummaryGroup(TypedDict):
    """Rows of one kind, some of `total`: (startup, what is said of it, address), and the page that has them all."""

    title: str
    rows: Sequence[tuple[str, str, str]]
    total: int
    url: str


class Summary(TypedDict):
    """The values of the template `summary`; `as_of` is ready to read, with its zone."""

    person_name: str
    first_day: date
    as_of: str
    groups: Sequence[SummaryGroup]
    base_url: str
    unsubscribe_url: str | None


class StatementOfStartup(TypedDict):
    """A startup's month: of each account (resource, left at first, used, left at last), ready to read.

    `file` is the name of its PDF in the mail, "" where that is too large for one.
    """

    name: str
    url: str
    accounts: Sequence[tuple[str, str, str, str]]
    file: str


class MonthlyStatement(TypedDict):
    """The values of the template `statement`: the month's first and last day; `as_of` ready to read, with its zone."""

    person_name: str
    first_day: date
    last_day: date
    as_of: str
    startups: Sequence[StatementOfStartup]
    base_url: str
    unsubscribe_url: str | None


def render_summary(values: Summary, language: str) -> Rendered:
    """What a manager's programmes went through in a week, and what waits."""
    return render("summary", values, language)


def render_statement(values: MonthlyStatement, language: str) -> Rendered:
    """What a founder's startups used in a month; the statements go with it as files."""
    return render("statement", values, language)
