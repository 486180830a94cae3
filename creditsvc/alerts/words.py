"""The shape of what is said of one alert."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What happened, the figures behind it, what is at risk, and what to do."""

    title: str
    detail: str
    at_risk: str | None
    action: str
