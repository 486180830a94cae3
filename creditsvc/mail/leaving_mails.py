"""The mail about leaving a cohort: its values, and the function that makes it."""

from typing import TypedDict

from creditsvc.mail.render import Rendered, render


class LeftMail(TypedDict):
    """What the mail says. `holdings` are (resource, what was left, the way: stop, until or run-on, whether it was over
    anyway, last day ready to read)."""

    person_name: str
    startup_name: str
    cohort: str
    is_graduation: bool
    holdings: list[tuple[str, str, str, bool, str | None]]
    sessions: int
    startup_url: str
    base_url: str


def render_cohort_left(values: LeftMail, language: str) -> Rendered:
    """A startup graduated from a cohort or withdrew."""
    return render("cohort_left", values, language)
