"""iCalendar text, read back by the library that wrote it and by another one that knows nothing of it."""

from datetime import UTC, datetime, timedelta

import icalendar
import pytest
import vobject
from hypothesis import given
from hypothesis import strategies as st

from creditsvc.consulting.calendars import Contact, Entry, invitation, organiser, published
from tests.conftest import NOW

UID = "0d2f7d63-5d2c-4c3b-9a7e-4f1f4b1c2a10"
STARTS = datetime(2026, 7, 1, 1, 30, tzinfo=UTC)
BY = organiser("Credits of the park <credits@park.example>")
TO = Contact("founder@harbour.example", "A. Lee")
ODD_TEXTS = (
    "commas, semicolons; colons: and \\ backslashes",
    "two\nlines\r\nand a third\rand a fourth",
    "顧問時段：雲端架構，第一次會議；請準時" * 8,
    "a long line " * 40,
    'quotes " and \' and ^n and \\n',
    "END:VEVENT\nBEGIN:VEVENT\r\nUID:other",
    "separators\u2028of\u2029lines\x0bthat\x0csome\x85readers\x1cknow",
    "",
)


def entry(summary: str = "Landing zone", sequence: int = 0, **more) -> Entry:
    url = f"https://credits.park.example/bookings/{UID}"
    values = {"description": "Harbour Robotics\nDr. Wong", "url": url, **more}
    return Entry(UID, sequence, STARTS, STARTS + timedelta(hours=1), summary, **values)


def by_both(text: str) -> tuple[icalendar.Event, object]:
    """The one event of a calendar, by either reader."""
    [event] = icalendar.Calendar.from_ical(text).events
    return event, vobject.readOne(text).vevent


def one_way(text: str) -> str:
    """A text as it must come back: with one kind of line end, blanks for what would end a line in some reader."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(" " if one in "\u2028\u2029\x0b\x0c\x85\x1c" else one for one in lines)


def test_an_invitation_says_what_when_and_whom_to_both_readers():
    text = invitation("REQUEST", entry(), BY, TO, NOW)

    event, other = by_both(text)
    assert (str(event["UID"]), event["SEQUENCE"], str(event["STATUS"])) == (UID, 0, "CONFIRMED")
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (STARTS, STARTS + timedelta(hours=1))
    assert event["DTSTAMP"].dt == NOW
    assert str(event["ORGANIZER"]) == "mailto:credits@park.example"
    assert event["ORGANIZER"].params["CN"] == "Credits of the park"
    assert str(event["ATTENDEE"]) == "mailto:founder@harbour.example"
    assert (other.uid.value, other.sequence.value, other.status.value) == (UID, "0", "CONFIRMED")
    assert (other.dtstart.value, other.dtend.value, other.dtstamp.value) == (STARTS, STARTS + timedelta(hours=1), NOW)
    assert (other.summary.value, other.description.value) == ("Landing zone", "Harbour Robotics\nDr. Wong")
    assert other.organizer.value == "mailto:credits@park.example"
    assert other.attendee.value == "mailto:founder@harbour.example"
    assert other.attendee.params["CN"] == ["A. Lee"]
    assert "DTSTART:20260701T013000Z\r\n" in text
    assert "TZID" not in text


def test_a_change_and_a_cancellation_keep_the_uid_and_raise_the_sequence():
    texts = [
        invitation("REQUEST", entry(), BY, TO, NOW), invitation("REQUEST", entry(sequence=1), BY, TO, NOW),
        invitation("CANCEL", entry(sequence=2), BY, TO, NOW),
    ]

    for number, (text, method) in enumerate(zip(texts, ("REQUEST", "REQUEST", "CANCEL"), strict=True)):
        event, other = by_both(text)
        assert str(icalendar.Calendar.from_ical(text)["METHOD"]) == vobject.readOne(text).method.value == method
        assert (str(event["UID"]), event["SEQUENCE"]) == (other.uid.value, int(other.sequence.value)) == (UID, number)
    assert other.status.value == str(event["STATUS"]) == "CANCELLED"


@pytest.mark.parametrize("typed", ODD_TEXTS)
def test_what_people_type_comes_back_as_they_typed_it_and_is_never_more_than_text(typed: str):
    text = invitation("REQUEST", entry(typed, description=typed), BY, Contact("a@b.example", typed), NOW)

    event, other = by_both(text)
    assert str(event["SUMMARY"]) == str(event["DESCRIPTION"]) == one_way(typed)
    assert other.summary.value == other.description.value == one_way(typed)
    assert str(event["UID"]) == other.uid.value == UID
    assert [one.split(":")[0] for one in text.split("\r\n")].count("UID") == 1
    assert max(len(line.encode()) for line in text.split("\r\n")) <= 75
    assert "\n" not in text.replace("\r\n", "")


def test_lines_are_folded_between_characters_and_not_within_one():
    text = invitation("REQUEST", entry("雲端架構" * 60), BY, TO, NOW)

    for line in text.encode().split(b"\r\n"):
        line.decode()
        assert len(line) <= 75


@given(st.text(), st.text())
def test_no_text_breaks_out_of_its_line(summary: str, name: str):
    text = published(name, [entry(summary)], BY, NOW)
    names = {line.split(":")[0].split(";")[0] for line in text.replace("\r\n ", "").split("\r\n") if line}

    assert names <= {
        "BEGIN", "END", "VERSION", "PRODID", "CALSCALE", "METHOD", "NAME", "X-WR-CALNAME", "REFRESH-INTERVAL",
        "X-PUBLISHED-TTL", "UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "URL", "STATUS",
        "ORGANIZER",
    }
    assert len(icalendar.Calendar.from_ical(text).events) == 1
    assert vobject.readOne(text).vevent.uid.value == UID


def test_an_address_is_an_address_and_nothing_else():
    text = invitation("REQUEST", entry(), BY, Contact("a+b@c.example", 'A "B"; C, D: E\r\nX:1'), NOW)

    event, other = by_both(text)
    assert str(event["ATTENDEE"]) == other.attendee.value == "mailto:a+b@c.example"
    assert event["ATTENDEE"].params["CN"] == other.attendee.params["CN"][0] == "A 'B'; C, D: E X:1"
    assert "\r\nX:1" not in text


def test_a_whole_calendar_names_every_session_once_and_nobody_but_the_organiser():
    entries = [
        Entry(f"uid-{number}", number, STARTS + timedelta(days=number), STARTS + timedelta(days=number, hours=1),
              f"Session {number}", "Harbour", "https://credits.park.example/bookings/x")
        for number in range(3)
    ]

    text = published("Dr. Wong, 黃", entries, BY, NOW)

    calendar, other = icalendar.Calendar.from_ical(text), vobject.readOne(text)
    assert (str(calendar["METHOD"]), other.method.value) == ("PUBLISH", "PUBLISH")
    assert other.x_wr_calname.value == "Dr. Wong, 黃"
    assert "\r\nNAME:Dr. Wong\\, 黃\r\n" in text
    assert [str(event["UID"]) for event in calendar.events] == ["uid-0", "uid-1", "uid-2"]
    assert [event.uid.value for event in other.vevent_list] == ["uid-0", "uid-1", "uid-2"]
    assert "ATTENDEE" not in text


def test_a_calendar_of_no_sessions_is_one_too():
    text = published("Dr. Wong", [], BY, NOW)

    assert icalendar.Calendar.from_ical(text).events == []
    assert not hasattr(vobject.readOne(text), "vevent")
