"""Partners, programmes and their versioned terms, cohorts, packages, enrolments."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from creditsvc.db import Id, Model

ENROLMENT_STATES = ("applied", "active", "graduated", "withdrawn")


class Partner(Model):
    """Who gives."""

    __tablename__ = "partner"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(100), unique=True)
    name: Mapped[str] = mapped_column(String(200))


class Programme(Model):
    """An offer of the incubator. Days typed for it are of its time zone (L4)."""

    __tablename__ = "programme"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(100), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    name_zh_hant: Mapped[str | None] = mapped_column(String(200))
    name_zh_hans: Mapped[str | None] = mapped_column(String(200))
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partner.id"))
    timezone: Mapped[str] = mapped_column(String(60), default="Asia/Hong_Kong")


class ProgrammeTerms(Model):
    """One version of a programme's terms; an enrolment keeps the version that stood when it was made."""

    __tablename__ = "programme_terms"
    __table_args__ = (UniqueConstraint("programme_id", "version"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    version: Mapped[int]
    months: Mapped[int]
    stated_at: Mapped[datetime]
    stated_by: Mapped[str | None] = mapped_column(String(254))  # None: before anybody kept it
    reason: Mapped[str | None] = mapped_column(String(500))


class Cohort(Model):
    """One intake of a programme; `ends` is its last day, in the programme's time zone."""

    __tablename__ = "cohort"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), index=True)
    key: Mapped[str] = mapped_column(String(100), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    starts: Mapped[date]
    ends: Mapped[date]


class Package(Model):
    """What an enrolment brings, awarded as a whole or not at all; `version` is the one that stands."""

    __tablename__ = "package"
    __table_args__ = (UniqueConstraint("programme_id", "key"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    key: Mapped[str] = mapped_column(String(100))
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class PackageVersion(Model):
    """Who stated a version of a package, when and why; an enrolment keeps the version that stood when it was made."""

    __tablename__ = "package_version"
    __table_args__ = (UniqueConstraint("package_id", "version"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("package.id"))
    version: Mapped[int]
    stated_at: Mapped[datetime]
    stated_by: Mapped[str] = mapped_column(String(254))
    reason: Mapped[str] = mapped_column(String(500), default="")


class PackageLine(Model):
    """One line of a version of a package: an amount (steps of the resource's unit) from a pool for a number of months.

    Where it is `monthly`, that amount comes every month and lapses with it.

    The pool of hours or seats may follow later: then `pool_id` is None, `pool_key` names it, and nothing is awarded.
    """

    __tablename__ = "package_line"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("package.id"), index=True)
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    position: Mapped[int]
    resource_id: Mapped[int] = mapped_column(ForeignKey("resource.id"))
    pool_id: Mapped[int | None] = mapped_column(ForeignKey("pool.id"))
    pool_key: Mapped[str] = mapped_column(String(100))
    amount: Mapped[int]
    months: Mapped[int]
    monthly: Mapped[bool] = mapped_column(default=False, server_default=false())


class Enrolment(Model):
    """A startup in a cohort, under the terms that stood on the day."""

    __tablename__ = "enrolment"
    __table_args__ = (UniqueConstraint("startup_id", "cohort_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    startup_id: Mapped[int] = mapped_column(ForeignKey("startup.id"))
    cohort_id: Mapped[int] = mapped_column(ForeignKey("cohort.id"), index=True)
    package_id: Mapped[int | None] = mapped_column(ForeignKey("package.id"))
    package_version: Mapped[int] = mapped_column(default=1, server_default="1")
    terms_id: Mapped[int] = mapped_column(ForeignKey("programme_terms.id"))
    status: Mapped[str] = mapped_column(String(20))
    enrolled_on: Mapped[date]
