"""Consultants and when they work, and what programmes say of sessions."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, select

from creditsvc.consulting.holidays import check_calendar
from creditsvc.consulting.models import Consultant, ConsultingPolicy, DayException, WeeklyHours
from creditsvc.core.amounts import format_amount, parse_amount, unit_named
from creditsvc.core.days import zone_named
from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.core.free_slots import DayChange, Weekly
from creditsvc.db import db, is_id
from creditsvc.parties.access import Caller, may, require
from creditsvc.parties.models import Person
from creditsvc.parties.operations import check_key
from creditsvc.parties.trail import record
from creditsvc.programmes.models import Cohort, Enrolment, Programme
from creditsvc.programmes.operations import own_programme

STEPS = (15, 30, 60)
DAY_MINUTES = 24 * 60


@dataclass(frozen=True)
class Policy:
    """What holds of a session: within how many days its minutes are disputed or count as confirmed; whether minutes
    beyond those booked are drawn (`draw`) or paid by nobody (`uncovered`); percent of the minutes booked that count
    for a no-show, and for a cancellation less than `late_hours` before the start."""

    confirm_days: int = 7
    excess: str = "draw"
    no_show_percent: int = 100
    late_hours: int = 24
    late_percent: int = 50


def find_consultant(key: str, *, locked: bool = False) -> Consultant:
    """The consultant of that key; `locked`, held and read fresh. Raises NotFound("consultant")."""
    statement = select(Consultant).where(Consultant.key == key)
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    consultant = db.session.scalar(statement)
    if consultant is None:
        raise NotFound("consultant", key)
    return consultant


def consultant_of(caller: Caller) -> Consultant | None:
    """The consultant that the caller is."""
    if caller.role != "consultant" or caller.person_id is None:
        return None
    return db.session.scalar(select(Consultant).where(Consultant.person_id == caller.person_id))


def require_own(caller: Caller, consultant: Consultant) -> None:
    """Raises NotFound for a consultant who asks of another, Forbidden for whoever else may not edit consultants."""
    if may(caller, "consultant.edit") or (caller.role == "consultant" and consultant.person_id == caller.person_id):
        return
    if caller.role == "consultant":
        raise NotFound("consultant", consultant.key)
    raise Forbidden("consultant.edit")


def consultants(caller: Caller, *, active: bool | None = None) -> list[Consultant]:
    """Consultants by name; a consultant sees themself. Members may see whom they can book. Raises Forbidden."""
    if not caller.is_member:
        require(caller, "consultant.see")
    statement = select(Consultant).order_by(Consultant.name, Consultant.key)
    if caller.role == "consultant":
        statement = statement.where(Consultant.person_id == caller.person_id)
    if active is not None:
        statement = statement.where(Consultant.active == active)
    return list(db.session.scalars(statement))


def add_consultant(
    caller: Caller, *, key: str, name: str, email: str | None = None, timezone: str = "Asia/Hong_Kong",
    languages: Sequence[str] = (), skills: Sequence[str] = (), rate: str | None = None, currency: str | None = None,
    holidays: str = "HK", slot_minutes: int = 30, notice_hours: int = 12,
) -> Consultant:
    """A new consultant; `email` names the person with that role who signs in as them, `rate` is for an hour.

    Raises Forbidden, Conflict("key", "key-taken"), RuleBroken at `key`, `name`, `email`, `timezone`, `rate`,
    `currency`, `holidays`, `slot_minutes`, `notice_hours`.
    """
    require(caller, "consultant.edit")
    check_key(key)
    if db.session.scalar(select(Consultant.id).where(Consultant.key == key)) is not None:
        raise Conflict("key", "key-taken", "The key %(key)s is taken: choose another one.", key=key)
    values = _values(
        key, name=name, email=email, timezone=timezone, languages=list(languages), skills=list(skills), rate=rate,
        currency=currency, holidays=holidays, slot_minutes=slot_minutes, notice_hours=notice_hours,
    )
    consultant = Consultant(key=key, created_at=caller.now, active=True, **values)
    db.session.add(consultant)
    db.session.flush()
    record(caller, "consultant.added", f"consultant:{key}", after={"email": email, "timezone": timezone})
    return consultant


def edit_consultant(caller: Caller, key: str, *, active: bool | None = None, **changes: Any) -> Consultant:
    """Changes what `add_consultant` takes, or whether they can be booked. Raises as it does, NotFound."""
    require(caller, "consultant.edit")
    consultant = find_consultant(key, locked=True)
    before = {
        "name": consultant.name, "email": email_of(consultant), "timezone": consultant.timezone,
        "languages": consultant.languages, "skills": consultant.skills, "holidays": consultant.holidays,
        "slot_minutes": consultant.slot_minutes, "notice_hours": consultant.notice_hours,
        "rate": rate_of(consultant), "currency": consultant.currency,
    }
    values = _values(key, **{**before, **changes})
    before["active"] = consultant.active
    for name, value in values.items():
        setattr(consultant, name, value)
    if active is not None:
        consultant.active = active
    db.session.flush()
    after = {**changes, **({} if active is None else {"active": active})}
    if "name" in after:  # the trail keeps no names: a person can be erased
        after["renamed"] = after.pop("name") != before["name"]
    record(caller, "consultant.changed", f"consultant:{key}",
           before={name: before[name] for name in after if name in before}, after=after)
    return consultant


def rate_of(consultant: Consultant) -> str | None:
    """What an hour costs, as a decimal string in the consultant's currency; None where nothing is said."""
    if consultant.rate is None or consultant.currency is None:
        return None
    return format_amount(consultant.rate, unit_named(consultant.currency))


