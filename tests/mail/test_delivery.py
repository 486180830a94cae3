"""Delivery end to end: outbox to a real socket, on both databases, with processes that compete or die (A6)."""

import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from creditsvc.config import ConfigError
from creditsvc.db import db, transaction
from creditsvc.jobs.delivery import DeliveryCount, deliver
from creditsvc.mail.models import OutboxMail
from creditsvc.mail.outbox import CLAIM_LIFE
from creditsvc.mail.pacing import PAUSES
from creditsvc.mail.smtp import sender_for
from tests.conftest import NOW
from tests.mail.letters import put_in, row
from tests.mail.servers import BreakingServer, smtp_server

ROOT = Path(__file__).resolve().parents[2]
LATER = NOW + PAUSES[0] * 1.2
"""When a mail that was refused once is certainly due."""



def over_smtp(config, port):
    return replace(config, smtp_url=f"smtp://127.0.0.1:{port}")


def at(instant):
    return lambda: instant


def start_deliverer(config, instant, *flags):
    """A process of its own that delivers to the server of `config`."""
    environment = {
        **os.environ,
        "CREDITSVC_DATABASE_URL": config.database_url,
        "CREDITSVC_INSTANCE": str(config.instance),
        "CREDITSVC_SECRET_KEY": config.secret_key,
        "CREDITSVC_SMTP_URL": config.smtp_url,
        "CREDITSVC_MAIL_FROM": config.mail_from,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.mail.deliverer", instant.isoformat(), *flags],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
    )


def sent_by(process):
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return int(output)


def test_mails_that_are_due_are_sent_and_marked(app, config):
    mail_ids = [put_in(config, f"person{n}@harbour.example") for n in range(3)]
    put_in(config, now=NOW + timedelta(hours=1))

    with smtp_server() as server:
        count = deliver(over_smtp(config, server.port), at(NOW))

    assert count == DeliveryCount(sent=3)
    assert server.recipients == [f"person{n}@harbour.example" for n in range(3)]
    assert server.message_ids == [row(mail_id).message_id for mail_id in mail_ids]
    assert {row(mail_id).state for mail_id in mail_ids} == {"sent"}


def test_mail_becomes_files_by_default(app, config):
    put_in(config)

    count = deliver(config, at(NOW))

    assert count == DeliveryCount(sent=1)
    assert len(list(config.mail_folder.glob("*.eml"))) == 1


def test_nothing_is_locked_while_a_mail_is_on_its_way(app, config):
    put_in(config)
    written_meanwhile = []

    with BreakingServer(answers={}) as server:
        def sender(mail):
            session_is_open = db.session().in_transaction()
            # Another writer, from a connection of its own, is not made to wait.
            with db.engine.connect().execution_options(writes=True) as other, other.begin():
                other.execute(OutboxMail.__table__.update().values(last_error="touched"))
            written_meanwhile.append(session_is_open)
            with sender_for(over_smtp(config, server.port)) as send:
                return send(mail)

        count = deliver(over_smtp(config, 25), at(NOW), sender)  # the sender stands for one that takes its time

    assert written_meanwhile == [False]
    assert count.sent == 1


def test_each_kind_of_answer_is_counted_and_marked(app, config):
    for name in ("taken", "busy", "unknown"):
        put_in(config, f"{name}@harbour.example")

    with smtp_server() as server:
        server.answers_to_recipient = {"busy@harbour.example": "450 busy", "unknown@harbour.example": "550 unknown"}
        count = deliver(over_smtp(config, server.port), at(NOW))

    assert count == DeliveryCount(sent=1, temporary=1, failed=1)
    assert [row(n).state for n in (1, 2, 3)] == ["sent", "queued", "failed"]
    assert row(2).last_error == "RCPT refused: 450 busy"


def test_a_mail_refused_for_now_is_sent_at_its_next_try(app, config):
    mail_id = put_in(config)

    with smtp_server() as server:
        server.answer_to_mail = "451 later"
        deliver(over_smtp(config, server.port), at(NOW))
        server.answer_to_mail = "250 OK"
        too_early = deliver(over_smtp(config, server.port), at(NOW + PAUSES[0] - timedelta(seconds=1)))
        in_time = deliver(over_smtp(config, server.port), at(LATER))

    assert (too_early, in_time) == (DeliveryCount(), DeliveryCount(sent=1))
    assert (row(mail_id).state, row(mail_id).tries) == ("sent", 2)


def test_without_a_server_one_mail_is_tried_and_the_others_wait_untouched(app, config):
    mail_ids = [put_in(config) for _ in range(3)]
    with smtp_server() as gone:
        port = gone.port

    count = deliver(over_smtp(config, port), at(NOW))

    assert (count.temporary, count.sent, count.failed) == (1, 0, 0)
    assert "no connection" in count.stopped
    assert [row(mail_id).tries for mail_id in mail_ids] == [1, 0, 0]
    assert {row(mail_id).state for mail_id in mail_ids} == {"queued"}


def test_a_mail_given_up_counts_as_failed(app, config):
    mail_id = put_in(config)
    transaction(lambda: setattr(db.session.get(OutboxMail, mail_id), "tries", len(PAUSES)))

    with smtp_server() as server:
        server.answer_to_mail = "451 later"
        count = deliver(over_smtp(config, server.port), at(NOW))

    assert count == DeliveryCount(failed=1)


