"""Every mail in every language as mail programs see it: what `html_check` looks for, and that it finds it."""

from collections.abc import Callable

import pytest

from creditsvc.administration import mail_samples
from creditsvc.core.due_alerts import RULES
from creditsvc.languages import LANGUAGES, locale_for, tag_of
from creditsvc.mail.render import MOST_BYTES, Rendered, render_digest
from tests.mail.html_check import faults
from tests.mail.test_render import digest, item, section

BASE = "https://credits.park.example"
DATA = frozenset(
    {
        "M. Chan",
        "Harbour Robotics",
        "Azure credit",
        "Consultant hours",
        "harbour-azure",
        "harbour-hours",
        "harbour-seats",
        "ms-azure",
        "hours",
        "3f1c9a52-77de-4b0a-9c1e-5a2b8d4e6f70",
    }
)


def texts(values: object) -> set[str]:
    """All texts of what a sample is made of."""
    if isinstance(values, str):
        return {values, *values.split("\n")} if len(values) > 3 else set()
    parts = values.values() if isinstance(values, dict) else values if isinstance(values, list | tuple) else ()
    return set().union(*(texts(part) for part in parts))


def faults_of(mail: Rendered, language: str, typed: set[str] | frozenset[str] = DATA) -> list[str]:
    return faults(mail, tag_of(locale_for(language)), BASE, typed | DATA)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", mail_samples.kinds())
def test_mail_programs_can_show_every_mail_as_it_is_meant(kind: str, language: str):
    mail = mail_samples.sample(kind, language)

    assert faults_of(mail, language, texts(mail_samples.values_of(kind, language))) == []


@pytest.mark.parametrize("for_staff", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rule", RULES)
def test_what_the_night_says_by_each_rule_can_be_shown_and_leads_to_the_next_step(rule, language, for_staff):
    mail = mail_samples.digest(language, (rule,), for_staff=for_staff)

    assert faults_of(mail, language) == []
    own = 2 * for_staff  # staff are told of a pool and of the incubator's own tenant too
    assert mail.html.count("/alerts/a") == 1 + own
    assert any(
        f"{BASE}/{page}" in mail.text
        for page in ("startups/harbour/", "grants/harbour", "usage/upload", "publishers-counts", "startups/harbour\n")
    )


def in_html(found: str, put: str) -> Callable[[Rendered], Rendered]:
    def change(mail: Rendered) -> Rendered:
        assert found in mail.html
        return Rendered(mail.subject, mail.text, mail.html.replace(found, put, 1))

    return change


def in_text(found: str, put: str) -> Callable[[Rendered], Rendered]:
    def change(mail: Rendered) -> Rendered:
        assert found in mail.text
        return Rendered(mail.subject, mail.text.replace(found, put), mail.html)

    return change


@pytest.mark.parametrize(
    "seeded, word",
    [
        (in_html('lang="en-GB"', 'lang="fr"'), "language"),
        (in_html("</body>", "<p style='a:b'>" + "<!-- long -->" * 9000 + "</p></body>"), "too many"),
        (in_html('content="light dark"', 'content="light"'), "light and dark"),
        (in_html("prefers-color-scheme: dark", "print"), "no dark mode"),
        (in_html(' role="presentation"', ""), "role=presentation"),
        (in_html("</body>", "<script>1</script></body>"), "<script>"),
        (in_html("<a ", "<a onclick='x()' "), "not for mails"),
        (in_html("</body>", '<img src="data:,"></body>'), "alt"),
        (in_html("</body>", '<img alt="a" src="https://far.example/a.png"></body>'), "fetches"),
        (in_html("</head>", "<style>@font-face { src: url(a) }</style></head>"), "fetched"),
        (in_html("</head>", "<style>p { color: red }</style></head>"), "outside their elements"),
        (in_html("max-width: 600px", "max-width: 700px"), "wider than 600"),
        (in_html("max-width: 600px", "width: 700px"), "wider than a phone"),
        (in_html("max-width: 600px", "color: red"), "bounds"),
        (in_html('class="break" style=', "class="), "no style"),
        (in_html(f'href="{BASE}', 'href="'), "a link leads"),
        (in_html(f'href="{BASE}', 'href="https://credits.park.example.far'), "a link leads"),
        (in_text(f"{BASE}/bookings/sample", ""), "lacks the link"),
        (in_text("75 minutes", "some minutes"), "lacks the figure 75"),
        (in_text("We went through the forms.", ""), "lacks 'We went"),
        (in_text(" (UTC+8)", ""), "without its zone"),
    ],
)
def test_each_fault_is_found_where_it_was_put(seeded: Callable[[Rendered], Rendered], word: str):
    mail = mail_samples.sample("session_logged", "en")

    found = faults_of(seeded(mail), "en")

    assert faults_of(mail, "en") == []
    assert any(word in fault for fault in found), found


def test_english_in_a_chinese_mail_is_found():
    mail = mail_samples.digest("zh_Hant", ("expiry",))
    mixed = Rendered(mail.subject, mail.text.replace("M. Chan", "Hello M. Chan"), mail.html)

    assert ["English in Chinese" in fault for fault in faults_of(mixed, "zh_Hant")] == [True]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("count", [30, 200, 1500])
def test_a_digest_of_many_matters_is_short_enough_and_its_text_has_them_all(count: int, language: str):
    sections = [
        section(
            item(
                title=f"第{number}項：額度即將到期 " + "長" * 60,
                next_url=f"{BASE}/grants/{number}/extend",
                next_name="將額度延期",
            ),
            name=f"港口機械人 {number} 號",
        )
        for number in range(count)
    ]

    mail = render_digest(digest(*sections), language)

    assert len(mail.html.encode()) <= MOST_BYTES
    assert mail.text.count("/extend") == count
    assert "第0項" in mail.html
    told = mail.html.count("/extend")
    rest = mail.html.rpartition("/extend")[2]
    assert 10 <= told <= count
    assert (f" {count - told} " in rest or f">{count - told} " in rest) == (told < count)
