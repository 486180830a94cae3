"""A small park for looking at pages: illustrative names, invented amounts, fates of several kinds."""

import tempfile
from datetime import date, timedelta
from pathlib import Path

from creditsvc.grants.operations import extend_grant, top_up_grant, void_grant
from creditsvc.usage.operations import apply_run, read_source
from creditsvc.usage.readers.source import open_source
from creditsvc.usage.scopes import assign_scope
from tests import factories
from tests.factories import NOW, do, somebody
from tests.usage.exports import focus_row, write_focus

MANAGER, FOUNDER, OTHER_FOUNDER = "manager@park.example", "chan@harbour-robotics.example", "wong@peak-genomics.example"
FIRST = date(2026, 3, 1)
NEWEST = NOW.date() - timedelta(days=1)

NAMES = {
    # key: name, granted, last day, daily cost, until
    "harbour-robotics": ("Harbour Robotics", "25000", date(2027, 2, 28), "118.40", NEWEST),
    "peak-genomics": ("Peak Genomics", "10000", date(2026, 7, 4), "61.75", NEWEST),
    "lantern-ai": ("Lantern AI", "5000", date(2027, 2, 28), "84.15", NEWEST),
    "tram-logistics": ("Tram Logistics", "5000", date(2026, 5, 31), "22.08", NEWEST),
    "kite-energy": ("Kite Energy Storage", "15000", date(2027, 2, 28), "3.2", date(2026, 6, 2)),
    "junk-finance": ("Junk Bay Finance", "25000", date(2027, 2, 28), "0", NEWEST),
    "orchid-health": ("Orchid Health", "20000", date(2027, 2, 28), "45.9", NEWEST),
    "banyan-chips": ("Banyan Chips", "12000", date(2026, 12, 31), "70.301", NEWEST),
}
NEW_SCOPE = "0f0f0f0f-1111-4222-8333-444444444444"


def scope_of(number: int) -> str:
    """The billing scope of the startup of that number."""
    return f"{number:08d}-0000-4000-8000-000000000000"


def make_park() -> None:
    """Fills an empty database. Sign in with the addresses above and `factories.PASSWORD`."""
    partner = factories.make_partner("microsoft", "Microsoft Hong Kong").key
    factories.make_resource(name="Azure credit")
    factories.make_pool("ms-azure-2026", "500000", partner=partner)
    factories.make_pool("ms-azure-extra", "30000", partner=partner)
    factories.make_person(MANAGER, "manager", factories.PASSWORD)
    rows = []
    for number, (key, (name, amount, expires, cost, until)) in enumerate(NAMES.items(), 1):
        factories.make_startup(key, name)
        factories.make_grant(key, "ms-azure-2026", amount, effective=FIRST, expires=expires, key=f"{key}-azure",
                             reason="TechConnect 2026 spring")
        scope = scope_of(number)
        do(lambda key=key, scope=scope: assign_scope(
            somebody(), provider="azure", external_id=scope, startup=key, starts=FIRST))
        rows += _usage(scope, cost, until)
    factories.make_grant("harbour-robotics", "ms-azure-extra", "4000", effective=date(2026, 5, 1),
                         expires=date(2026, 8, 31), key="harbour-robotics-extra", promotional=True)
    do(lambda: top_up_grant(somebody(), "orchid-health-azure", amount="5000", reason="second trial site"))
    do(lambda: extend_grant(somebody(), "banyan-chips-azure", expires=date(2027, 3, 31), reason="tape-out moved"))
    do(lambda: void_grant(somebody(), "junk-finance-azure", reason="left the programme"))
    factories.make_member("harbour-robotics", FOUNDER, password=factories.PASSWORD)
    factories.make_member("peak-genomics", OTHER_FOUNDER, password=factories.PASSWORD)
    import_rows(rows, "azure-focus-june.csv")


def import_rows(rows: list[dict[str, str]], name: str) -> None:
    """Imports rows as one export."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = read_source(open_source(write_focus(Path(folder) / name, rows)))
        do(lambda: apply_run(somebody(NOW - timedelta(hours=6)), prepared))


def write_new_export(folder: Path) -> Path:
    """An export that is not imported yet: more of two startups, a scope nobody knows, rows that do not count."""
    rows = _usage(scope_of(1), "131.07", NEWEST, date(2026, 6, 1))
    rows += _usage(scope_of(3), "99.5", NEWEST, date(2026, 6, 1)) + _usage(NEW_SCOPE, "12.25", NEWEST, date(2026, 6, 1))
    rows.append(focus_row(date(2026, 6, 3), scope_of(1), "-40", ChargeCategory="Credit"))
    rows.append(focus_row(date(2026, 6, 3), scope_of(1), "7.5", ChargeCategory="Tax"))
    return write_focus(folder / "azure-focus-june-15.csv", rows)


def _usage(scope: str, cost: str, until: date, first: date = FIRST) -> list[dict[str, str]]:
    if cost == "0":
        return []
    days = (first + timedelta(days=number) for number in range((until - first).days + 1))
    return [
        focus_row(day, scope, cost if day.weekday() < 5 else "19.99", ServiceName=service)
        for day in days for service in ("Virtual Machines", "Storage")[: 1 + day.day % 2]
    ]