def test_a_mail_without_an_answer_is_sent_once_more_and_never_a_third_time(app, config):
    mail_id = put_in(config)

    with BreakingServer("after-data") as server:
        counts = [deliver(over_smtp(config, server.port), at(NOW + days)) for days in map(timedelta, range(5))]

    assert [count.uncertain for count in counts] == [1, 1, 0, 0, 0]
    assert server.message_ids == [row(mail_id).message_id] * 2
    assert (row(mail_id).state, row(mail_id).uncertain_count, row(mail_id).next_try_at) == ("uncertain", 2, None)


def test_a_mail_lost_before_the_end_of_data_is_simply_tried_again(app, config):
    mail_id = put_in(config)

    with BreakingServer("before-data") as broken:
        first = deliver(over_smtp(config, broken.port), at(NOW))
    with smtp_server() as server:
        second = deliver(over_smtp(config, server.port), at(LATER))

    assert (first.temporary, second.sent) == (1, 1)
    assert (row(mail_id).state, row(mail_id).uncertain_count) == ("sent", 0)


def test_a_wrong_setting_stops_before_any_claim(app, config):
    mail_id = put_in(config)

    with pytest.raises(ConfigError, match="CREDITSVC_SMTP_URL"):
        deliver(replace(config, smtp_url="smtp://host?starttls=maybe"), at(NOW))

    assert (row(mail_id).state, row(mail_id).tries) == ("queued", 0)


def test_deliverers_in_several_processes_send_each_mail_once(app, config):
    mail_ids = [put_in(config, f"person{n}@harbour.example") for n in range(30)]

    with smtp_server() as server:
        processes = [start_deliverer(over_smtp(config, server.port), NOW) for _ in range(2)]
        counts = [sent_by(process) for process in processes]

    assert sum(counts) == len(mail_ids)
    assert Counter(server.message_ids) == Counter(row(mail_id).message_id for mail_id in mail_ids)


def test_a_process_killed_before_the_answer_costs_one_more_sending_with_the_same_id(app, config):
    mail_id = put_in(config)

    with BreakingServer("after-data", silent=True) as silent:
        process = start_deliverer(over_smtp(config, silent.port), NOW)
        assert silent.reached.wait(60)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    with smtp_server() as server:
        at_once = deliver(over_smtp(config, server.port), at(NOW))
        afterwards = deliver(over_smtp(config, server.port), at(NOW + CLAIM_LIFE))
        never_again = deliver(over_smtp(config, server.port), at(NOW + timedelta(days=30)))

    assert (at_once, afterwards, never_again) == (DeliveryCount(), DeliveryCount(sent=1, uncertain=1), DeliveryCount())
    assert silent.message_ids + server.message_ids == [row(mail_id).message_id] * 2
    assert (row(mail_id).state, row(mail_id).uncertain_count) == ("sent", 1)


def test_processes_killed_twice_between_the_answer_and_the_mark_end_it_as_uncertain(app, config):
    mail_id = put_in(config)

    with smtp_server() as server:
        for instant in (NOW, NOW + CLAIM_LIFE):
            process = start_deliverer(over_smtp(config, server.port), instant, "dies-before-mark")
            process.communicate(timeout=60)
            assert process.returncode == -signal.SIGKILL
        last = deliver(over_smtp(config, server.port), at(NOW + 2 * CLAIM_LIFE))

    assert last == DeliveryCount(uncertain=1)
    assert server.message_ids == [row(mail_id).message_id] * 2
    assert (row(mail_id).state, row(mail_id).uncertain_count, row(mail_id).next_try_at) == ("uncertain", 2, None)


def test_a_writer_of_files_killed_in_the_middle_is_followed_at_once_with_each_mail_in_one_file(app, config):
    mail_ids = [put_in(config, f"person{n}@harbour.example") for n in range(3)]

    for _ in range(2):  # as often as ends a doubtful mail
        process = start_deliverer(config, NOW, "dies-before-mark")
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
    count = deliver(config, at(NOW))

    assert count == DeliveryCount(sent=3)
    assert len(list(config.mail_folder.glob("*.eml"))) == 3
    assert {(row(mail_id).state, row(mail_id).uncertain_count, row(mail_id).tries) for mail_id in mail_ids} == {
        ("sent", 0, 1)
    }


def test_after_a_file_that_cannot_be_written_the_others_wait_untouched(app, config):
    mail_ids = [put_in(config, f"person{n}@harbour.example") for n in range(3)]
    config.mail_folder.write_text("not a folder")

    count = deliver(config, at(NOW))

    assert (count.sent, count.temporary) == (0, 1)
    assert count.stopped
    assert sorted((row(mail_id).state, row(mail_id).tries) for mail_id in mail_ids) == [
        ("queued", 0), ("queued", 0), ("queued", 1)
    ]
    config.mail_folder.unlink()
    assert deliver(config, at(LATER)) == DeliveryCount(sent=3)
    assert {row(mail_id).state for mail_id in mail_ids} == {"sent"}
