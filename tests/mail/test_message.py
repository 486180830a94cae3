"""Mails as bytes: what the standard library's parser reads back, and sets of them as files."""

import email
import email.policy
from dataclasses import replace
from email.headerregistry import Address
from email.policy import SMTP

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from creditsvc.core.errors import RuleBroken
from creditsvc.mail.message import message_for, unencoded
from creditsvc.mail.outbox import check_address
from creditsvc.mail.render import Rendered
from creditsvc.mail.smtp import write_files
from tests.mail.letters import FROM, claimed

ODD_TEXTS = (
    "a line of " + "very " * 300 + "many words",
    "trailing blanks   \nand a tab\t\n",
    ".\n..\nFrom the park\n--=_0123456789abcdef\n",
    "科技聯動：您的點數將於 7 天後到期 = 100 % €",
    "",
)


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_what_a_mail_says_is_read_back_as_it_was_by_the_parser_of_the_standard_library(text: str):
    subject, name = "Your credit expires: " + "點數" * 40, "科技園 (credits), “the park”"
    mail = claimed(rendered=Rendered(subject, text, f"<p>{text}</p>"))

    raw = message_for(mail, f'"{name}" <credits@park.example>')

    message = email.message_from_bytes(raw, policy=email.policy.default)
    parts = [part.get_content().replace("\r\n", "\n").rstrip("\n") for part in message.iter_parts()]
    assert parts == [text.rstrip("\n"), f"<p>{text}</p>".rstrip("\n")]
    assert message["Subject"] == subject
    [sender] = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "credits@park.example")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:{}\r\nX-WR-CALNAME:顧問\\, 科技\r\nEND:VCALENDAR\r\n"


@pytest.mark.parametrize("method", ["REQUEST", "CANCEL", "PUBLISH"])
def test_a_calendar_goes_as_one_more_form_of_the_mail_and_as_a_file_line_ends_and_all(method: str):
    calendar = CALENDAR.format(method)

    raw = message_for(claimed(calendar=calendar), FROM)

    message = email.message_from_bytes(raw, policy=email.policy.default)
    forms, file = message.iter_parts()
    text, html, invitation = forms.iter_parts()
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar", "application/ics",
    ]
    assert text.get_content().replace("\r\n", "\n") == claimed().content.text
    assert html.get_content().strip() == claimed().content.html
    assert dict(invitation["Content-Type"].params) == {"charset": "utf-8", "method": method}
    assert invitation.get_payload(decode=True) == file.get_payload(decode=True) == calendar.encode()
    assert (file.get_filename(), file.get_content_disposition()) == ("invite.ics", "attachment")
    assert message.defects == forms.defects == []
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_a_mail_without_a_calendar_is_two_forms_and_nothing_else():
    message = email.message_from_bytes(message_for(claimed(), FROM), policy=email.policy.default)

    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize("calendar", ["", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", CALENDAR.format("x; a=b")])
def test_a_calendar_that_states_no_method_that_we_know_is_not_sent(calendar: str):
    with pytest.raises(ValueError, match="states no method"):
        message_for(claimed(calendar=calendar), FROM)


def test_of_a_set_of_files_one_that_cannot_be_written_keeps_no_other_back(tmp_path):
    good = [replace(claimed(), message_id=f"<{letter}@park.example>") for letter in "ab"]
    bad = replace(claimed("founder@\nharbour.example"), message_id="<c@park.example>")

    outcomes = write_files(tmp_path / "mail", FROM, [good[0], bad, good[1]])

    assert [outcome.result for outcome in outcomes] == ["sent", "permanent", "sent"]
    assert sorted(path.suffix for path in (tmp_path / "mail").iterdir()) == [".eml", ".eml"]


ENCODED = "=?utf-8?q?Harbour=0D=0AContent-Type:_text/html=0D=0A=0D=0A<a_href=3Dhttp://evil.example>?="


@pytest.mark.parametrize(
    "typed", [ENCODED, f"Credit of {ENCODED} expires", "=?utf-8?q?a=00b?=", "=?utf-8?b?DQpCY2M6IHg=?="]
)
def test_what_looks_like_an_encoded_word_is_shown_as_it_was_typed_and_ends_no_header(typed: str):
    raw = message_for(claimed(rendered=Rendered(typed, "text", "<p>html</p>")), FROM)

    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content().strip() for part in message.iter_parts()] == ["text", "<p>html</p>"]
    assert message["Subject"] == typed.replace("=?", "= ?")
    assert "Bcc" not in message


def test_an_address_that_looks_like_an_encoded_word_is_refused():
    for address in ("=?utf-8?q?a=0d=0aBcc=3ax?=@b.example", "=?utf-8?q?a=2C_c=40d.e=2C?=@b.example"):
        with pytest.raises(RuleBroken, match="is no mail address"):
            check_address(address)
        with pytest.raises(ValueError, match="is no mail address"):
            message_for(claimed(address), FROM)


@pytest.mark.parametrize("scheme, one_click", [("https", 1), ("http", 0)])
def test_what_can_be_unsubscribed_says_where_and_that_a_program_may_do_it_where_that_is_safe(scheme, one_click):
    mail = replace(claimed(), unsubscribe_url=f"{scheme}://credits.park.example/unsubscribe/{'a' * 200}.b")

    head = message_for(mail, FROM).partition(b"\r\n\r\n")[0]

    assert f"\r\nList-Unsubscribe: <{mail.unsubscribe_url}>\r\n".encode() in head
    assert head.count(b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n") == one_click


def test_an_address_to_unsubscribe_at_that_is_none_is_refused():
    with pytest.raises(ValueError, match="none"):
        message_for(replace(claimed(), unsubscribe_url="https://x\r\nBcc: a@b.example"), FROM)


PRINTABLE = st.text(st.one_of(st.characters(min_codepoint=32, max_codepoint=126), st.sampled_from("é點—")), max_size=90)
LOCALS = st.from_regex(r"[A-Za-z0-9_+.-]{1,60}", fullmatch=True)


@given(subject=PRINTABLE)
@example(subject="Credit expires on 1 July 2026: USD 1,000.00 (Harbour)")
@example(subject="a" * 69)
@example(subject="a" * 70)
@example(subject=" two  spaces ")
def test_a_subject_that_needs_no_care_is_written_as_the_policy_writes_it(subject: str):
    whole = SMTP.fold_binary(*SMTP.header_store_parse("Subject", unencoded(subject)))

    assert b"\r\n" + whole + b"Date: " in message_for(claimed(rendered=Rendered(subject, "text", "<p>html</p>")), FROM)


@given(local=LOCALS)
@example(local="founder+credits")
@example(local="a..b")
@example(local=".a")
def test_an_address_that_needs_no_care_is_written_as_the_policy_writes_it(local: str):
    whole = SMTP.fold_binary(*SMTP.header_store_parse("To", Address(username=local, domain="harbour.example")))

    assert b"\r\n" + whole in message_for(claimed(f"{local}@harbour.example"), FROM)
