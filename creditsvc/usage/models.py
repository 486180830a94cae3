"""Import runs, the files they came from, and what each run said (U4, U6, U9)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from creditsvc.db import Id, Model

RUN_STATES = ("queued", "applied", "unchanged", "stale", "held", "refused", "discarded")


class ImportRun(Model):
    """One export read and decided upon. A candidate for U4 is a run that is applied, unchanged or stale and not
    reversed. `report` is the answer given at the import (CONTRACT: section 5). `startup_id` is whose own people
    uploaded it (U12), None where the incubator's did."""

    __tablename__ = "import_run"
    __table_args__ = (Index(None, "feed", "submitted_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    status: Mapped[str] = mapped_column(String(20))  # one of RUN_STATES
    name: Mapped[str] = mapped_column(String(300))
    schema: Mapped[str] = mapped_column(String(40), default="")
    feed: Mapped[str] = mapped_column(String(300), default="")
    content_hash: Mapped[str] = mapped_column(String(64), index=True)
    submitted_at: Mapped[datetime]
    received_at: Mapped[datetime]
    cover_first: Mapped[date | None]
    cover_last: Mapped[date | None]
    rows: Mapped[int] = mapped_column(default=0)
    actor: Mapped[str] = mapped_column(String(254))
    report: Mapped[dict[str, Any]] = mapped_column(JSON)
    reversed_at: Mapped[datetime | None]
    reversed_by: Mapped[str | None] = mapped_column(String(254))
    startup_id: Mapped[int | None] = mapped_column(ForeignKey("startup.id"), index=True)


class ImportFile(Model):
    """A file of a run: kept in pieces, or (large ones from the command line) by path and hash."""

    __tablename__ = "import_file"
    __table_args__ = (UniqueConstraint("run_id", "position"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(300))
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int]
    rows: Mapped[int]
    kept: Mapped[str] = mapped_column(String(10))  # pieces, path, no
    path: Mapped[str | None] = mapped_column(String(1000))


class FilePiece(Model):
    """A piece of a kept file, compressed."""

    __tablename__ = "file_piece"

    file_id: Mapped[int] = mapped_column(ForeignKey("import_file.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class RunScope(Model):
    """The days of a scope that a run covers, both ends included (U4)."""

    __tablename__ = "run_scope"

    run_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"), primary_key=True)
    scope_id: Mapped[int] = mapped_column(ForeignKey("scope.id"), primary_key=True, index=True)
    first_day: Mapped[date]
    last_day: Mapped[date]
    newest_row_day: Mapped[date | None]


class RunTotals(Model):
    """The run's totals by (scope, day, key, currency), so that a reversal can fall back on it: a compressed frame."""

    __tablename__ = "run_totals"

    run_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"), primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
