"""`kill -9` at random moments of an import and of a night: nothing lost, nothing twice, on both databases."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from creditsvc.alerts.models import Alert, AlertTold, Digest, JobRun
from creditsvc.config import Config
from creditsvc.db import db
from creditsvc.ledger.documents import balance_document
from creditsvc.ledger.models import ChargeKey, Posting, Scope, UsageFact
from creditsvc.ledger.reading import balances
from creditsvc.ledger.verify import verify
from creditsvc.mail.models import SENT, OutboxMail
from creditsvc.parties.models import Person, TrailEntry
from creditsvc.usage.models import FilePiece, ImportRun
from tests import factories
from tests.conftest import NOW
from tests.crash.killing import Ground, opened, random_moments, run
from tests.usage.exports import focus_row, write_focus
from tests.usage.importing import assign, import_path

pytestmark = pytest.mark.long

STARTUPS = ("acme", "bolt", "crane")
NIGHT = ("nightly", "--now", NOW.isoformat(), "--json")


def scope_of(number: int) -> str:
    return f"64e355d7-997c-491d-b0c1-{number:012d}"


def usage(last_day: int, cost: str, scopes: int) -> list[dict[str, str]]:
    """Usage of June to that day, two services a day for each scope."""
    return [
        focus_row(date(2026, 6, day), scope_of(number), cost, ServiceName=service)
        for number in range(scopes)
        for day in range(1, last_day + 1)
        for service in ("Virtual Machines", "Storage")
    ]


@pytest.fixture
def park(ground: Ground, tmp_path: Path) -> Config:
    """Startups with founders, grants that end soon and the usage of ten days of June; a manager of all."""

    def fill() -> None:
        factories.make_person("manager@park.example", "manager")
        pool = factories.make_pool("ms").key
        for number, key in enumerate(STARTUPS):
            factories.make_startup(key, key.title())
            factories.make_member(key, f"founder@{key}.example")
            factories.make_grant(key, pool, "100", expires=date(2026, 6, 20), key=f"{key}-azure")
            assign(scope_of(number), key, datetime(2026, 3, 1, tzinfo=UTC), NOW)
        first = write_focus(tmp_path / "first.csv", usage(10, "2.5", len(STARTUPS)))
        import_path(first, NOW - timedelta(days=1))

    return ground.filled(fill)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """An export of June to the 14th that restates the first ten days and has a scope that nobody has."""
    return write_focus(tmp_path / "second.csv", usage(14, "4.3", len(STARTUPS) + 1))


def rows(model: Any, *where: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(*where)) or 0


def book(config: Config) -> dict[str, Any]:
    """The totals and balances that a database has come to, whatever ids its rows have."""
    with opened(config):
        totals = select(
            Scope.external_id, UsageFact.day, ChargeKey.text, UsageFact.currency, func.sum(UsageFact.amount)
        ).join(Scope, Scope.id == UsageFact.scope_id).join(ChargeKey, ChargeKey.id == UsageFact.key_id).group_by(
            Scope.external_id, UsageFact.day, ChargeKey.text, UsageFact.currency
        )  # fmt: skip
        return {
            "usage": sorted(tuple(row) for row in db.session.execute(totals)),
            "facts": rows(UsageFact),
            "postings": rows(Posting),
            "balances": balance_document("all", balances(NOW), NOW, NOW, {}),
            "freshness": sorted(db.session.execute(
                select(Scope.external_id, Scope.newest_charge_day, Scope.data_at)).all()),
            "differences": verify()["differences"],
        }


def test_an_import_that_is_killed_and_started_again_counts_once(ground: Ground, park: Config, export: Path) -> None:
    words = ("usage", "import", export, "--submitted-at", NOW.isoformat(), "--json")
    whole = ground.copy_of(park)
    measured = run(whole, NOW, words)
    expected = book(whole)
    assert measured.code == 0, measured.err
    assert expected["differences"] == []
    assert expected["facts"] == 172

    statuses = []
    for moment in [*random_moments(measured.moments), measured.moments]:
        struck = ground.copy_of(park)
        assert run(struck, NOW, words, moment).killed, moment
        again = run(struck, NOW, words)
        assert again.code == 0, (moment, again.err)
        statuses.append(again.document["runs"][0]["status"])
        assert book(struck) == expected, moment
        assert_kept_whole(struck, statuses[-1])

    assert set(statuses) <= {"applied", "unchanged"}
    assert statuses[-1] == "unchanged"  # killed after its commit, before its answer


def assert_kept_whole(config: Config, status: str) -> None:
    """Runs are there whole or not at all: with their file, and noted in the trail."""
    with opened(config):
        runs = 2 if status == "applied" else 3
        assert rows(ImportRun) == rows(FilePiece) == runs
        assert rows(TrailEntry, TrailEntry.action == "usage.import") == runs


def told(config: Config) -> dict[str, Any]:
    """What the night of a database has told to whom, whatever ids its rows have."""
    with opened(config):
        pairs = db.session.execute(
            select(Alert.key, Person.email)
            .join(AlertTold, AlertTold.alert_id == Alert.id)
            .join(Person, Person.id == AlertTold.person_id)
        )
        return {
            "alerts": sorted(db.session.execute(
                select(Alert.key, Alert.message, Alert.severity, Alert.closed_on)).all()),
            "told": sorted(tuple(row) for row in pairs),
            "digests": sorted(db.session.execute(
                select(Person.email, Digest.day).join(Digest, Digest.person_id == Person.id)).all()),
            "mails": sorted(db.session.execute(select(OutboxMail.to_address, OutboxMail.subject)).all()),
            "delivered": delivered(config),
            "nights": rows(JobRun),
            "heads": rows(TrailEntry, TrailEntry.action == "ledger.heads"),
            "differences": verify()["differences"],
        }


def delivered(config: Config) -> Counter[str]:
    """How many mails lie in the folder for each address; each is the one that the outbox has under its Message-ID."""
    known = dict(db.session.execute(select(OutboxMail.message_id, OutboxMail.to_address)).all())
    found: Counter[str] = Counter()
    for path in config.mail_folder.glob("*.eml"):
        mail = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
        assert known[str(mail["Message-ID"])] == str(mail["To"])
        found[str(mail["To"])] += 1
    return found


def test_a_night_that_is_killed_and_started_again_tells_everybody_once(ground: Ground, park: Config) -> None:
    whole = ground.copy_of(park)
    measured = run(whole, NOW, NIGHT)
    expected = told(whole)
    assert measured.code == 0, measured.err
    everybody = ["manager@park.example", *(f"founder@{key}.example" for key in STARTUPS)]
    assert expected["delivered"] == Counter(everybody)
    assert (len(expected["alerts"]) >= 3, expected["differences"]) == (True, [])

    for moment in [*random_moments(measured.moments), measured.moments]:
        struck = ground.copy_of(park)
        assert run(struck, NOW, NIGHT, moment).killed, moment
        again = run(struck, NOW, NIGHT)
        assert (again.code, again.document["status"] in ("done", "already done")) == (0, True), (moment, again.err)
        # what was between its claim and its mark is in doubt, and sent once more with the same Message-ID (A6)
        later = NOW + timedelta(hours=1)
        sent = run(struck, later, ("mail", "send", "--now", later.isoformat(), "--json"))
        assert sent.code == 0, sent.err
        assert told(struck) == expected, moment
        assert_doubted_at_most_once(struck)


def test_a_night_killed_five_times_in_a_row_is_taken_up_with_nothing_lost_or_twice(
    ground: Ground, park: Config
) -> None:
    whole, struck = ground.copy_of(park), ground.copy_of(park)
    measured = run(whole, NOW, NIGHT)

    killed = [run(struck, NOW, NIGHT, moment).killed for moment in random_moments(measured.moments)]
    run(struck, NOW, NIGHT)
    later = NOW + timedelta(hours=1)
    run(struck, later, ("mail", "send", "--now", later.isoformat(), "--json"))

    assert killed[0]
    assert told(struck) == told(whole)


def assert_doubted_at_most_once(config: Config) -> None:
    """Every mail has left, and at most the one that was on its way was sent twice."""
    with opened(config):
        mails = db.session.execute(select(OutboxMail.state, OutboxMail.tries, OutboxMail.uncertain_count)).all()
        assert {state for state, _, _ in mails} == {SENT}
        assert all(tries == 1 + doubts for _, tries, doubts in mails)
        assert sum(doubts for _, _, doubts in mails) <= 1


def test_control_a_command_is_killed_where_it_stands(ground: Ground, park: Config, export: Path) -> None:
    words = ("usage", "import", export, "--submitted-at", NOW.isoformat(), "--json")
    before = book(park)
    total = run(ground.copy_of(park), NOW, words).moments
    early, late = ground.copy_of(park), ground.copy_of(park)

    run(early, NOW, words, 1)
    run(late, NOW, words, total)

    assert book(early) == before
    assert book(late) != before
