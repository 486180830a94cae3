"""The mail about nights that do not succeed: its values and its function."""

from typing import TypedDict

from creditsvc.mail.render import Rendered, render


class NightSilent(TypedDict):
    """`since` is when the last night succeeded, or where `is_first` when the first startup was entered, to be read."""

    person_name: str
    is_first: bool
    since: str
    hours: int
    jobs_url: str
    base_url: str


def render_night_silent(values: NightSilent, language: str) -> Rendered:
    """No night has succeeded for too long: an administrator is to look."""
    return render("night_silent", values, language)
