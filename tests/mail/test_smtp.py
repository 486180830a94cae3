"""What a conversation comes to (A6), held over a real socket, and how mail is written to files."""

import email
import email.policy
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from creditsvc.config import Config, ConfigError
from creditsvc.mail import smtp
from creditsvc.mail.message import message_for
from creditsvc.mail.render import Rendered
from creditsvc.mail.smtp import Outcome, parse_smtp_url, sender_for
from tests.mail.letters import FROM, RESET_LINK, claimed, content
from tests.mail.servers import CERTIFICATE, PASSWORD, USER, BreakingServer, server_tls, smtp_server

QUOTED_PASSWORD = "p%40ss%2Fword%20of%20the%20relay"


def config_with(smtp_url: str, instance: Path = Path("unused"), mail_from: str = FROM) -> Config:
    return Config("sqlite:///unused", instance, "x" * 16, smtp_url, mail_from, "http://127.0.0.1:8000")


def send(port: int, mail: smtp.ClaimedMail | None = None, prefix: str = "smtp://", suffix: str = "") -> Outcome:
    return send_by(config_with(f"{prefix}127.0.0.1:{port}{suffix}"), mail or claimed())


def send_by(config: Config, *mails: smtp.ClaimedMail) -> Outcome:
    """What became of the last of the mails, which leave together."""
    with sender_for(config) as sender:
        return [sender(mail) for mail in mails][-1]


def test_an_accepted_mail_arrives_whole_with_all_its_headers():
    with smtp_server() as server:
        outcome = send(server.port)

    assert outcome == Outcome("sent")
    [message] = server.messages
    assert message["From"] == "Credits of the park <credits@park.example>"
    assert message["To"] == "founder@harbour.example"
    assert message["Subject"] == "Azure credits expire in 7 days"
    assert message["Date"] == "Mon, 15 Jun 2026 04:00:00 +0000"
    assert message["Message-ID"] == "<0123456789abcdef@park.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().replace("\r\n", "\n") == content().text  # lines of points arrive as they were
    assert html.get_content().strip() == content().html


def test_two_tries_of_a_mail_are_the_same_to_the_byte():
    with smtp_server() as server:
        send(server.port)
        send(server.port)

    first, second = server.taken
    assert first == second


def test_a_subject_outside_ascii_arrives_as_it_was_written():
    subject = "科技聯動：您的 Azure 點數將於 7 天後到期，請在到期前使用，或向您的培育經理申請延期，以免失去餘下的點數"
    with smtp_server() as server:
        send(server.port, claimed(rendered=content(subject)))

    assert server.messages[0]["Subject"] == subject
    assert server.taken[0].isascii()


@pytest.mark.parametrize(
    "answer, result, halt",
    [
        ("450 4.2.1 mailbox busy", "temporary", False),
        ("421 4.3.2 shutting down", "temporary", True),
        ("550 5.1.1 no such user", "permanent", False),
        ("530 5.7.0 sign in first", "temporary", True),
    ],
)
def test_a_refused_recipient_is_judged_by_the_code(answer, result, halt):
    with smtp_server() as server:
        server.answers_to_recipient["founder@harbour.example"] = answer
        outcome = send(server.port)

    assert outcome == Outcome(result, f"RCPT refused: {answer}", halt)
    assert server.taken == []


@pytest.mark.parametrize(
    "answer, result", [("451 4.7.1 try later", "temporary"), ("554 5.6.0 not wanted", "permanent")]
)
def test_a_refused_mail_is_judged_by_the_code(answer, result):
    with smtp_server() as server:
        server.answer_to_mail = answer
        outcome = send(server.port)

    assert (outcome.result, outcome.detail) == (result, f"the mail refused: {answer}")


@pytest.mark.parametrize(
    "step, answer, result",
    [
        ("MAIL", b"452 4.3.1 full\r\n", "temporary"),
        ("MAIL", b"550 5.1.8 bad sender\r\n", "permanent"),
        ("DATA", b"451 4.3.0 later\r\n", "temporary"),
        ("DATA", b"554 5.5.1 no valid recipients\r\n", "permanent"),
        ("MAIL", b"hello?\r\n", "temporary"),
        ("mail", b"hello?\r\n", "uncertain"),
        ("mail", b"354 go on\r\n", "uncertain"),
        ("mail", b"250 " + b"x" * 9000 + b"\r\n", "uncertain"),
        ("RCPT", b"251 will forward\r\n", "sent"),
    ],
)
def test_any_answer_at_any_step_has_one_meaning(step, answer, result):
    with BreakingServer(answers={step: answer}) as server:
        outcome = send(server.port)

    assert outcome.result == result


