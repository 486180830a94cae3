"""A cohort as a table: who is to be enrolled, row by row, and what is wrong with each row. Nothing is written here."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import func, select

from creditsvc.core.days import parse_day
from creditsvc.core.errors import FileError, FileRefused, RuleBroken
from creditsvc.core.sentences import Sentence
from creditsvc.db import db
from creditsvc.grants.models import Grant
from creditsvc.ledger.models import Pool
from creditsvc.licences.sheets import no_header, table_rows
from creditsvc.parties.access import Caller, visible_startups
from creditsvc.parties.models import Membership, Person, Startup
from creditsvc.parties.operations import check_email, check_key, check_name
from creditsvc.programmes.models import Cohort, Enrolment, Package
from creditsvc.programmes.reading import LineView, lines_by_version

COLUMNS = ("startup", "key", "owner", "state", "starts", "package")
ALIASES = {
    "name": "startup", "startup name": "startup", "startup key": "key", "mail": "owner", "email": "owner",
    "owner's mail": "owner", "owner mail": "owner", "status": "state", "starting day": "starts", "start": "starts",
    "first day": "starts", "enrolled on": "starts",
}
"""Other words for the heads of columns, in small letters."""

MOST_ROWS = 500
NOTHING = ("", "-", "–", "none")
STATES = ("applied", "active")
"""In what state somebody can join; graduating and withdrawing come later."""


@dataclass(frozen=True)
class TableRow:
    """A line of the table: what stands in its columns; the header is line 1 where nothing stands above it."""

    line: int
    cells: dict[str, str]


@dataclass
class Planned:
    """What a row would do, and what is wrong with it, each a refusal at one of its columns.

    `there` says that this enrolment stands already, so that nothing would be done. `proposes` says that its package
    is above a pool's limit and would wait for a second person.
    """

    row: TableRow
    name: str = ""
    key: str = ""
    startup_id: int | None = None
    is_new: bool = False
    owner: str = ""
    is_owner_new: bool = False
    status: str = "active"
    starts: date | None = None
    package: str | None = None
    package_id: int | None = None
    package_version: int = 1
    lines: tuple[LineView, ...] = ()
    there: bool = False
    proposes: bool = False
    refusals: list[RuleBroken] = field(default_factory=list)

    @property
    def awards(self) -> bool:
        """Whether its package would be awarded, or proposed."""
        return self.package is not None and self.status == "active" and not self.there


def read_table(name: str, data: bytes) -> list[TableRow]:
    """The rows of a table with at least the column `startup` or `key`; other columns do not matter.

    Raises FileRefused.
    """
    header: dict[int, str] | None = None
    rows: list[TableRow] = []
    for line, cells in table_rows(name, data):
        if not any(cells):
            continue
        if header is None:
            words = [ALIASES.get(cell.strip().lower(), cell.strip().lower()) for cell in cells]
            header = {at: word for at, word in enumerate(words) if word in COLUMNS}
            if not {"startup", "key"} & set(header.values()) or len(set(header.values())) < len(header):
                raise _refused(name, line, no_header(COLUMNS))
            continue
        if len(rows) == MOST_ROWS:
            raise _refused(name, line, Sentence(
                "is one row too many: at most %(most)s are enrolled at once", most=MOST_ROWS
            ))
        rows.append(TableRow(line, {
            column: cells[at].strip() for at, column in header.items() if at < len(cells) and cells[at].strip()
        }))
    if not rows:
        raise _refused(name, 0, Sentence("has no row below a header"))
    return rows


def _refused(name: str, line: int, message: Sentence) -> FileRefused:
    return FileRefused([FileError(name, line, "", "", message)])


def as_text(rows: Sequence[TableRow]) -> str:
    """The rows as text with tabs, each on the line that it had."""
    lines = ["\t".join(COLUMNS)]
    for row in rows:
        lines += [""] * (row.line - len(lines) - 1)
        lines.append("\t".join(" ".join(row.cells.get(column, "").split()) for column in COLUMNS))
    return "\n".join(lines)


class Known:
    """What the database knows of whom a table names, read in a fixed number of statements."""

    def __init__(self, caller: Caller, intake: Cohort, rows: Sequence[TableRow]) -> None:
        names = {row.cells.get("startup", "").lower() for row in rows}
        keys = {row.cells.get("key", "").lower() for row in rows} | {made_up_key(name) for name in names}
        found = db.session.execute(
            select(Startup.id, Startup.key, Startup.name, visible_startups(caller))
            .where(Startup.key.in_(keys) | func.lower(Startup.name).in_(names))
        ).all()
        self.visible = {key: (startup_id, name) for startup_id, key, name, sees in found if sees}
        self.taken = {key for _, key, _, _ in found}
        self.by_name: dict[str, list[str]] = {}
        for _, key, name, sees in found:
            if sees:
                self.by_name.setdefault(name.lower(), []).append(key)
        ids = [startup_id for startup_id, _, _, _ in found]
        self.enrolled = {
            row.startup_id: row for row in db.session.scalars(
                select(Enrolment).where(Enrolment.cohort_id == intake.id, Enrolment.startup_id.in_(ids))
            )
        }
        self.awarded = set(db.session.scalars(
            select(Grant.enrolment_id).where(Grant.enrolment_id.in_([row.id for row in self.enrolled.values()]))
        ))
        mails = {row.cells.get("owner", "").lower() for row in rows}
        self.members = {
            (startup_id, email) for startup_id, email in db.session.execute(
                select(Membership.startup_id, Person.email)
                .join(Person, Person.id == Membership.person_id)
                .where(Membership.startup_id.in_(ids), Person.email.in_(mails))
            )
        }
        packages = db.session.scalars(select(Package).where(Package.programme_id == intake.programme_id)).all()
        self.packages = {package.key: package for package in packages}
        lines = lines_by_version([package.id for package in packages])
        self.lines = {
            package.key: tuple(lines.get((package.id, package.version), ())) for package in packages
        }
        pools = {line.pool for own in self.lines.values() for line in own}
        self.limits = dict(db.session.execute(
            select(Pool.key, Pool.award_limit).where(Pool.key.in_(pools), Pool.award_limit.is_not(None))
        ).all())


def plan(caller: Caller, intake: Cohort, rows: Sequence[TableRow]) -> list[Planned]:
    """What each row would do in the cohort, by the database as it is now; permission is asked where it is done."""
    known = Known(caller, intake, rows)
    seen: dict[str, int] = {}
    planned = []
    for row in rows:
        one = Planned(row)
        for step in (_startup, _owner, _state, _starts, _package):
            try:
                step(one, known, intake)
            except RuleBroken as refusal:
                one.refusals.append(refusal)
        if one.key and one.key in seen:
            one.refusals.append(RuleBroken(
                "key", "twice", "%(value)r stands in line %(line)s already", value=one.key, line=seen[one.key]
            ))
        elif one.key:
            seen[one.key] = row.line
        planned.append(one)
    return planned


def made_up_key(name: str) -> str:
    """A key made of a name: `Harbour Robotics (HK) Ltd.` is `harbour-robotics-hk-ltd`; empty where nothing is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:100].rstrip("-")


