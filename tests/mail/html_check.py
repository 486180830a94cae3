"""What is wrong with a mail as mail programs see it: looked for in its HTML and in its text, without a browser.

Mail programs know tables and styles in elements, little else; they fetch nothing before their reader says so, cut what
is too long, and some people read the text part alone.
"""

import re
from collections.abc import Collection, Iterator
from html.parser import HTMLParser

from creditsvc.mail.render import Rendered

MOST_BYTES = 100_000
"""Gmail cuts at 102 kB, headers not counted."""

MOST_WIDTH = 600
VOID = frozenset({"meta", "br", "img", "hr", "link", "input", "col"})
FORBIDDEN = frozenset(
    {"script", "link", "iframe", "object", "embed", "form", "input", "button", "video", "audio", "svg", "base"}
)
STYLED = frozenset({"body", "td", "p", "h1", "h2", "h3", "li", "ul", "a", "div"})
SAID = frozenset({"p", "li", "td", "div", "h3"})
"""Elements whose whole words the text part has too; a title of the page is the subject, a link's name is not needed."""

_TIME = re.compile(r"\b\d{1,2}:\d{2}\b(?!\s*(?:hours?|小時|小时))")
_ZONE = re.compile(r"UTC(?:[+-]\d+(?::\d\d)?)?")
_LATIN = re.compile(r"[A-Za-z]{2,}")
_ADDRESS = re.compile(r"https?://\S+|[\w.+-]+@[\w.-]+")
_SAME_IN_CHINESE = re.compile(r"\b(?:USD|HKD|UTC|PDF|Azure|Microsoft(?: 365)?|Asia/Hong_Kong)\b")
_FIGURE = re.compile(r"\d[\d.,:]*\d|\d")