@pytest.mark.parametrize("answer", [b"421 too many connections\r\n", b"554 no service for you\r\n"])
def test_a_server_that_takes_no_connection_refuses_no_mail(answer):
    with BreakingServer(answers={"greeting": answer}) as server:
        outcome = send(server.port)

    assert (outcome.result, outcome.halt) == ("temporary", True)
    assert f"no connection to 127.0.0.1:{server.port}" in outcome.detail


@pytest.mark.parametrize("moment", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "before-data"])
def test_a_connection_lost_before_the_end_of_data_is_temporary(moment):
    with BreakingServer(moment) as server:
        outcome = send(server.port)

    assert outcome.result == "temporary"
    assert server.whole_mails == []


def test_the_final_point_is_not_sent_to_a_server_that_has_already_gone():
    with BreakingServer("half-closed") as server:
        outcome = send(server.port)
        assert server.reached.wait(30)

    assert outcome.result == "temporary"
    assert b"Message-ID" in server.read_after_the_end
    assert not server.read_after_the_end.endswith(b"\r\n.\r\n")


def test_a_connection_lost_in_the_middle_of_a_large_mail_is_temporary():
    large = Rendered("Large", "x" * 30_000_000, "<p>Large</p>")
    with BreakingServer("before-data") as server:
        outcome = send(server.port, claimed(rendered=large))

    assert outcome.result == "temporary"


def test_a_connection_lost_between_the_end_of_data_and_the_answer_is_uncertain():
    with BreakingServer("after-data") as server:
        outcome = send(server.port)

    assert outcome.result == "uncertain"
    assert server.message_ids == ["<0123456789abcdef@park.example>"]


def test_a_server_that_never_answers_the_mail_leaves_it_uncertain(monkeypatch):
    monkeypatch.setattr(smtp, "ANSWER_SECONDS", 0.2)

    with BreakingServer("after-data", silent=True) as server:
        outcome = send(server.port)

    assert outcome.result == "uncertain"


@pytest.mark.parametrize("moment", ["greeting", "EHLO", "RCPT", "DATA"])
def test_a_server_that_falls_silent_earlier_is_temporary(monkeypatch, moment):
    monkeypatch.setattr(smtp, "STEP_SECONDS", 0.2)

    with BreakingServer(moment, silent=True) as server:
        outcome = send(server.port)

    assert outcome.result == "temporary"


def test_an_accepted_mail_stays_accepted_when_the_goodbye_fails():
    with BreakingServer("QUIT") as server:
        outcome = send(server.port)

    assert outcome == Outcome("sent")


def test_no_server_at_all_is_temporary_and_halts_the_run():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    outcome = send(port)

    assert outcome == Outcome("temporary", f"no connection to 127.0.0.1:{port}: Connection refused", halt=True)


def test_a_mail_goes_over_starttls_with_a_sign_in(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))

    with smtp_server(tls_context=server_tls(), require_starttls=True, auth_required=True) as server:
        outcome = send(server.port, prefix=f"smtp://{USER}:{QUOTED_PASSWORD}@", suffix="?starttls=1")

    assert outcome == Outcome("sent")
    assert server.signed_in == [USER]
    assert len(server.taken) == 1


def test_a_mail_goes_over_smtps(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))

    with smtp_server(implicit_tls=True) as server:
        outcome = send(server.port, prefix="smtps://")

    assert outcome == Outcome("sent")


def test_a_certificate_that_nobody_vouches_for_is_not_talked_to():
    with smtp_server(tls_context=server_tls()) as server:
        outcome = send(server.port, prefix=f"smtp://{USER}:{QUOTED_PASSWORD}@", suffix="?starttls=1")

    assert (outcome.result, outcome.halt) == ("temporary", True)
    assert (server.taken, server.signed_in) == ([], [])


def test_a_server_without_starttls_is_not_talked_to_in_the_clear():
    with smtp_server() as server:
        outcome = send(server.port, suffix="?starttls=1")

    assert (outcome.result, outcome.halt) == ("temporary", True)
    assert server.taken == []


def test_a_wrong_password_is_our_fault_and_not_the_mails(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))

    with smtp_server(tls_context=server_tls(), require_starttls=True) as server:
        outcome = send(server.port, prefix=f"smtp://{USER}:wrong-password@", suffix="?starttls=1")

    assert (outcome.result, outcome.halt) == ("temporary", True)
    assert "535" in outcome.detail
    assert "wrong-password" not in outcome.detail


def test_a_password_that_smtp_cannot_carry_is_not_quoted(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))

    with smtp_server(tls_context=server_tls()) as server:
        outcome = send(server.port, prefix=f"smtp://{USER}:geh%C3%A9im@", suffix="?starttls=1")

    assert (outcome.result, outcome.halt) == ("temporary", True)
    assert "é" not in outcome.detail


