"""The demonstration from an empty database to its mails, on both databases: what the table says of each startup."""

import email
import email.policy
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from creditsvc.consulting.holidays import holidays_between
from creditsvc.consulting.models import Booking
from creditsvc.consulting.verify_bookings import check_bookings
from creditsvc.core.days import DEFAULT_ZONE, day_of
from creditsvc.core.free_slots import Weekly, open_stretches
from creditsvc.db import begin_snapshot, db
from creditsvc.jobs.commands_demo import build, import_export
from creditsvc.ledger.reading import balances
from creditsvc.ledger.verify import verify
from creditsvc.licences.models import SeatWish
from creditsvc.onboarding import demo
from creditsvc.onboarding.demo_park import COMPANIES, FEEDS, Park
from creditsvc.usage.reading import unassigned_scopes
from tests.factories import make_startup, somebody
from tests.jobs.shell import run

MONEY = 10**8
NOW = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
HEADER = (
    "ProviderName,SubAccountId,ChargePeriodStart,BilledCost,BillingCurrency,ServiceName,ServiceCategory,ChargeCategory"
)
THEIRS = "64e355d7-997c-491d-b0c1-8414dccfcf42"


def test_the_demonstration_shows_every_fate_and_the_book_is_right(app, config, tmp_path):
    built = build(config, NOW)

    fates = {fate.startup: fate for fate in demo.fates(NOW)}
    check_fates(fates)
    check_seats_and_hours(fates)
    check_seats_and_sessions(fates)
    check_lots_and_scopes()
    check_what_happened(built)
    begin_snapshot()
    assert verify(check_bookings)["differences"] == []
    db.session.rollback()
    again = run(config, "demo")
    assert again.code == 1
    assert "there are startups" in again.err
    check_an_export_of_theirs(tmp_path / "theirs.csv")


def check_fates(fates):
    today = day_of(NOW)
    assert len(fates) == len(COMPANIES) == 18
    for startup in ("harbour-robotics", "saikung-sensors", "ngongping-games", "clearwater-studios", "stanley-health"):
        assert fates[startup].drawn > 0 < fates[startup].remaining, startup
        assert fates[startup].uncovered == 0, startup
    assert fates["harbour-robotics"].granted == 25_000 * MONEY
    assert fates["lantau-genomics"].expires == today + timedelta(days=12)
    assert fates["waglan-weather"].expires == today
    assert fates["peak-vision"].drawn == fates["peak-vision"].granted == 5_000 * MONEY
    assert (fates["peak-vision"].remaining, fates["peak-vision"].uncovered) == (0, 0)
    assert (fates["pearl-kitchens"].remaining, fates["pearl-kitchens"].gone) == (0, 0)
    assert fates["pearl-kitchens"].uncovered > 0
    assert fates["taimo-materials"].uncovered > 0 < fates["taimo-materials"].gone
    assert (fates["silvermine-energy"].drawn, fates["silvermine-energy"].remaining) == (0, 10_000 * MONEY)
    assert fates["jade-ledger"].remaining == 0 < fates["jade-ledger"].gone
    assert fates["victoria-freight"].granted == 12_000 * MONEY
    assert fates["victoria-freight"].uncovered == 0 < fates["victoria-freight"].remaining
    assert fates["mongkok-maps"].expires == today + timedelta(days=80)
    assert fates["aberdeen-analytics"].drawn == 0
    assert fates["cheungchau-ceramics"].not_yet == fates["cheungchau-ceramics"].granted
    assert fates["stanley-health"].drawn > 12_400 * MONEY


def check_seats_and_hours(fates):
    held = {startup: {view.kind: view for view in fate.others} for startup, fate in fates.items() if fate.others}
    assert sorted(held) == [
        "dragonback-drones", "harbour-robotics", "lantau-genomics", "stanley-health", "victoria-freight"
    ]
    assert {kind: view.granted for kind, view in held["harbour-robotics"].items()} == {"seats": 5, "hours": 20 * 60}
    monthly = held["victoria-freight"]["hours"]
    assert (len(monthly.lots), monthly.granted, monthly.remaining) == (12, 36 * 60, 3 * 60)
    assert monthly.expired == 3 * 3 * 60 - 60  # what three months left lapsed with them, but for one session


def check_seats_and_sessions(fates):
    held = {startup: {view.kind: view for view in fate.others} for startup, fate in fates.items()}
    taken = {startup: (held[startup]["seats"].drawn, held[startup]["seats"].remaining)
             for startup in ("harbour-robotics", "lantau-genomics", "dragonback-drones")}
    hours = {startup: (views["hours"].drawn, views["hours"].held) for startup, views in held.items()
             if "hours" in views}
    waiting = db.session.scalars(select(SeatWish.email).where(SeatWish.state == "waiting")).all()
    states = db.session.execute(select(Booking.state, func.count()).group_by(Booking.state)).all()
    assert taken == {"harbour-robotics": (3, 2), "lantau-genomics": (2, 1), "dragonback-drones": (4, 0)}
    assert waiting == ["g.hui@dragonback-drones.example"]
    assert hours == {
        "harbour-robotics": (80, 120), "lantau-genomics": (75, 60), "dragonback-drones": (0, 60),
        "victoria-freight": (60, 0), "stanley-health": (390, 0),
    }
    assert dict(map(tuple, states)) == {"booked": 2, "logged": 1, "confirmed": 2, "no-show": 1}