def email_of(consultant: Consultant) -> str | None:
    """With which mail address a consultant signs in."""
    return None if consultant.person_id is None else db.session.get_one(Person, consultant.person_id).email


def _values(
    key: str, *, name: str, email: str | None, timezone: str, languages: list[str], skills: list[str], rate: str | None,
    currency: str | None, holidays: str, slot_minutes: int, notice_hours: int,
) -> dict[str, Any]:
    if not name.strip():
        raise RuleBroken("name", "empty", "write the consultant's name")
    zone_named(timezone)
    if slot_minutes not in STEPS:
        raise RuleBroken("slot_minutes", "out-of-range", "%(value)s is no step: 15, 30 or 60 minutes are right",
                         value=slot_minutes)
    if not 0 <= notice_hours <= 720:
        raise RuleBroken("notice_hours", "out-of-range", "%(value)s is out of range: from 0 to 720 hours is right",
                         value=notice_hours)
    if rate is not None and not currency:
        raise RuleBroken("currency", "missing", "say in which currency the rate is, such as HKD")
    steps = None
    if currency:
        unit = unit_named(currency)
        if not unit.is_money:
            raise RuleBroken("currency", "unknown-unit", "%(value)s is no currency: write a code such as HKD",
                             value=currency)
        steps = parse_amount(rate, unit, "rate") if rate is not None else None
        if steps is not None and steps < 0:
            raise RuleBroken("rate", "negative", "%(value)s: a rate is 0 or more", value=rate)
    return {
        "name": name.strip(), "person_id": _person_id(email, key), "timezone": timezone, "languages": languages,
        "skills": skills, "rate": steps, "currency": currency or None, "holidays": check_calendar(holidays),
        "slot_minutes": slot_minutes, "notice_hours": notice_hours,
    }


def _person_id(email: str | None, key: str) -> int | None:
    if not email:
        return None
    person = db.session.scalar(select(Person).where(Person.email == email.strip().lower()))
    if person is None or person.role != "consultant":
        raise RuleBroken(
            "email", "no-consultant", "%(value)s is nobody with the role consultant: add that person first", value=email
        )
    with db.session.no_autoflush:
        other = db.session.scalar(
            select(Consultant.key).where(Consultant.person_id == person.id, Consultant.key != key)
        )
    if other is not None:
        raise Conflict("email", "is-another", "%(value)s is the consultant %(key)s already", value=email, key=other)
    return person.id


def set_weekly_hours(caller: Caller, key: str, hours: Sequence[Weekly]) -> None:
    """Replaces a consultant's weekly hours; bookings stay as they are.

    By managers and the consultant. Raises NotFound, Forbidden, RuleBroken at `hours[n]`.
    """
    consultant = find_consultant(key, locked=True)
    require_own(caller, consultant)
    for number, one in enumerate(hours):
        begins, ends = 0 <= one.starts < DAY_MINUTES, one.starts < one.ends <= 2 * DAY_MINUTES
        if one.weekday not in range(7) or not begins or not ends:
            raise RuleBroken(
                f"hours[{number}]", "out-of-range", "hours begin on their day and end after that, by the next midnight "
                "but one: from 09:00 to 18:00, say"
            )
    before = [asdict(one) for one in weekly_of(consultant.id)]
    db.session.execute(delete(WeeklyHours).where(WeeklyHours.consultant_id == consultant.id))
    db.session.add_all([WeeklyHours(consultant_id=consultant.id, **asdict(one)) for one in hours])
    db.session.flush()
    record(caller, "consultant.hours", f"consultant:{key}", before={"hours": before},
           after={"hours": [asdict(one) for one in hours]})


def add_day_change(
    caller: Caller, key: str, *, day: date, kind: str, starts: int = 0, ends: int = DAY_MINUTES, reason: str = ""
) -> DayException:
    """A day that is not like its weekday: `off` for a stretch of it, whole unless said, or hours `extra`.

    By managers and the consultant. What is booked then stays booked. Raises as `set_weekly_hours`.
    """
    consultant = find_consultant(key, locked=True)
    require_own(caller, consultant)
    if kind not in ("off", "extra"):
        raise RuleBroken("kind", "unknown-kind", "%(value)r is none: off or extra", value=kind)
    if not 0 <= starts < ends <= 2 * DAY_MINUTES:
        raise RuleBroken("ends", "out-of-range", "the end is after the start, by the next midnight but one")
    change = DayException(
        consultant_id=consultant.id, day=day, kind=kind, starts=starts, ends=ends, reason=reason
    )
    db.session.add(change)
    db.session.flush()
    record(caller, "consultant.day", f"consultant:{key}", after={
        "day": day.isoformat(), "kind": kind, "starts": starts, "ends": ends, "reason": reason,
    })
    return change