def test_what_a_server_echoes_of_links_is_not_kept():
    token = RESET_LINK.rpartition("/")[2]
    reset = Rendered("Set a new password", f"Open {RESET_LINK}\n", f'<a href="{RESET_LINK}">Set</a>')
    answer = f"554 5.7.1 the address {RESET_LINK} ({token}) is\x1b[31m listed, see https://list.example/why"

    with smtp_server() as server:
        server.answer_to_mail = answer
        outcome = send(server.port, claimed(rendered=reset))

    assert outcome.result == "permanent"
    assert outcome.detail == "the mail refused: 554 5.7.1 the address [...] ([...]) is [31m listed, see [link]"


def test_an_address_outside_ascii_needs_a_server_that_takes_it():
    with smtp_server() as plain, smtp_server(enable_SMTPUTF8=True) as wide:
        refused = send(plain.port, claimed("創辦人@harbour.example"))
        taken = send(wide.port, claimed("創辦人@harbour.example"))

    assert refused.result == "permanent"
    assert taken == Outcome("sent")
    assert wide.recipients == ["創辦人@harbour.example"]


def test_a_domain_outside_ascii_is_written_in_the_form_that_mail_uses():
    with smtp_server() as server:
        outcome = send(server.port, claimed("founder@海港.example"))

    assert outcome == Outcome("sent")
    assert server.recipients == ["founder@xn--90w6o.example"]


@pytest.mark.parametrize(
    "mail",
    [
        claimed(rendered=Rendered("Hello\r\nBcc: all@park.example", "text", "<p></p>")),
        claimed("founder@harbour.example\r\nBcc: all@park.example"),
        claimed("founder@harbour.example\nRCPT TO:<all@park.example>"),
    ],
)
def test_a_line_break_never_becomes_a_header(mail):
    with smtp_server() as server:
        outcome = send(server.port, mail)

    assert outcome.result == "permanent"
    assert server.taken == []


@pytest.mark.parametrize(
    "url, expected",
    [
        ("smtp://relay.example", ("relay.example", 25, "none", "", "")),
        ("smtp://relay.example:2525?starttls=0", ("relay.example", 2525, "none", "", "")),
        ("smtp://u:p%40w@relay.example?starttls=1", ("relay.example", 587, "starttls", "u", "p@w")),
        ("smtps://u:p@relay.example", ("relay.example", 465, "implicit", "u", "p")),
    ],
)
def test_the_address_of_a_server_is_read(url, expected):
    server = parse_smtp_url(url)

    assert (server.host, server.port, server.tls, server.user, server.password) == expected


@pytest.mark.parametrize(
    "url",
    [
        "smtp://u:hunter22@relay.example?starttls=yes", "smtp://u:hunter22@relay.example?startls=1",
        "smtp://u:hunter22@relay.example?starttls", "smtps://u:hunter22@relay.example?starttls=1",
        "smtp://u:hunter22@relay.example:port", "smtp://u:hunter22@relay.example:0",
        "smtp://u:hunter/22@relay.example", "smtp://u:hunter22@", "smtp://:hunter22@relay.example",
        "http://u:hunter22@relay.example", "smtp://u@relay.example",
    ],
)
def test_a_wrong_address_of_a_server_is_refused_without_quoting_the_password(url):
    with pytest.raises(ConfigError, match="CREDITSVC_SMTP_URL") as refusal:
        sender_for(config_with(url))

    assert "hunter" not in str(refusal.value)


def test_a_password_is_not_part_of_what_a_server_prints():
    server = parse_smtp_url(f"smtp://{USER}:{QUOTED_PASSWORD}@relay.example")

    assert PASSWORD == server.password
    assert PASSWORD not in repr(server)


def test_a_sender_that_is_no_address_stops_before_anything_is_sent():
    with pytest.raises(ConfigError, match="CREDITSVC_MAIL_FROM"):
        sender_for(config_with("file:", mail_from="credits@"))


def test_a_file_holds_the_mail_and_only_its_owner_reads_it(tmp_path):
    outcome = send_by(config_with("file:", tmp_path), claimed())

    [file] = (tmp_path / "mail").iterdir()
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert outcome == Outcome("sent")
    assert file.name == "20260615T040000Z-digest-0123456789abcdef.eml"
    assert file.read_bytes() == message_for(claimed(), FROM)
    assert message["Message-ID"] == "<0123456789abcdef@park.example>"
    assert file.stat().st_mode & 0o077 == 0


def test_the_same_mail_again_is_one_file(tmp_path):
    other = replace(claimed(), message_id="<fedcba9876543210@park.example>")

    send_by(config_with("file:", tmp_path), claimed(), claimed(), other)

    assert len(list((tmp_path / "mail").iterdir())) == 2


def test_a_file_that_cannot_be_finished_leaves_none_behind(tmp_path, monkeypatch):
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    outcome = send_by(config_with("file:", tmp_path), claimed())

    assert (outcome.result, outcome.halt) == ("temporary", True)
    assert "No space left on device" in outcome.detail
    assert list((tmp_path / "mail").iterdir()) == []
