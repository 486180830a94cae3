"""Signed links: what is in a mail may be done by who got it, nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from creditsvc.alerts.links import VALID_FOR, Link, make_link, read_link
from creditsvc.core.errors import NotFound

NOW = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
SECRET = "a key for tests alone"


def token(link: Link, secret: str = SECRET) -> str:
    return make_link(secret, "https://credits.park.example", link, NOW).rpartition("/")[2]


@pytest.mark.parametrize("link", [Link("acknowledge", 7, 12), Link("snooze", 1, 2)])
def test_a_link_says_what_it_was_made_for(link: Link):
    assert read_link(SECRET, token(link), NOW) == link


def test_a_link_leads_to_the_service():
    address = make_link(SECRET, "https://credits.park.example", Link("snooze", 1, 2), NOW)

    assert address.startswith("https://credits.park.example/alerts/s.1.2.")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("a.7.", "a.8.", 1),
        lambda text: text.replace("a.7.12.", "a.7.13.", 1),
        lambda text: "s" + text[1:],
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: text.rpartition(".")[0],
        lambda text: "",
        lambda text: "é" + text,
    ],
)
def test_a_link_that_was_tampered_with_is_none(change):
    with pytest.raises(NotFound):
        read_link(SECRET, change(token(Link("acknowledge", 7, 12))), NOW)


def test_a_link_of_another_service_is_none():
    with pytest.raises(NotFound):
        read_link(SECRET, token(Link("acknowledge", 7, 12), "another key altogether"), NOW)


@pytest.mark.parametrize("late, good", [(timedelta(seconds=-1), True), (timedelta(), False)])
def test_a_link_ends_after_its_days(late: timedelta, good: bool):
    link = Link("acknowledge", 7, 12)
    at = NOW + VALID_FOR + late

    if good:
        assert read_link(SECRET, token(link), at) == link
    else:
        with pytest.raises(NotFound):
            read_link(SECRET, token(link), at)
