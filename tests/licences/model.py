"""A small model of seats that imports nothing of the product: days are numbers, a seat is the set of days it takes.

Slow and plain on purpose. A day stands for its first instant; `END` for ever.
"""

from dataclasses import dataclass, field

END = 40


@dataclass
class ModelGrant:
    """Some seats on the days from `start` to before `end`."""

    amount: int
    start: int
    end: int
    void: int = END

    def days(self) -> set[int]:
        """The days on which its seats can be used."""
        return set(range(self.start, min(self.end, self.void)))


@dataclass
class ModelSeat:
    """What was said of a seat: its days, whether or not its grant lasts so long."""

    who: str
    grant: str
    first: int
    days: set[int]
    until: int | None


@dataclass
class Model:
    """What was said, who waits, and what is right to answer."""

    grants: dict[str, ModelGrant] = field(default_factory=dict)
    seats: list[ModelSeat] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    now: int = 0

    def used(self, seat: ModelSeat) -> set[int]:
        """The days on which somebody really has the seat."""
        return seat.days & self.grants[seat.grant].days()

    def holders(self, day: int) -> dict[str, str]:
        """Who has a seat on a day, and of which grant."""
        return {seat.who: seat.grant for seat in self.seats if day in self.used(seat)}

    def fits(self, grant: str, days: set[int], amount: int | None = None) -> bool:
        """Whether another seat of the grant is free on all these days."""
        most = self.grants[grant].amount if amount is None else amount
        return all(sum(day in seat.days for seat in self.seats if seat.grant == grant) < most for day in days)

    def answer(self, who: str, first: int, until: int | None) -> str:
        """The grant of which somebody gets a seat, or `!` and the code of a refusal."""
        begun = [key for key, grant in self.grants.items() if first in grant.days()]
        if not begun:
            return "!no-grant"
        able = [
            key for key in begun
            if until is None or set(range(first, until)) <= self.grants[key].days()
        ]
        if not able:
            return "!beyond-grant"
        mine: set[int] = set().union(*(self.used(seat) for seat in self.seats if seat.who == who))
        clear = [key for key in able if not mine & self.wanted(key, first, until) & self.grants[key].days()]
        if not clear:
            return "!already-seated"
        roomy = [key for key in clear if self.fits(key, self.wanted(key, first, until))]
        if not roomy:
            return "!none-free"
        longest = max(max(self.grants[key].days()) for key in roomy)
        return min(key for key in roomy if max(self.grants[key].days()) == longest)

    def wanted(self, grant: str, first: int, until: int | None) -> set[int]:
        """The days of a seat that is given from a day on."""
        return set(range(first, self.grants[grant].void if until is None else until))

    def sit(self, who: str, grant: str, first: int, until: int | None) -> None:
        """Gives the seat. No seat of one person is left standing across another one of theirs."""
        days = self.wanted(grant, first, until)
        for seat in self.seats:
            if seat.who != who or not self.used(seat):
                continue
            if seat.first >= first and seat.first in days:
                days &= self.grants[grant].days()
            elif seat.first < first and days & seat.days:
                seat.days &= self.grants[seat.grant].days()
                seat.until = max(seat.days) + 1  # it lasts as long as its grant no longer
        stated = None if days == self.wanted(grant, first, None) and until is None else max(days) + 1
        self.seats.append(ModelSeat(who, grant, first, days, stated))
        self.line = [one for one in self.line if one != who]

    def seat_line(self) -> None:
        """Seats who waits, in order, as far as seats are free from now on."""
        for who in list(self.line):
            grant = self.answer(who, self.now, None)
            if not grant.startswith("!"):
                self.sit(who, grant, self.now, None)

    def end(self, seat: ModelSeat, day: int) -> None:
        """Frees a seat from a day on."""
        seat.days = {one for one in seat.days if one < day}
        seat.until = day
