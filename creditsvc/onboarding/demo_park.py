"""The demonstration's park: startups with their fates, all days counted from today. Names and figures are made up."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from creditsvc.core.days import DEFAULT_ZONE, day_of
from creditsvc.onboarding.charges import Subscription, guid
from creditsvc.onboarding.exports import Plan, Style, month_after

LABEL = "illustrative"
CREDIT = "azure-credit"
SEATS, HOURS = "m365-business", "mentor-hours"
MAIN_POOL, BOOSTER_POOL = "ms-azure", "ms-azure-booster"
SEAT_POOL, HOUR_POOL = "ms-m365", "mentors"
PACKAGE, PACKAGE_AMOUNT = "standard", "25000"
PACKAGE_SEATS, PACKAGE_HOURS = "5", "20"
USED_FOR = 150
"""Usage begins so many days ago, unless a cloud says otherwise."""


@dataclass(frozen=True)
class Award:
    """A grant from `starts` to its last day `ends`, both in days from today."""

    key: str
    amount: str
    starts: int
    ends: int
    pool: str = MAIN_POOL
    promotional: bool = False
    opening_drawn: str | None = None
    opening_at: int = 0
    is_activated: bool = True


@dataclass(frozen=True)
class Cloud:
    """A subscription in one of the feeds of exports; about `daily` US dollars a day, between days from today."""

    name: str
    daily: int
    feed: str = "ea"
    starts: int = -USED_FOR
    ends: int = -1
    limit: str | None = None
    reserved: bool = False
    is_assigned: bool = True

    @property
    def scope(self) -> str:
        """The subscription's id."""
        return guid(f"subscription/{self.name}")


@dataclass(frozen=True)
class Company:
    """A startup, what it is here to show, what it was granted and what it uses."""

    key: str
    name: str
    founder: str
    fate: str
    awards: tuple[Award, ...] = ()
    clouds: tuple[Cloud, ...] = ()
    cohort: str = "techconnect-a"


@dataclass(frozen=True)
class Feed:
    """A stream of monthly exports of one billing account, the newest up to `ends` in days from today."""

    name: str
    style: Style
    account: str
    ends: int = -1


FEEDS = (
    Feed("ea", "ea", "70012345"),
    Feed("mca", "mca", f"{guid('account/mca')}:{guid('profile/mca')}_2019-05-31"),
    Feed("focus", "focus", "70098765"),
    Feed("focus-stopped", "focus", "70055501", ends=-9),
)

BY_PACKAGE = "harbour-robotics"
MONTHLY, MONTHLY_HOURS = "victoria-freight", "3"
VOIDED, TOPPED_UP, EXTENDED = "jade-ledger", "victoria-freight", "mongkok-maps"
HANDED_FROM, HANDED_TO = "ngongping-games", "clearwater-studios"
RESTATED, UNKNOWN, STOPPED = "saikung-sensors", "aberdeen-analytics", "lamma-logistics"
FOUNDER = "lantau-genomics"
"""Whose founder's sign-in is printed: the page and the mail have something to say."""

