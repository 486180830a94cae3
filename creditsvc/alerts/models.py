"""Which alerts were decided, who was told of them, what each night remembers, and which nights ran (A1 to A7)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from creditsvc.db import Id, Model

RUNNING = "running"
DONE = "done"


class JobRun(Model):
    """One run of a job for one business day; the row is the claim, so that ten schedulers make one run (A7).

    `worker` is empty when the run was given up and waits to be taken over. `heartbeat_at` is the real clock's, the
    other instants are those of the run. One that was done ahead of its day is done again when the day comes, as the
    next `edition`.
    """

    __tablename__ = "job_run"
    __table_args__ = (UniqueConstraint("job", "day"), CheckConstraint("state IN ('running', 'done')", name="state"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    job: Mapped[str] = mapped_column(String(40))
    day: Mapped[date]
    edition: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(10))
    worker: Mapped[str] = mapped_column(String(200))
    attempts: Mapped[int] = mapped_column(default=1)
    as_of: Mapped[datetime]
    heartbeat_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(500))


class JobRequest(Model):
    """Somebody wants a job to run now: the next scheduler that looks takes the row away and runs it. One for a job."""

    __tablename__ = "job_request"

    job: Mapped[str] = mapped_column(String(40), primary_key=True)
    asked_by: Mapped[str] = mapped_column(String(254))
    asked_at: Mapped[datetime]


class NightSilence(Model):
    """That the administrators were told of nights that do not succeed: the row is the claim, so that one tells them.

    `since` is the last success, or where there was none yet the first startup's entry: another silence, another row.
    """

    __tablename__ = "night_silence"

    since: Mapped[datetime] = mapped_column(primary_key=True)
    told_at: Mapped[datetime]


class AlertSetting(Model):
    """What a programme says of a rule: on or off, other thresholds, and whether its people may turn it off."""

    __tablename__ = "alert_setting"

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    rule: Mapped[str] = mapped_column(String(20), primary_key=True)
    enabled: Mapped[bool] = mapped_column(default=True)
    thresholds: Mapped[list[int]] = mapped_column(JSON)  # empty: the rule's own
    mandatory: Mapped[bool] = mapped_column(default=False)


class AlertPreference(Model):
    """A rule of which a person wants no mail. What a programme makes mandatory comes all the same."""

    __tablename__ = "alert_preference"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    rule: Mapped[str] = mapped_column(String(20), primary_key=True)


class AlertRhythm(Model):
    """How often a person wants at most a digest, where it is not nightly (`core.due_alerts.RHYTHMS`)."""

    __tablename__ = "alert_rhythm"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    rhythm: Mapped[str] = mapped_column(String(10))


class Alert(Model):
    """One thing to be told, once (A3). `key` says startup, holding, rule, threshold and episode.

    It is of a startup's account, or of a subject of the incubator's own (`subject` says of what kind), which no startup
    ever sees. Open until the matter has passed or a further threshold took its place (`closed_on`); only what is open
    is told. A restatement may take it back (`taken_back_on`, with the figure that it was instead: A8).
    """

    __tablename__ = "alert"
    __table_args__ = (
        Index(None, "account_id", "closed_on"), Index(None, "subject", "closed_on"),
        CheckConstraint(
            "(startup_id IS NULL) = (account_id IS NULL) AND (account_id IS NULL) = (subject IS NOT NULL) "
            "AND (subject IS NULL) = (subject_id IS NULL)",
            name="one_subject",
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(500), unique=True)
    startup_id: Mapped[int | None] = mapped_column(ForeignKey("startup.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    subject: Mapped[str | None] = mapped_column(String(20))
    subject_id: Mapped[int | None]
    rule: Mapped[str] = mapped_column(String(20))
    holding: Mapped[str] = mapped_column(String(300))
    threshold: Mapped[int]
    episode: Mapped[int]
    severity: Mapped[str] = mapped_column(String(10))
    message: Mapped[str] = mapped_column(String(1000))
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    decided_on: Mapped[date] = mapped_column(index=True)
    decided_at: Mapped[datetime]
    batch: Mapped[int]  # the newest of its account that was known
    closed_on: Mapped[date | None] = mapped_column(index=True)
    taken_back_on: Mapped[date | None] = mapped_column(index=True)
    taken_back_to: Mapped[int | None]


class AlertMemory(Model):
    """What earlier nights leave behind for one rule and holding (`core.due_alerts.Memory`)."""

    __tablename__ = "alert_memory"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    rule: Mapped[str] = mapped_column(String(20), primary_key=True)
    holding: Mapped[str] = mapped_column(String(300), primary_key=True)
    acts: Mapped[int]
    level: Mapped[int]
    marks: Mapped[dict[str, list[int | None]]] = mapped_column(JSON)  # threshold: the fields of a `Mark`
    counted_on: Mapped[date | None]


class Digest(Model):
    """The one mail of a person's business day (A5); one more where its night was made ahead, and again on the day."""

    __tablename__ = "digest"
    __table_args__ = (UniqueConstraint("person_id", "day", "edition"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    day: Mapped[date]
    edition: Mapped[int] = mapped_column(default=1)
    outbox_id: Mapped[int | None] = mapped_column(ForeignKey("outbox_mail.id"))


class AlertTold(Model):
    """A person was told of an alert, in that digest; they may have said that they have seen it.

    Of one that was taken back they are told once more, in the digest `corrected_in`.
    """

    __tablename__ = "alert_told"

    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, index=True)
    digest_id: Mapped[int] = mapped_column(ForeignKey("digest.id"), index=True)
    acknowledged_at: Mapped[datetime | None]
    corrected_in: Mapped[int | None] = mapped_column(ForeignKey("digest.id"), index=True)


class AlertSnooze(Model):
    """A person hears nothing of this rule and holding before the day `until`; what came meanwhile is told then."""

    __tablename__ = "alert_snooze"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    rule: Mapped[str] = mapped_column(String(20), primary_key=True)
    holding: Mapped[str] = mapped_column(String(300), primary_key=True)
    until: Mapped[date]


class IncubatorMemory(Model):
    """As `AlertMemory`, of a subject of the incubator's own."""

    __tablename__ = "incubator_memory"

    subject: Mapped[str] = mapped_column(String(20), primary_key=True)
    subject_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    rule: Mapped[str] = mapped_column(String(20), primary_key=True)
    acts: Mapped[int]
    level: Mapped[int]
    marks: Mapped[dict[str, list[int | None]]] = mapped_column(JSON)
    counted_on: Mapped[date | None]


class IncubatorSnooze(Model):
    """As `AlertSnooze`, of a subject of the incubator's own."""

    __tablename__ = "incubator_snooze"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    subject: Mapped[str] = mapped_column(String(20), primary_key=True)
    subject_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    rule: Mapped[str] = mapped_column(String(20), primary_key=True)
    until: Mapped[date]


class NotedHead(Model):
    """The head of an account that a night last wrote into the trail, so that the next writes only what moved (L18)."""

    __tablename__ = "noted_head"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    number: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))


class AccountOutlook(Model):
    """That an account runs out before it ends, as the last night forecast it from the account's usage.

    Each night makes all of them anew. `run_out` is the day on which nothing is left, `daily` what is used in a usual
    day and `remaining` what was left then, in steps of the account's unit.
    """

    __tablename__ = "account_outlook"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    run_out: Mapped[date] = mapped_column(index=True)
    daily: Mapped[int]
    remaining: Mapped[int]
    as_of: Mapped[datetime]
