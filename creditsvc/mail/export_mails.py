"""The mail about a cost export that a startup's own people uploaded: its values and its function."""

from typing import TypedDict

from creditsvc.mail.render import Rendered, render


class ExportWaits(TypedDict):
    """`changes` are the amounts by which usage would change, `suspicions` what else looks odd, both ready to read."""

    person_name: str
    startup_name: str
    sent_by: str
    file: str
    first_day: str
    last_day: str
    changes: list[str]
    suspicions: list[str]
    run_url: str
    base_url: str


def render_export_waits(values: ExportWaits, language: str) -> Rendered:
    """An upload waits for the yes of somebody who looks after the startup."""
    return render("export_waits", values, language)