def _startup(one: Planned, known: Known, intake: Cohort) -> None:
    name, key = one.row.cells.get("startup", ""), one.row.cells.get("key", "").lower()
    if not key and not name:
        raise RuleBroken("startup", "missing", "write the name of the startup, or the key of one that is here")
    if not key:
        same = known.by_name.get(name.lower(), [])
        if len(same) > 1:
            raise RuleBroken("key", "several", "%(count)s startups are called %(name)s: write the key of one of them",
                             count=len(same), name=name)
        key = same[0] if same else made_up_key(name)
        if not key:
            raise RuleBroken("key", "missing", "no key can be made of %(name)s: write one, such as lotus-ai", name=name)
    one.key = check_key(key)
    if key in known.visible:
        one.startup_id, one.name = known.visible[key]
        return
    if key in known.taken or key == "new":
        raise RuleBroken("key", "key-taken", "The key %(key)s is taken: choose another one.", key=key)
    if not name:
        raise RuleBroken("startup", "missing", "there is no startup %(key)s: write its name, and it is made", key=key)
    one.is_new = True
    try:
        one.name = check_name(name)
    except RuleBroken as refusal:
        raise RuleBroken("startup", refusal.code, refusal.message, **refusal.params) from refusal


def _owner(one: Planned, known: Known, intake: Cohort) -> None:
    mail = one.row.cells.get("owner", "")
    if not mail:
        if one.startup_id is None:
            raise RuleBroken("owner", "missing", "a new startup needs its owner's mail address")
        return
    try:
        one.owner = check_email(mail)
    except RuleBroken as refusal:
        raise RuleBroken("owner", refusal.code, refusal.message, **refusal.params) from refusal
    one.is_owner_new = (one.startup_id, one.owner) not in known.members


def _state(one: Planned, known: Known, intake: Cohort) -> None:
    one.status = one.row.cells.get("state", "active").lower()
    if one.status not in STATES:
        raise RuleBroken("state", "unknown-status", "%(value)r: applied or active is right", value=one.status)


def _starts(one: Planned, known: Known, intake: Cohort) -> None:
    text = one.row.cells.get("starts", "")
    one.starts = parse_day(text, "starts") if text else intake.starts


def _package(one: Planned, known: Known, intake: Cohort) -> None:
    key = one.row.cells.get("package", "").lower()
    stands = known.enrolled.get(one.startup_id or 0)
    if key not in NOTHING:
        found = known.packages.get(key)
        if found is None:
            raise RuleBroken("package", "unknown-package", "%(value)r is no package of the programme: %(right)s",
                             value=key, right=", ".join(sorted(known.packages)) or "-")
        one.package, one.package_id, one.package_version = key, found.id, found.version
        one.lines = known.lines[key]
    if stands is not None:
        if stands.package_id != one.package_id or stands.status != one.status:
            raise RuleBroken("startup", "enrolled-otherwise", "%(name)s is in this cohort already, otherwise than here",
                             name=one.name)
        one.there = True
    if not one.awards:
        return
    if missing := next((line.pool for line in one.lines if not line.has_pool), None):
        raise RuleBroken("package", "no-pool-yet", "there is no pool %(pool)s yet, from which the package is awarded "
                         "too", pool=missing)
    sums: dict[str, int] = {}
    for line in one.lines:
        sums[line.pool] = sums.get(line.pool, 0) + line.amount * (line.months if line.monthly else 1)
    one.proposes = any(known.limits.get(pool) is not None and total > (known.limits[pool] or 0)
                       for pool, total in sums.items())
