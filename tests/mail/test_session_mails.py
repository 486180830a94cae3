"""The mails about sessions: what each says, and on whose clock."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from creditsvc.mail.session_mails import RENDERERS, moment, period

BASE = "https://credits.park.example"
HONG_KONG, LONDON = ZoneInfo("Asia/Hong_Kong"), ZoneInfo("Europe/London")
STARTS = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)


def values(**more):
    return {
        "person_name": "A. Lee", "reader": "startup", "startup_name": "Harbour Robotics", "consultant_name": "Dr. Wong",
        "topic": "Landing zone", "begins": moment(STARTS, HONG_KONG, "en"),
        "when": period(STARTS, STARTS + timedelta(hours=1), HONG_KONG, "en"), "session_url": f"{BASE}/bookings/b1",
        "base_url": BASE, "was": None, "reason": "", "used": 0, "minutes": 45, "booked": 60, "note": "", "dispute": "",
        "confirm_by": "22 June 2026, 13:00", **more,
    }


@pytest.mark.parametrize(
    "kind, subject",
    [
        ("booked", "Session booked for 15 June 2026, 12:00 (UTC+8): Landing zone"),
        ("changed", "Session changed to 15 June 2026, 12:00 (UTC+8): Landing zone"),
        ("cancelled", "Session of 15 June 2026, 12:00 (UTC+8) cancelled: Landing zone"),
        ("reminder", "Reminder: session on 15 June 2026, 12:00 (UTC+8): Landing zone"),
        ("logged", "Please confirm the session of 15 June 2026, 12:00 (UTC+8): Landing zone"),
        ("confirmed", "Session of 15 June 2026, 12:00 (UTC+8) counts as confirmed: Landing zone"),
        ("disputed", "Disputed: session of Harbour Robotics on 15 June 2026, 12:00 (UTC+8)"),
        ("settled", "Session of 15 June 2026, 12:00 (UTC+8) is settled: Landing zone"),
        ("no-show", "Nobody came to the session of 15 June 2026, 12:00 (UTC+8): Landing zone"),
    ],
)
def test_every_mail_names_the_session_in_its_subject_and_in_both_forms(kind, subject):
    rendered = RENDERERS[kind](values(), "en")

    assert rendered.subject == subject
    for part in (rendered.text, rendered.html):
        for words in ("Hello A. Lee,", "12:00–13:00 (Asia/Hong_Kong, UTC+08:00)", "Landing zone", "Harbour Robotics",
                      "Dr. Wong", f"{BASE}/bookings/b1"):
            assert words in part


def test_the_text_of_a_mail_reads_as_a_letter():
    text = RENDERERS["logged"](values(note="We drew the network."), "en").text

    assert text == f"""Hello A. Lee,

Dr. Wong has noted how long a session was. Please say until 22 June 2026, 13:00 whether that is right; without a word \
from you it counts then.

When: Monday, 15 June 2026, 12:00–13:00 (Asia/Hong_Kong, UTC+08:00)
Topic: Landing zone
Startup: Harbour Robotics
Consultant: Dr. Wong
Booked: 60 minutes
Noted: 45 minutes
Note: We drew the network.

Confirm or dispute it here:
{BASE}/bookings/b1

--{' '}
You get this mail because you own Harbour Robotics or booked the session.
{BASE}
"""


@pytest.mark.parametrize(
    "kind, more, words",
    [
        ("changed", {"was": "Sunday, 14 June 2026, 12:00–13:00"}, "Until now: Sunday, 14 June 2026, 12:00–13:00"),
        ("cancelled", {"reason": "The founder is ill"}, "Why: The founder is ill"),
        ("cancelled", {"used": 1}, "It was cancelled late: 1 minute counts as used."),
        ("cancelled", {"used": 30}, "It was cancelled late: 30 minutes count as used."),
        ("confirmed", {"used": 45}, "Used: 45 minutes"),
        ("no-show", {"used": 60}, "Used: 60 minutes"),
        ("disputed", {"dispute": "It was half an hour"}, "What they say: It was half an hour"),
        ("booked", {"reader": "consultant"}, "because the session is with you."),
        ("disputed", {"reader": "manager"}, "because you look after Harbour Robotics."),
    ],
)
def test_what_is_known_besides_is_said_in_both_forms_and_left_out_otherwise(kind, more, words):
    rendered, plain = RENDERERS[kind](values(**more), "en"), RENDERERS[kind](values(), "en")

    assert words in rendered.text
    assert words in " ".join(re.sub("<[^>]*>", " ", rendered.html).split())
    assert words not in plain.text


@pytest.mark.parametrize("kind", RENDERERS)
def test_what_people_typed_is_never_taken_for_markup_and_nothing_is_fetched(kind):
    typed = '"><img src=x><script>alert(1)</script>'
    html = RENDERERS[kind](
        values(topic=typed, startup_name=typed, consultant_name=typed, note=typed, dispute=typed, reason=typed), "en"
    ).html

    for part in ("<img", "<script", "<link", "@import", "@font-face", "url("):
        assert part not in html
    assert 'style="' in html


@pytest.mark.parametrize(
    "starts, zone, words",
    [
        (STARTS, LONDON, "Monday, 15 June 2026, 05:00–06:00 (Europe/London, UTC+01:00)"),
        (datetime(2026, 6, 15, 15, 30, tzinfo=UTC), HONG_KONG,
         "Monday, 15 June 2026, 23:30–Tuesday, 16 June 2026, 00:30 (Asia/Hong_Kong, UTC+08:00)"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), LONDON,
         "Sunday, 25 October 2026, 01:30–01:30 (Europe/London, UTC+01:00/UTC+00:00)"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), LONDON,
         "Sunday, 25 October 2026, 01:30–02:30 (Europe/London, UTC+00:00)"),
        (STARTS, ZoneInfo("Asia/Kathmandu"), "Monday, 15 June 2026, 09:45–10:45 (Asia/Kathmandu, UTC+05:45)"),
    ],
)
def test_a_time_is_told_on_the_clock_of_its_reader_and_which_of_two_hours_is_meant(starts, zone, words):
    assert period(starts, starts + timedelta(hours=1), zone, "en") == words
