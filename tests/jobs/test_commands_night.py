"""The night and the outbox, as a shell sees them."""

from datetime import date

import pytest

from creditsvc.mail.outbox import queue
from creditsvc.mail.render import Rendered
from creditsvc.parties.operations import add_membership
from tests.conftest import NOW
from tests.factories import do, make_grant, make_startup, somebody
from tests.jobs.shell import run

NIGHT = "2026-06-15T02:00:00+08:00"


@pytest.fixture
def startup(app):
    make_startup("harbour")
    make_grant("harbour", expires=date(2026, 6, 20), key="g1")
    do(lambda: add_membership(somebody(), startup="harbour", email="founder@harbour.example", name="M. Chan",
                              role="owner"))
    return "harbour"


def test_a_night_tells_once_and_delivers(config, startup):
    first = run(config, "nightly", "--now", NIGHT, "--json")
    again = run(config, "nightly", "--now", NIGHT, "--json")
    mails = run(config, "mail", "list", "--json").document["mails"]

    assert (first.document["day"], first.document["status"]) == ("2026-06-15", "done")
    assert [alert["startup"] for alert in first.document["alerts"]] == ["harbour"]
    assert first.document["mails"] == {"queued": 1, "sent": 1, "failed": 0, "uncertain": 0}
    assert again.document["status"] == "already done"
    assert [(mail["to"], mail["state"]) for mail in mails] == [("founder@harbour.example", "sent")]
    assert len(list(config.mail_folder.glob("*.eml"))) == 1


def test_a_night_without_sending_writes_nothing(config, startup):
    said = run(config, "nightly", "--now", NIGHT, "--no-send", "--json")

    assert len(said.document["alerts"]) == 1
    assert run(config, "mail", "list").out == "The outbox is empty.\n"
    assert run(config, "nightly", "--now", NIGHT, "--json").document["status"] == "done"


def test_a_night_reads_well(config, startup):
    said = run(config, "nightly", "--now", NIGHT)

    assert "harbour" in said.out
    assert "The night of 2026-06-15: 1 alert; mails: 1 queued, 1 sent" in said.out
    assert "is done already" in run(config, "nightly", "--now", NIGHT).out


def test_mail_that_is_due_is_sent(app, config):
    do(lambda: queue(kind="digest", to_address="a@park.example", content=Rendered("Hello", "Text", "<p>Text</p>"),
                     mail_from=config.mail_from, now=NOW))

    early = run(config, "mail", "send", "--now", "2026-06-15T00:00:00Z", "--json")
    sent = run(config, "mail", "send", "--now", "2026-06-15T12:00:00+08:00", "--json")
    listed = run(config, "mail", "list")

    assert early.document["sent"] == 0
    assert sent.document == {"sent": 1, "failed": 0, "temporary": 0, "uncertain": 0, "stopped": ""}
    assert "a@park.example" in listed.out
    assert "sent" in listed.out