def check_lots_and_scopes():
    lots = {lot.key: lot.standing for view in balances(NOW) for lot in view.lots}
    unknown = [cloud.scope for company in COMPANIES for cloud in company.clouds if not cloud.is_assigned]
    assert 0 < lots["dragonback-bonus"].drawn < lots["dragonback-azure"].drawn < 3_000 * MONEY
    assert [one.external_id for one in unassigned_scopes(somebody(NOW))] == unknown


def check_what_happened(built):
    restated = next(run for run in built.runs if run["name"].endswith("-restated"))
    alerts = built.night["alerts"]
    assert {run["status"] for run in built.runs} == {"applied"}
    assert Decimal(restated["delta"]["USD"]) < 0
    assert restated["after_close"]
    assert {alert["rule"] for alert in alerts} == {
        "expiry", "expiring-unused", "used", "uncovered", "not-activated", "stale", "hours-unbooked", "seats-unused",
        "idle",
    }
    assert {alert["startup"] for alert in alerts if alert["rule"] == "stale"} == {"lamma-logistics"}
    assert {alert["startup"] for alert in alerts if alert["rule"] == "not-activated"} == {"silvermine-energy"}
    assert built.night["mails"]["failed"] == 0
    assert built.night["mails"]["sent"] == len(built.mails) > 10
    assert {"manager@park.example", "founder@lantau-genomics.example"} <= {mail["to"] for mail in built.mails}
    mail = email.message_from_bytes(Path(built.mails[0]["path"]).read_bytes(), policy=email.policy.default)
    assert "illustrative" in mail.get_body(("plain",)).get_content()


def check_an_export_of_theirs(path):
    costs = {"2026-05-01": "24000", "2026-05-02": "1500", "2026-05-03": "-100"}
    rows = [f"Microsoft,{THEIRS},{day},{cost},USD,VM,Compute,Usage" for day, cost in costs.items()]
    rows.append("AWS,11353890204,2026-05-02,7,USD,SQS,Integration,Usage")
    path.write_text("\n".join([HEADER, *rows, ""]))

    report, shares = import_export(path)

    azure, aws = shares
    assert report["unknown_scopes"] == ["11353890204", THEIRS]
    assert (azure.provider, azure.scope, azure.startup, azure.rows) == ("azure", THEIRS, None, 3)
    assert (azure.amount, azure.paid, azure.uncovered) == (25_400 * MONEY, 25_000 * MONEY, 400 * MONEY)
    assert (aws.provider, aws.paid, aws.uncovered, aws.uncredited) == ("aws", 7 * MONEY, 0, 0)


def test_a_filled_database_is_left_as_it_is(app, config):
    make_startup("somebody-real")

    refused = run(config, "demo")
    served = run(config, "demo", "--if-empty", "--json")

    assert refused.code == 1
    assert served.code == 0
    assert served.document["new"] is False
    assert served.document["illustrative"] is False
    assert [one["startup"] for one in served.document["startups"]] == ["somebody-real"]
    assert served.document["sign_ins"] == []


def test_an_export_that_is_not_there_is_refused_before_anything_is_made(app, config, tmp_path):
    said = run(config, "demo", "--export", tmp_path / "nowhere.csv")

    assert said.code == 1
    assert "there is no such file" in said.err
    assert not demo.is_filled()


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 3, 1, 0, 5, tzinfo=UTC),  # the month before was closed with yesterday
        datetime(2026, 2, 28, 23, 55, tzinfo=UTC),  # tomorrow already in Hong Kong
        datetime(2026, 1, 2, 12, 0, tzinfo=UTC),
        datetime(2028, 2, 29, 17, 0, tzinfo=UTC),
        datetime(2026, 6, 15, 4, 0, tzinfo=UTC),
    ],
)
def test_whatever_the_day_the_exports_end_yesterday_and_none_was_made_in_the_future(now):
    exports = Park(now).exports()

    yesterday = now.date() - timedelta(days=1)
    newest = {feed.name: max(plan.last for plan in exports if plan.account == feed.account) for feed in FEEDS}
    assert newest == {"ea": yesterday, "mca": yesterday, "focus": yesterday,
                      "focus-stopped": yesterday - timedelta(days=8)}
    assert all(plan.submitted_at <= now for plan in exports)
    assert all(plan.first.month == plan.last.month for plan in exports)
    assert len({plan.name for plan in exports}) == len(exports)


@pytest.mark.parametrize("day", [1, 4, 7, 15, 28, 31])
def test_whatever_the_day_steps_are_in_the_order_of_time(day):
    now = datetime(2026, 12, day, 5, 0, tzinfo=UTC)

    times = [step.at if isinstance(step, demo.Change) else step.submitted_at for step in demo.steps(now)]

    assert times == sorted(times)
    assert times[-1] <= now


def test_whatever_the_day_every_consultant_works_on_some_day_on_which_a_session_is_looked_for():
    weekly = [Weekly(day, 9 * 60, 18 * 60) for day in range(5)]
    closed = holidays_between("HK", date(2025, 1, 1), date(2029, 12, 31))
    idle = []
    for number in range(3 * 366):
        first = date(2026, 1, 1) + timedelta(days=number + 2)
        if not open_stretches(first, first + timedelta(days=9), weekly, [], closed, DEFAULT_ZONE):
            idle.append(first)

    assert idle == []