def drop_day_change(caller: Caller, key: str, change_id: int) -> None:
    """Takes a day's change back. Raises NotFound("day"), Forbidden."""
    consultant = find_consultant(key, locked=True)
    require_own(caller, consultant)
    change = db.session.scalar(
        select(DayException).where(DayException.id == change_id, DayException.consultant_id == consultant.id)
    ) if is_id(change_id) else None
    if change is None:
        raise NotFound("day", str(change_id))
    record(caller, "consultant.day-dropped", f"consultant:{key}", before={
        "day": change.day.isoformat(), "kind": change.kind, "starts": change.starts, "ends": change.ends,
    })
    db.session.delete(change)
    db.session.flush()


def weekly_of(consultant_id: int) -> list[Weekly]:
    """A consultant's weekly hours, in the order of the week."""
    rows = db.session.scalars(
        select(WeeklyHours).where(WeeklyHours.consultant_id == consultant_id)
        .order_by(WeeklyHours.weekday, WeeklyHours.starts)
    )
    return [Weekly(row.weekday, row.starts, row.ends) for row in rows]


def day_changes_of(consultant_id: int, first: date, last: date) -> list[DayException]:
    """The days from `first` to `last` that are not like their weekdays."""
    return list(db.session.scalars(
        select(DayException)
        .where(DayException.consultant_id == consultant_id, DayException.day >= first, DayException.day <= last)
        .order_by(DayException.day, DayException.starts)
    ))


def as_changes(rows: Sequence[DayException]) -> list[DayChange]:
    """The same as values."""
    return [DayChange(row.day, row.kind, row.starts, row.ends) for row in rows]


def set_policy(caller: Caller, programme: str, policy: Policy) -> None:
    """What a programme says of sessions booked from now on; the programme is held meanwhile.

    Raises NotFound("programme"), Forbidden, RuleBroken at the policy's own names.
    """
    subject = own_programme(caller, programme, locked=True)
    ranges = {"confirm_days": (1, 60), "no_show_percent": (0, 100), "late_hours": (0, 720), "late_percent": (0, 100)}
    for name, (least, most) in ranges.items():
        if not least <= getattr(policy, name) <= most:
            raise RuleBroken(name, "out-of-range", "%(value)s is out of range: from %(first)s to %(last)s is right",
                             value=getattr(policy, name), first=least, last=most)
    if policy.excess not in ("draw", "uncovered"):
        raise RuleBroken("excess", "unknown-policy", "%(value)r is none: draw or uncovered", value=policy.excess)
    row = db.session.get(ConsultingPolicy, subject.id, populate_existing=True)
    before = asdict(_policy(row))
    if row is None:
        db.session.add(ConsultingPolicy(programme_id=subject.id, **asdict(policy)))
    else:
        for name, value in asdict(policy).items():
            setattr(row, name, value)
    db.session.flush()
    record(caller, "programme.consulting", f"programme:{programme}", before=before, after=asdict(policy))


def policy_of_programme(programme: str) -> Policy:
    """What a programme says of sessions, the policy's own values where it says nothing."""
    return _policy(db.session.scalar(
        select(ConsultingPolicy)
        .join(Programme, Programme.id == ConsultingPolicy.programme_id)
        .where(Programme.key == programme)
    ))


def policy_of_startup(startup_id: int) -> Policy:
    """What holds of a startup's sessions: what the programme of its newest active enrolment says; where none is active
    any more, that of the newest it graduated from, since hours may run on. Programmes that say nothing are passed by;
    the policy's own values hold where none is left."""
    rows = db.session.execute(
        select(Enrolment.status, ConsultingPolicy)
        .join(Cohort, Cohort.id == Enrolment.cohort_id)
        .outerjoin(ConsultingPolicy, ConsultingPolicy.programme_id == Cohort.programme_id)
        .where(Enrolment.startup_id == startup_id, Enrolment.status.in_(("active", "graduated")))
        .order_by(Enrolment.enrolled_on.desc(), Enrolment.id.desc())
    ).all()
    status = "active" if any(row.status == "active" for row in rows) else "graduated"
    return _policy(next((policy for of, policy in rows if of == status and policy is not None), None))


def _policy(row: ConsultingPolicy | None) -> Policy:
    if row is None:
        return Policy()
    return Policy(row.confirm_days, row.excess, row.no_show_percent, row.late_hours, row.late_percent)
