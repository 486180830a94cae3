"""What a scenario says has happened, and what must stand in the tables because of it.

It imports nothing of the product: figures come from the small model of the rules (tests/ledger/model.py), alerts from
the three lines that each rule is, mails and papers from what was said. Money is in whole dollars here.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from fractions import Fraction

from tests.ledger.model import Model, ModelLot, ModelRun

STEPS = 10**8
"""The steps of a dollar in the tables."""

FAR = datetime(2099, 1, 1, tzinfo=UTC)
EXPIRY, USED, STALE_DAYS = (90, 60, 30, 14, 7, 1), (50, 75, 90, 100), 4

Matter = tuple[str, str, str, int]
"""(startup, holding, rule, threshold)"""


@dataclass
class Story:
    """Startups with one owner each and a manager of all, and what was done with them, in the order of the telling."""

    startups: tuple[str, ...]
    model: Model = field(default_factory=Model)
    pools: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    told: set[Matter] = field(default_factory=set)
    scopes: dict[str, str] = field(default_factory=dict)
    newest: dict[str, date] = field(default_factory=dict)

    def award(self, key: str, startup: str, pool: str, amount: int, effective: datetime, expires: datetime) -> None:
        """A grant from a pool."""
        self.model.lots[key] = ModelLot(startup, amount, effective, expires, 0, False, effective)
        self.pools[key] = pool
        self._count(f"paper of {key}", "trail grant.awarded")

    def top_up(self, key: str, amount: int) -> None:
        """More from the same pool."""
        self.model.lots[key].amount += amount
        self._count(f"change top_up of {key}", "trail grant.top_up")

    def extend(self, key: str, expires: datetime) -> None:
        """A later end."""
        self.model.lots[key].expires = expires
        self._count(f"change extend of {key}", "trail grant.extend")

    def void(self, key: str, at: datetime) -> None:
        """An end from that instant on."""
        self.model.lots[key].void = at
        self._count(f"change void of {key}", "trail grant.void")

    def give_back(self, key: str, amount: int) -> None:
        """Some of it back into the pool."""
        self.model.lots[key].amount -= amount
        self._count(f"change return of {key}", "trail grant.return")

    def assign(self, scope: str, startup: str, starts: datetime, times: int = 1) -> None:
        """A billing scope is that startup's from an instant on."""
        self.model.give_scope(scope, startup, starts)
        self.scopes[scope] = startup
        self.counts["trail scope.assign"] += times

    def bring(self, submitted: datetime, scopes: Iterable[str], days: range, cost: int) -> None:
        """An export of June 2026 is applied: each scope has two services on each day, each of that cost."""
        for scope in scopes:
            totals = {(date(2026, 6, day), service): cost for day in days for service in ("machines", "storage")}
            first, last = date(2026, 6, days[0]), date(2026, 6, days[-1])
            self.model.runs.append(ModelRun(scope, submitted, first, last, totals))
            self.newest[scope] = max(last, self.newest.get(scope, last))
        self._count("run applied", "trail usage.import")

    def hold(self) -> None:
        """An export waits for a manager's yes."""
        self._count("run held", "trail usage.import")

    def confirm(self, submitted: datetime, scopes: Iterable[str], days: range, cost: int) -> None:
        """The export that waited is applied."""
        self.bring(submitted, scopes, days, cost)
        self.counts["run held"] -= 1
        self.counts["trail usage.import"] -= 1
        self._count("trail usage.confirm")

    def take_back(self, submitted: datetime) -> None:
        """The export of that instant no longer counts."""
        for run in self.model.runs:
            run.reversed = run.reversed or run.submitted == submitted
        self.counts["run applied"] -= 1
        self._count("run taken back", "trail usage.reverse")

    def answer(self) -> None:
        """A request with its key was answered."""
        self._count("requests answered")

    def mail(self, kind: str, address: str) -> None:
        """A mail was written and delivered."""
        self._count(f"mail {kind} to {address}", f"delivered {kind} to {address}")

    def night(self, now: datetime, deliver: bool = True) -> None:
        """A night looks, and tells each person what is new to them in one mail."""
        new = self._alerts(now) - self.told
        self.told |= new
        heard: set[str] = set()
        for startup, holding, rule, threshold in new:
            self.counts[f"alert {startup} {holding} {rule} {threshold}"] += 1
            people = [f"founder@{startup}.example"]
            if rule in ("stale", "uncovered") or (rule == "used" and threshold >= 100) or (
                rule == "expiry" and threshold <= 14
            ):
                people.append("manager@park.example")
            for person in people:
                self.counts[f"told {person} of {startup} {holding} {rule} {threshold}"] += 1
                heard.add(person)
        for person in heard:
            self._count(f"digest for {person}", f"mail digest to {person}")
            if deliver:
                self._count(f"delivered digest to {person}")
        self._count("nights done")

    def _alerts(self, now: datetime) -> set[Matter]:
        """The furthest threshold that each holding has reached."""
        found: set[Matter] = set()
        for startup in self.startups:
            parts, uncovered, _ = self.model.answer(startup, now)
            lots = {key: self.model.lots[key] for key in parts}
            active = [key for key, lot in lots.items() if lot.effective <= now < min(lot.expires, lot.void)]
            for key in active:
                days = Fraction((lots[key].expires - now).total_seconds()) / 86400
                if parts[key][4] > 0 and days <= EXPIRY[0]:
                    found.add((startup, key, "expiry", min(t for t in EXPIRY if days <= t)))
            granted = sum(lots[key].amount for key in active)
            drawn = sum(parts[key][0] for key in active)
            if granted and drawn * 100 >= USED[0] * granted:
                found.add((startup, "azure-credit", "used", max(t for t in USED if drawn * 100 >= t * granted)))
            if uncovered:
                found.add((startup, "azure-credit", "uncovered", 0))
        for scope, startup in self.scopes.items():
            if scope in self.newest and (now.date() - self.newest[scope]).days >= STALE_DAYS:
                found.add((startup, f"azure:{scope}", "stale", STALE_DAYS))
        return found

    def _count(self, *names: str) -> None:
        for name in names:
            self.counts[name] += 1

    def account(self) -> dict[str, int | str]:
        """Everything that must stand, by name: amounts in steps, counts, instants as text."""
        lines: dict[str, int | str] = {}
        for startup in self.startups:
            parts, uncovered, uncredited = self.model.answer(startup, FAR)
            for key, (drawn, *_) in parts.items():
                lot = self.model.lots[key]
                lines[f"grant {key}: amount"] = lot.amount * STEPS
                lines[f"grant {key}: drawn"] = drawn * STEPS
                lines[f"grant {key}: ends"] = min(lot.expires, lot.void).isoformat()
                pool = f"pool {self.pools[key]}: committed"
                lines[pool] = int(lines.get(pool, 0)) + lot.amount * STEPS
            lines[f"startup {startup}: uncovered"] = uncovered * STEPS
            lines[f"startup {startup}: uncredited"] = uncredited * STEPS
        for scope, day, cost in self._usage():
            lines[f"usage {scope} {day}"] = cost * STEPS
        lines.update(self.counts)
        return {name: value for name, value in lines.items() if value}

    def _usage(self) -> Iterable[tuple[str, date, int]]:
        """What is known of each scope and day, whoever has it: the newest export that covers the day decides."""
        standing = [run for run in self.model.runs if not run.reversed]
        for scope in sorted({run.scope for run in standing}):
            mine = sorted((run for run in standing if run.scope == scope), key=lambda run: run.submitted)
            days: dict[date, int] = {}
            for run in mine:
                days = {day: cost for day, cost in days.items() if not run.first <= day <= run.last}
                for (day, _), cost in run.totals.items():
                    days[day] = days.get(day, 0) + cost
            for day, cost in sorted(days.items()):
                yield scope, day, cost