class _Page(HTMLParser):
    """The elements of a page with their attributes, its style blocks, and the words of each element that says some."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.styles: list[str] = []
        self.said: list[str] = []
        self.words: list[str] = []
        self._open: list[tuple[str, list[str]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "br":
            self.handle_data("\n")
        if tag not in VOID:
            self._open.append((tag, []))

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            name, texts = self._open.pop()
            if name in SAID:
                self.said += ["".join(texts)] if "".join(texts).strip() else []
            elif name not in ("a", "title", "style", "h1", "h2") and self._open:
                self._open[-1][1].extend(texts)
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        inside = [name for name, _ in self._open]
        if "style" in inside:
            self.styles.append(data)
            return
        if data.strip():
            self.words.append(data)
        if self._open:
            self._open[-1][1].append(data)


def faults(mail: Rendered, tag: str, base_url: str, typed: Collection[str] = ()) -> list[str]:
    """What is wrong with a mail in the language `tag`, all of whose links are to be of `base_url`.

    `typed` is what people wrote in it, in whatever language.
    """
    page = _Page(mail.html)
    return [
        *_of_structure(page, mail, tag),
        *_of_styles(page),
        *_of_fetching(page, mail.html, base_url),
        *_of_text(page, mail),
        *_of_times(page, mail),
        *(_of_language(page, mail, typed) if tag.startswith("zh") else ()),
    ]


def _of_structure(page: _Page, mail: Rendered, tag: str) -> Iterator[str]:
    if ("html", tag) not in [(name, attrs.get("lang")) for name, attrs in page.elements]:
        yield f"the page does not say that its language is {tag}"
    if len(mail.html.encode()) >= MOST_BYTES:
        yield f"{len(mail.html.encode())} bytes are too many"
    schemes = {attrs.get("name"): attrs.get("content") for name, attrs in page.elements if name == "meta"}
    if {schemes.get("color-scheme"), schemes.get("supported-color-schemes")} != {"light dark"}:
        yield "the page does not say that it knows light and dark"
    for name, attrs in page.elements:
        if name == "table" and attrs.get("role") != "presentation":
            yield "a table for layout has no role=presentation"
        if name in FORBIDDEN or any(attribute.startswith("on") for attribute in attrs):
            yield f"<{name}> is not for mails"
        if name == "img" and not attrs.get("alt"):
            yield "a picture has no alt text"
        yield from _of_width(name, attrs)


def _of_width(name: str, attrs: dict[str, str]) -> Iterator[str]:
    style = attrs.get("style", "")
    widths = re.findall(r"(?:^|[;\s])(?:min-)?width:\s*([\d.]+)px", style) + re.findall(
        r"^\d+$", attrs.get("width", "")
    )
    if any(float(width) > 280 for width in widths):
        yield f"<{name}> is wider than a phone"
    bounds = re.findall(r"max-width:\s*(\d+)px", style)
    if any(int(bound) > MOST_WIDTH for bound in bounds):
        yield f"<{name}> may get wider than {MOST_WIDTH} px"


def _of_styles(page: _Page) -> Iterator[str]:
    if not any("max-width" in attrs.get("style", "") for name, attrs in page.elements if name == "table"):
        yield "nothing bounds the width"
    for name, attrs in page.elements:
        if name in STYLED and not attrs.get("style"):
            yield f"<{name}> has no style of its own"
    whole = "".join(page.styles)
    outside = re.sub(
        r":root\s*{[^}]*}", "", re.sub(r"@media \(prefers-color-scheme: dark\)\s*{(?:[^{}]*{[^}]*})*\s*}", "", whole)
    )
    if outside.strip():
        yield f"styles outside their elements: {outside.strip()[:60]}"
    if "prefers-color-scheme: dark" not in whole:
        yield "there is no dark mode"


def _of_fetching(page: _Page, html: str, base_url: str) -> Iterator[str]:
    for word in ("url(", "@import", "@font-face"):
        if word in html:
            yield f"{word} would be fetched"
    for name, attrs in page.elements:
        address = attrs.get("src") or attrs.get("background")
        if address and not address.startswith(("data:", "cid:")):
            yield f"<{name}> fetches {address}"
        target = attrs.get("href")
        if name == "a" and not (target == base_url or (target or "").startswith(base_url + "/")):
            yield f"a link leads to {target!r}"


def _of_text(page: _Page, mail: Rendered) -> Iterator[str]:
    text = _bare(mail.text)
    for name, attrs in page.elements:
        if name == "a" and attrs.get("href", "") not in mail.text:
            yield f"the text lacks the link {attrs.get('href')}"
    for figure in sorted({figure for words in page.words for figure in _FIGURE.findall(words)}):
        if figure not in mail.text and figure not in mail.subject:
            yield f"the text lacks the figure {figure}"
    for said in page.said:
        for sentence in said.split("\n"):
            if _bare(sentence) not in text and _bare(sentence) not in _bare(mail.subject):
                yield f"the text lacks {' '.join(sentence.split())[:80]!r}"


def _of_times(page: _Page, mail: Rendered) -> Iterator[str]:
    for said in [mail.subject, *mail.text.splitlines(), *page.said]:
        said = _ADDRESS.sub("", said)
        if _TIME.search(said) and not _ZONE.search(said):
            yield f"a time without its zone: {' '.join(said.split())[:80]!r}"


def _of_language(page: _Page, mail: Rendered, typed: Collection[str]) -> Iterator[str]:
    for said in [mail.subject, *mail.text.splitlines(), *page.words]:
        rest = _ADDRESS.sub(" ", said)
        for words in sorted(typed, key=len, reverse=True):
            rest = rest.replace(words, " ")
        if _LATIN.search(_SAME_IN_CHINESE.sub(" ", rest)):
            yield f"English in Chinese: {' '.join(said.split())[:80]!r}"


def _bare(text: str) -> str:
    """Words alone: neither blanks nor the points, dots between links and colons that one part has and the other not."""
    return re.sub(r"[\s\N{NO-BREAK SPACE}·:：,，.。*-]+", "", text)
