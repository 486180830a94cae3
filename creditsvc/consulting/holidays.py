"""General holidays, by calendar: those of Hong Kong are fixed by law year by year, and kept by a library."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import holidays

from creditsvc.core.errors import RuleBroken

CALENDARS = ("", "HK")


def check_calendar(name: str) -> str:
    """The calendar's name. Raises RuleBroken("holidays", "unknown-calendar")."""
    if name not in CALENDARS:
        raise RuleBroken(
            "holidays", "unknown-calendar", "%(value)r is no calendar of holidays: HK, or nothing for none", value=name
        )
    return name


def holidays_between(calendar: str, first: date, last: date) -> Mapping[date, str]:
    """The holidays of a calendar from day to day, with their English names."""
    if not calendar:
        return {}
    found: dict[date, str] = {}
    for year in range(first.year, last.year + 1):
        found.update(_of_year(calendar, year))
    return {day: name for day, name in found.items() if first <= day <= last}


@lru_cache(maxsize=64)
def _of_year(calendar: str, year: int) -> Mapping[date, str]:
    return dict(holidays.country_holidays(calendar, years=year, language="en_HK").items())