COMPANIES = (
    Company(BY_PACKAGE, "Harbour Robotics", "M. Chan", "all is well; awarded by package",
            clouds=(Cloud("Harbour prod", 22, reserved=True), Cloud("Harbour dev", 7))),
    Company(FOUNDER, "Lantau Genomics", "K. Wong", "near expiry, half unused",
            (Award("lantau-azure", "8000", -168, 12), Award("lantau-seats", "3", -168, 12, SEAT_POOL),
             Award("lantau-hours", "10", -168, 12, HOUR_POOL)), (Cloud("Lantau prod", 28),)),
    Company("waglan-weather", "Waglan Weather", "S. Ho", "expires tonight",
            (Award("waglan-azure", "4000", -180, 0),), (Cloud("Waglan prod", 20, "mca"),)),
    Company("peak-vision", "Peak Vision AI", "J. Lau", "exhausted; a spending limit stopped the cloud",
            (Award("peak-azure", "5000", -160, 205),), (Cloud("Peak prod", 41, limit="5000"),)),
    Company("pearl-kitchens", "Pearl Kitchens", "T. Ng", "uncovered: used on after the credit was gone",
            (Award("pearl-azure", "3000", -160, 205),), (Cloud("Pearl prod", 26),)),
    Company("taimo-materials", "Tai Mo Materials", "R. Leung", "uncovered: used on after the grant expired",
            (Award("taimo-azure", "6000", -160, -21),), (Cloud("Tai Mo prod", 18),)),
    Company("silvermine-energy", "Silvermine Energy", "P. Yip", "idle: not activated, nothing used yet",
            (Award("silvermine-azure", "10000", -100, 265, BOOSTER_POOL, is_activated=False),),
            (Cloud("Silvermine sandbox", 0, "focus", starts=-70),), "booster-a"),
    Company("dragonback-drones", "Dragonback Drones", "C. Tam", "two lots: the one that ends sooner is drawn first",
            (Award("dragonback-azure", "15000", -155, 210), Award("dragonback-bonus", "3000", -60, 24, BOOSTER_POOL,
                                                                  promotional=True),
             Award("dragonback-seats", "4", -155, 210, SEAT_POOL), Award("dragonback-hours", "12", -155, 210,
                                                                         HOUR_POOL)),
            (Cloud("Dragonback prod", 31, "focus"),)),
    Company(VOIDED, "Jade Ledger", "E. Fung", "voided: left the programme",
            (Award("jade-azure", "10000", -155, 210),), (Cloud("Jade prod", 20, ends=-42),)),
    Company(TOPPED_UP, "Victoria Freight", "D. Cheung", "topped up before it ran out",
            (Award("victoria-azure", "6000", -155, 210),), (Cloud("Victoria prod", 50),)),
    Company(EXTENDED, "Mongkok Maps", "L. Kwok", "extended past its first end",
            (Award("mongkok-azure", "9000", -170, -10),), (Cloud("Mongkok prod", 24, "mca"),)),
    Company(RESTATED, "Sai Kung Sensors", "H. Mak", "a closed month was restated",
            (Award("saikung-azure", "12000", -155, 210),), (Cloud("Sai Kung prod", 30, "mca"),)),
    Company(UNKNOWN, "Aberdeen Analytics", "B. Siu", "its scope is unknown still: usage waits",
            (Award("aberdeen-azure", "8000", -90, 275),),
            (Cloud("Aberdeen prod", 15, starts=-80, is_assigned=False),)),
    Company(HANDED_FROM, "Ngong Ping Games", "F. Yu", "handed its scope over",
            (Award("ngongping-azure", "7000", -155, 210),), (Cloud("Ngong Ping prod", 34),)),
    Company(HANDED_TO, "Clearwater Studios", "V. Poon", "took a scope over",
            (Award("clearwater-azure", "5000", -45, 136, BOOSTER_POOL),), cohort="booster-a"),
    Company(STOPPED, "Lamma Logistics", "G. Chow", "stale: its export stopped coming",
            (Award("lamma-azure", "9000", -155, 210),), (Cloud("Lamma prod", 27, "focus-stopped", starts=-60),)),
    Company("stanley-health", "Stanley Health", "N. Tse", "opening balance: had drawn before go-live",
            (Award("stanley-azure", "20000", -300, 64, opening_drawn="12400", opening_at=-USED_FOR),
             Award("stanley-hours", "20", -300, 64, HOUR_POOL, opening_drawn="6.5", opening_at=-USED_FOR)),
            (Cloud("Stanley prod", 25, "mca"),)),
    Company("cheungchau-ceramics", "Cheung Chau Ceramics", "O. Lui", "its grant starts later",
            (Award("cheungchau-azure", "5000", 9, 190, BOOSTER_POOL),), cohort="booster-a"),
)


