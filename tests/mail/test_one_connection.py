"""Mails of one round leave over one connection, and none pays for what happened to another (A6)."""

from dataclasses import replace

import pytest

from creditsvc.jobs.delivery import DeliveryCount, deliver
from creditsvc.mail import smtp
from tests.conftest import NOW
from tests.mail.letters import put_in, row
from tests.mail.servers import BreakingServer


def wait(config, mails=3):
    """Ids of mails that wait."""
    return [put_in(config, f"person{n}@harbour.example") for n in range(mails)]


def deliver_to(config, server, alive=None):
    return deliver(replace(config, smtp_url=f"smtp://127.0.0.1:{server.port}"), lambda: NOW, alive=alive)


def states(mail_ids):
    return [(row(mail_id).state, row(mail_id).tries) for mail_id in mail_ids]


def test_the_mails_of_a_round_leave_over_one_connection(app, config):
    mail_ids = wait(config)

    with BreakingServer() as server:
        count = deliver_to(config, server)

    assert count == DeliveryCount(sent=3)
    assert server.message_ids == [row(mail_id).message_id for mail_id in mail_ids]
    assert (server.connections, server.steps.count("QUIT"), server.steps.count("RSET")) == (1, 1, 0)


def test_a_connection_carries_so_many_mails_and_no_more(app, config, monkeypatch):
    monkeypatch.setattr(smtp, "MAILS_PER_CONNECTION", 2)
    wait(config, 5)

    with BreakingServer() as server:
        count = deliver_to(config, server)

    assert count == DeliveryCount(sent=5)
    assert (server.connections, server.steps.count("QUIT")) == (3, 3)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "mail"])
def test_after_a_refusal_the_next_mail_goes_over_the_same_connection(app, config, step):
    mail_ids = wait(config)

    with BreakingServer(answers={step: b"550 not this one\r\n"}, at_mail=2) as server:
        count = deliver_to(config, server)

    assert count == DeliveryCount(sent=2, failed=1)
    assert states(mail_ids) == [("sent", 1), ("failed", 1), ("sent", 1)]
    assert (server.connections, server.steps.count("RSET")) == (1, 1)


def test_a_server_that_forgets_no_refused_mail_is_asked_anew(app, config):
    mail_ids = wait(config)

    answers = {"RCPT": b"550 not this one\r\n", "RSET": b"502 what is that\r\n"}

    with BreakingServer(answers=answers, at_mail=2) as server:
        count = deliver_to(config, server)

    assert count == DeliveryCount(sent=2, failed=1)
    assert states(mail_ids) == [("sent", 1), ("failed", 1), ("sent", 1)]
    assert server.connections == 2


@pytest.mark.parametrize("moment, answers", [
    ("MAIL", {}), ("", {"MAIL": b"421 you have been here too long\r\n"}), ("", {"MAIL": b"what?\r\n"}),
], ids=["hangs up", "421", "nonsense"])
def test_a_server_that_ends_the_connection_between_two_mails_puts_off_neither(app, config, moment, answers):
    mail_ids = wait(config)

    with BreakingServer(moment, answers=answers, at_mail=2) as server:
        count = deliver_to(config, server)

    assert count == DeliveryCount(sent=3)
    assert states(mail_ids) == [("sent", 1)] * 3
    assert server.connections == 2


def test_a_connection_that_breaks_within_a_mail_puts_off_that_mail_alone(app, config):
    mail_ids = wait(config)

    with BreakingServer("DATA", at_mail=2) as server:
        count = deliver_to(config, server)

    assert count == DeliveryCount(sent=2, temporary=1)
    assert states(mail_ids) == [("sent", 1), ("queued", 1), ("sent", 1)]


def test_an_answer_that_is_lost_is_in_doubt_for_that_mail_alone(app, config):
    mail_ids = wait(config)

    with BreakingServer("after-data", at_mail=2) as server:
        count = deliver_to(config, server)

    assert count == DeliveryCount(sent=2, uncertain=1)
    assert states(mail_ids) == [("sent", 1), ("uncertain", 1), ("sent", 1)]
    assert server.message_ids == [row(mail_id).message_id for mail_id in mail_ids]
    assert server.connections == 2


def test_what_was_sent_is_marked_when_the_run_may_not_go_on(app, config):
    mail_ids = wait(config)
    signs = iter([None])

    with BreakingServer() as server, pytest.raises(StopIteration):
        deliver_to(config, server, alive=lambda: next(signs))

    assert states(mail_ids) == [("sent", 1), ("queued", 0), ("queued", 0)]
