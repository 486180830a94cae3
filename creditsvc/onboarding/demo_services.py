"""The demonstration's seats and hours: products, consultants, who sits where, and sessions. All of it is made up."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from creditsvc.consulting import bookings, sessions
from creditsvc.consulting.slots import free_slots
from creditsvc.core.errors import RuleBroken
from creditsvc.licences import seats
from creditsvc.licences.desk import open_desk
from creditsvc.licences.waiting import queue_up
from creditsvc.onboarding.demo_park import BY_PACKAGE, FOUNDER, LABEL, MONTHLY, SEATS, USED_FOR, Park
from creditsvc.parties.access import Caller

PRODUCT = "m365-premium"
FULL = "dragonback-drones"
"""All its seats are taken, and somebody waits for one."""

Step = tuple[int, str, Callable[[Caller], object]]
"""When in days from today, what, and the act."""

_OFFICE = ("monday", "tuesday", "wednesday", "thursday", "friday")


@dataclass(frozen=True)
class Mentor:
    """A consultant; `hours` are those of every working day."""

    key: str
    name: str
    skills: tuple[str, ...]
    hours: tuple[str, str] = ("09:30", "18:00")
    timezone: str = "Asia/Hong_Kong"
    rate: str = "1200"

    @property
    def email(self) -> str:
        """The address with which they sign in."""
        return f"{self.key}@mentors.example"


MENTORS = (
    Mentor("ada-lam", "Ada Lam", ("cloud architecture", "costs")),
    Mentor("ben-ong", "Ben Ong", ("security", "data protection"), ("13:00", "21:00"), rate="1500"),
    Mentor("cleo-hart", "Cleo Hart", ("machine learning",), ("08:00", "12:00"), "Europe/London", "1800"),
)


@dataclass(frozen=True)
class Session:
    """A session, booked on a day for the first free slot of the days that follow it; days are from today.

    `logged` is how many minutes it took (0: nobody came; None: it is to come), `confirmed` whether the startup said so.
    """

    startup: str
    mentor: str
    topic: str
    booked: int
    minutes: int
    logged: int | None = None
    confirmed: bool = False

    @property
    def over(self) -> int:
        """A day by which it is over."""
        return self.booked + 12


SESSIONS = (
    Session(FOUNDER, "ada-lam", "what runs when nobody looks", -60, 90, 75, confirmed=True),
    Session(FOUNDER, "ben-ong", "patients' data in the cloud", -1, 60),
    Session(BY_PACKAGE, "ben-ong", "keys and secrets", -40, 60, 80, confirmed=True),
    Session(BY_PACKAGE, "cleo-hart", "a model that fits the robot", -1, 120),
    Session(MONTHLY, "ada-lam", "reserved instances", -28, 60, 0),
    Session(FULL, "cleo-hart", "learning from flights", -15, 60, 60),
)

SITTING = {
    FOUNDER: ("lantau-seats", -150, ("K. Wong", "T. Yeung")),
    FULL: ("dragonback-seats", -140, ("C. Tam", "D. Sit", "E. Kan", "F. Ma")),
}
"""Who sits in the seats of which grant, from which day on."""


def sections(park: Park) -> dict[str, Any]:
    """What the load document says of products, consultants and seats."""
    return {
        "products": [{
            "key": PRODUCT, "resource": SEATS, "publisher": "Microsoft", "plan": "Microsoft 365 Business Premium",
            "seat_is": "the account of one person", "delivery": "invitation", "sku": "SPB",
        }],
        "consultants": [_consultant(mentor) for mentor in MENTORS],
        "seats": [
            {"grant": grant, "email": address(name, startup), "name": name, "from": park.day(away).isoformat()}
            for startup, (grant, away, names) in SITTING.items() for name in names
        ],
    }


def users() -> list[dict[str, Any]]:
    """The people who are the consultants."""
    return [{"email": mentor.email, "name": mentor.name, "role": "consultant"} for mentor in MENTORS]


def _consultant(mentor: Mentor) -> dict[str, Any]:
    begins, ends = mentor.hours
    return {
        "key": mentor.key, "name": f"{mentor.name} ({LABEL})", "email": mentor.email, "timezone": mentor.timezone,
        "languages": ["en", "zh_Hant"], "skills": list(mentor.skills), "rate": mentor.rate, "currency": "HKD",
        "hours": [{"day": day, "from": begins, "to": ends} for day in _OFFICE],
    }


def address(name: str, startup: str) -> str:
    """The address of one of a startup's people: `K. Wong` is `k.wong@`."""
    return f"{name.replace(' ', '').lower()}@{startup}.example"


def steps(park: Park) -> list[Step]:
    """What people did with seats and hours, once the package was awarded."""
    found: list[Step] = [
        (-USED_FOR + 1, f"{BY_PACKAGE}: three people seated", _seat_some),
        (-20, f"{FULL}: somebody waits for a seat", _wait),
    ]
    for session in SESSIONS:
        found += _session_steps(park, session)
    return found


def _seat_some(caller: Caller) -> None:
    for name in ("M. Chan", "N. Lo", "O. Pang"):
        seats.assign(caller, startup=BY_PACKAGE, product=PRODUCT, email=address(name, BY_PACKAGE), name=name)


def _wait(caller: Caller) -> None:
    desk = open_desk(caller, "seat.assign", FULL, product=PRODUCT)
    queue_up(desk, address("G. Hui", FULL), "G. Hui")


def _session_steps(park: Park, session: Session) -> list[Step]:
    uids: list[str] = []
    topic = f"{session.topic} ({LABEL})"

    def book(caller: Caller) -> None:
        first, last = park.day(session.booked + 2), park.day(session.over - 1)
        slots = free_slots(caller, session.mentor, first, last, session.minutes)
        if not slots:
            raise RuleBroken("mentor", "not-free", "%(mentor)s has no free slot", mentor=session.mentor)
        made = bookings.book(caller, startup=session.startup, consultant=session.mentor, topic=topic, starts=slots[0],
                             minutes=session.minutes)
        uids[:] = [made.uid]

    def log(caller: Caller) -> None:
        if session.logged:
            sessions.log_session(caller, uids[0], minutes=session.logged, note=f"talked of {topic}")
        else:
            sessions.no_show(caller, uids[0])

    who = f"{session.startup}: {session.minutes} minutes with {session.mentor}"
    made: list[Step] = [(session.booked, f"{who} booked", book)]
    if session.logged is not None:
        said = f"{who} took {session.logged}" if session.logged else f"{who}: nobody came"
        made.append((session.over, said, log))
    if session.confirmed:
        made.append((session.over + 1, f"{who} confirmed", lambda caller: sessions.confirm(caller, uids[0])))
    return made
