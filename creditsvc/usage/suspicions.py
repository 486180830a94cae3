"""What looks suspicious about a run, as sentences (U5), and how a run's report keeps its sentences."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from creditsvc.core.amounts import shown_amount, unit_named
from creditsvc.core.sentences import Sentence, kept_sentences, sentence_again

COVERS: Final = "covers "
"""How a suspicion begins that names no scope; any other is told only to those who may see its scope."""

AWAY_FROM: Final = " away from "
"""What stands before the scope in a suspicion that names one."""

OFFERED: Final = Sentence("uploaded by the startup's own people")
"""The suspicion that holds whatever a startup uploads until a manager has looked (U12)."""

HIDDEN: Final = Sentence("would take much away from scopes that you may not see")

_KEPT: Final = "sentences"


def covers_fewer(month: date, before: int, now: int) -> Sentence:
    """It covers fewer days of a month than the run before of the same feed."""
    return Sentence(
        "covers %(now)s days of %(month)s where the run before covered %(before)s",
        now=now, month=f"{month:%Y-%m}", before=before,
    )


def takes_away(scope: str, month: date, currency: str, posted: int, change: int) -> Sentence:
    """It would take much of what is posted for a scope and month; `posted` and `change` in steps."""
    unit = unit_named(currency)
    return Sentence(
        "would take %(away)s of %(posted)s %(currency)s of %(month)s away from %(scope)s",
        away=shown_amount(-change, unit), posted=shown_amount(posted, unit), currency=currency, month=f"{month:%Y-%m}",
        scope=scope,
    )


def kept_report(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report as a run keeps it: English text as it is answered, and beside it what says it in other languages."""
    texts = [*report.get("suspicions", ()), *(error["message"] for error in report["errors"])]
    return {**report, _KEPT: kept_sentences(*texts)}


def answered_report(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A kept report as it is answered; its texts are sentences again, but for those that were kept as text alone."""
    report = {name: value for name, value in kept.items() if name != _KEPT}
    known = kept.get(_KEPT, {})
    if "suspicions" in report:
        report["suspicions"] = [sentence_again(text, known) for text in report["suspicions"]]
    if "errors" in report:
        report["errors"] = [
            {**error, "message": sentence_again(error["message"], known)} for error in report["errors"]
        ]
    return report