@dataclass(frozen=True)
class Park:
    """The park as of now: the load document and the exports of its days."""

    now: datetime

    @property
    def today(self) -> date:
        """Today in Hong Kong: grants are dated by its calendar."""
        return day_of(self.now)

    def day(self, away: int) -> date:
        """So many days from today."""
        return self.today + timedelta(days=away)

    def moment(self, away: int, hour: int = 10) -> datetime:
        """That hour in Hong Kong, so many days from today."""
        return datetime.combine(self.day(away), time(hour), DEFAULT_ZONE).astimezone(UTC)

    def document(self) -> dict[str, Any]:
        """Partners to grants in the form of the load file (CONTRACT: section 4)."""
        return {
            "partners": [{"key": "microsoft", "name": "Microsoft Hong Kong"},
                         {"key": "mentors", "name": f"Mentors of the park ({LABEL})"}],
            "resources": [
                {"key": CREDIT, "kind": "credit", "unit": "USD", "provider": "azure",
                 "name": f"Azure credit ({LABEL})"},
                {"key": SEATS, "kind": "seats", "name": f"Microsoft 365 Business Premium ({LABEL})"},
                {"key": HOURS, "kind": "hours", "name": f"Hours with a tech consultant ({LABEL})"},
            ],
            "pools": [
                self._pool(MAIN_POOL, "400000"), self._pool(BOOSTER_POOL, "30000"),
                self._pool(SEAT_POOL, "40", SEATS), self._pool(HOUR_POOL, "200", HOURS, "mentors"),
            ],
            "programmes": [
                self._programme("techconnect", "TechConnect", 12, -165, "科技聯動", self._packages()),
                self._programme("booster", "Global Booster", 6, -100, None, []),
            ],
            "startups": [self._startup(company) for company in COMPANIES],
            "grants": [self._grant(company, award) for company in COMPANIES for award in company.awards],
            "users": [
                {"email": "admin@park.example", "name": "A. Lee", "role": "administrator"},
                {"email": "manager@park.example", "name": "W. Kwan", "role": "manager",
                 "programmes": ["techconnect", "booster"]},
            ],
        }

    def _pool(self, key: str, amount: str, resource: str = CREDIT, partner: str = "microsoft") -> dict[str, Any]:
        starts = self.day(-400).replace(day=1)
        return {"key": key, "partner": partner, "resource": resource, "amount": amount, "starts": starts.isoformat(),
                "ends": (month_after(self.day(700)) - timedelta(days=1)).isoformat()}

    def _programme(
        self, key: str, name: str, months: int, away: int, chinese: str | None, packages: list[dict[str, Any]]
    ) -> dict[str, Any]:
        starts = self.day(away).replace(day=1)
        ends = month_after(starts + timedelta(days=31 * months - 20)) - timedelta(days=1)
        named = {} if chinese is None else {"name_zh_hant": f"{chinese} (示例)"}
        return {
            "key": key, "name": f"{name} ({LABEL})", **named, "partner": "microsoft", "months": months,
            "timezone": "Asia/Hong_Kong", "packages": packages,
            "cohorts": [{"key": f"{key}-a", "name": f"Intake of {starts:%B %Y} ({LABEL})", "starts": starts.isoformat(),
                         "ends": ends.isoformat()}],
        }

    def _packages(self) -> list[dict[str, Any]]:
        brought = (
            (CREDIT, MAIN_POOL, PACKAGE_AMOUNT), (SEATS, SEAT_POOL, PACKAGE_SEATS), (HOURS, HOUR_POOL, PACKAGE_HOURS)
        )
        lines = [{"resource": of, "pool": pool, "amount": amount, "months": 12} for of, pool, amount in brought]
        return [{"key": PACKAGE, "lines": lines}]

    def _startup(self, company: Company) -> dict[str, Any]:
        enrolments = [] if company.key == BY_PACKAGE else [{"cohort": company.cohort, "status": "active"}]
        return {
            "key": company.key, "name": company.name, "language": "en",
            "members": [{"email": founder_of(company), "name": company.founder, "role": "owner"}],
            "scopes": [{"provider": "azure", "id": cloud.scope, "from": self.day(cloud.starts - 5).isoformat()}
                       for cloud in company.clouds if cloud.is_assigned],
            "enrolments": enrolments,
        }

    def _grant(self, company: Company, award: Award) -> dict[str, Any]:
        opening = {}
        if award.opening_drawn is not None:
            opening = {"opening_drawn": award.opening_drawn, "opening_at": self.day(award.opening_at).isoformat()}
        activated = {}
        is_credit = award.pool in (MAIN_POOL, BOOSTER_POOL)
        if is_credit and award.is_activated and award.starts < 0 and company.clouds:  # redeemed on its first day
            activated = {"activated": {"on": self.day(award.starts).isoformat(),
                                       "subscription": company.clouds[0].scope}}
        return {
            "key": award.key, "startup": company.key, "pool": award.pool, "amount": award.amount,
            "effective": self.day(award.starts).isoformat(), "expires": self.day(award.ends).isoformat(),
            "awarded": self.moment(min(award.starts, -1) - 3).isoformat(), "promotional": award.promotional,
            "reason": f"an amount of the demonstration ({LABEL})", **opening, **activated,
        }

    def exports(self) -> list[Plan]:
        """All exports in the order in which they were made, a month each; the newest days are yesterday's (UTC)."""
        made = [plan for feed in FEEDS for plan in self._monthly(feed)]
        return sorted([*made, self._restating(made)], key=lambda plan: (plan.submitted_at, plan.name))

    def _monthly(self, feed: Feed) -> Iterator[Plan]:
        clouds = [cloud for company in COMPANIES for cloud in company.clouds if cloud.feed == feed.name]
        newest = self.now.astimezone(UTC).date() + timedelta(days=feed.ends)
        subscriptions = tuple(self._subscription(cloud, newest) for cloud in clouds)
        month = min(each.first for each in subscriptions).replace(day=1)
        while month <= newest:
            last = min(month_after(month) - timedelta(days=1), newest)
            settled = datetime.combine(last, time(3), UTC) + timedelta(days=4)
            submitted = min(settled, datetime.combine(newest, time(), UTC) + timedelta(days=1))
            here = tuple(each for each in subscriptions if each.first <= last and each.last >= month)
            first = max(month, min(each.first for each in here))
            yield Plan(f"{feed.name}-{month:%Y-%m}", feed.style, feed.account, first, last, submitted, here)
            month = month_after(month)

    def _subscription(self, cloud: Cloud, newest: date) -> Subscription:
        last = newest if cloud.ends == -1 else self.day(cloud.ends)
        limit = Decimal(cloud.limit) if cloud.limit is not None else None
        return Subscription(cloud.scope, cloud.name, cloud.daily, self.day(cloud.starts), last, limit, cloud.reserved)

    def _restating(self, made: list[Plan]) -> Plan:
        """The newest month that was closed days ago, exported once more with a lower cost of one subscription."""
        closed = (self.now.astimezone(UTC).date() - timedelta(days=6)).replace(day=1) - timedelta(days=1)
        plan = next(each for each in made if each.style == "mca" and each.last == closed)
        scope = next(cloud.scope for company in COMPANIES if company.key == RESTATED for cloud in company.clouds)
        return Plan(f"{plan.name}-restated", plan.style, plan.account, plan.first, plan.last,
                    plan.submitted_at + timedelta(days=2), plan.subscriptions, {scope: 75})


def founder_of(company: Company) -> str:
    """The address of a startup's founder."""
    return f"founder@{company.key}.example"
