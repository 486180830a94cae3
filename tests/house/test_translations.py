"""The catalogues are whole: every sentence that the code marks is translated in each, and compiled; each check is
shown to find a seeded fault.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords, parse_mapping_cfg
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from tests.house.guards import PACKAGE, ROOT

FOLDER = PACKAGE / "translations"
LANGUAGES = ("zh_Hans", "zh_Hant")
CHARACTERS = {"zh_Hans": "gb2312", "zh_Hant": "big5hkscs"}
"""Encodings that hold a language's own characters and not the other's: 档 is not in the one, 檔 not in the other."""

SAME_IN_ENGLISH = frozenset({"Message-ID"})
"""Sentences that are rightly the English: names of products and formats."""

PLACE = re.compile(r"%\(\w+\)[a-z]|%%")
HAN = "\u3400-\u9fff"
ALL_HAN = re.compile(rf"[{HAN}]")
DAY = r"%\((?:day|early|late)\)s"
EITHER = r"%\((?:first|last)\)s"
SPACED = re.compile(rf"[{HAN}] {DAY}|{DAY} [{HAN}]")
UNSPACED = re.compile(rf"[{HAN}](?:%\(|[A-Za-z0-9])|(?:%\(\w+\)[a-z]|[A-Za-z0-9])[{HAN}]")
HALF_WIDTH = re.compile(rf"[{HAN}][,;:?!()]|[,;:?!()](?!\w+\))[{HAN}]")
MARKS = ("_", "gettext", "lazy_gettext", "ngettext", "lazy_ngettext")
REFUSALS = ("RuleBroken", "Conflict")
SENTENCES = ("Sentence", "NoValue", "Unfit")
"""What keeps its sentence until somebody reads it: faults of files, suspicions."""

OF_FAULTS = ("FileError", "_refused", "refused", "_Wrong", "ValueError")
"""What takes the sentence of a file's fault."""

READ_FILES = ("usage", "licences", "onboarding/cohort_tables.py")
"""Where files come from pages. What commands alone read (the load file) speaks English."""

HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\nPlural-Forms: nplurals=1; plural=0;\\n"\n\n'
POT = '''msgid "%(amount)s of %(resource)s is used."
msgstr ""

msgid "%(num)s day"
msgid_plural "%(num)s days"
msgstr[0] ""
msgstr[1] ""
'''
GOOD = '''msgid "%(amount)s of %(resource)s is used."
msgstr "%(resource)s 已使用 %(amount)s。"

msgid "%(num)s day"
msgid_plural "%(num)s days"
msgstr[0] "%(num)s 天"
'''
SEEDED = [
    ("is missing", GOOD.replace('"%(amount)s of %(resource)s is used."', '"%(amount)s is used."')),
    ("is of no sentence", GOOD + '\nmsgid "Gone"\nmsgstr "不再使用"\n'),
    ("is not translated", GOOD.replace('"%(resource)s 已使用 %(amount)s。"', '""')),
    ("is not translated", GOOD.replace('"%(num)s 天"', '""')),
    ("is fuzzy", "#, fuzzy\n" + GOOD),
    ("has other places", GOOD.replace("%(amount)s。", "%(sum)s。")),
    ("has other places", GOOD.replace("%(amount)s。", "%(amount)s%%。")),
    ("has other places", GOOD.replace("%(num)s 天", "一天")),
    ("is English", GOOD.replace("%(num)s 天", "%(num)s days")),
    ("ends otherwise", GOOD.replace("%(amount)s。", "%(amount)s")),
    ("is spaced otherwise", GOOD.replace("%(num)s 天", "%(num)s天")),
    ("is spaced otherwise", GOOD.replace("%(num)s", "%(day)s")),
    ("has half-width punctuation", GOOD.replace("%(num)s 天", "%(num)s 天,即日")),
    ("has foreign characters", GOOD.replace("%(num)s 天", "%(num)s 个档案")),
]


def forms(message: Message) -> tuple[str, ...]:
    """The translation; of a plural all forms."""
    return tuple(message.string) if isinstance(message.string, list | tuple) else (message.string,)


def singular(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def sentences(catalog: Catalog) -> dict[object, Message]:
    return {message.id: message for message in catalog if message.id}


def faults_of(message: Message, characters: str) -> Iterator[str]:
    """What is wrong with one translation."""
    english = message.id if isinstance(message.id, str) else message.id[-1]
    for text in forms(message):
        if not text:
            yield "is not translated"
            continue
        if set(PLACE.findall(text)) != set(PLACE.findall(english)):
            yield "has other places"
        if text in (english, singular(message)) and text not in SAME_IN_ENGLISH:
            yield "is English"
        if text.endswith("。") != english.endswith("."):
            yield "ends otherwise"
        if SPACED.search(text) or UNSPACED.search(re.sub(f"{DAY}|{EITHER}", "", text)):
            yield "is spaced otherwise"
        if HALF_WIDTH.search(PLACE.sub("x", text)):
            yield "has half-width punctuation"
        han = "".join(ALL_HAN.findall(text))
        if han.encode(characters, "ignore").decode(characters) != han:
            yield "has foreign characters"
    if message.fuzzy:
        yield "is fuzzy"


def faults(catalog: Catalog, template: Catalog, characters: str) -> list[str]:
    """Everything that is wrong with a catalogue, each as `msgid: what`."""
    here, wanted = sentences(catalog), sentences(template)
    return [
        *(f"{msgid!r}: is missing" for msgid in wanted if msgid not in here),
        *(f"{msgid!r}: is of no sentence" for msgid in here if msgid not in wanted),
        *(f"{msgid!r}: {fault}" for msgid, message in here.items() for fault in faults_of(message, characters)),
    ]


def said(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    return {singular(message): forms(message) for message in catalog if message.id}


@cache
def extraction() -> frozenset[object]:
    """What `make messages` would extract, with the keywords of the Makefile."""
    asked = re.findall(r"(?<=-k )\S+", (ROOT / "Makefile").read_text(encoding="utf-8"))
    with (FOLDER / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    keywords = DEFAULT_KEYWORDS | parse_keywords(asked)
    found = extract_from_dir(PACKAGE, methods, options, keywords)
    return frozenset(msgid for _, _, msgid, _, _ in found if msgid)


def marked(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and sentence of every mark and refusal whose sentence is written there; `?` where it depends."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        place = 0 if name in MARKS + SENTENCES else 2 if name in REFUSALS else len(call.args)
        if place >= len(call.args):
            continue
        sentence = call.args[place]
        if isinstance(sentence, ast.Constant) and sentence.value:
            yield call.lineno, sentence.value
        elif isinstance(sentence, ast.IfExp | ast.JoinedStr | ast.BinOp):
            yield call.lineno, "?"


def unsaid(tree: ast.AST) -> Iterator[int]:
    """The lines of faults of files whose words are plain English instead of a Sentence."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in OF_FAULTS:
            for given in [*call.args, *(keyword.value for keyword in call.keywords)]:
                pieces = given.values if isinstance(given, ast.JoinedStr) else [given]
                texts = [piece.value for piece in pieces if isinstance(piece, ast.Constant)]
                if any(isinstance(text, str) and re.search(r"[a-z] \w|\w [a-z]|^[a-z ]+ $", text) for text in texts):
                    yield given.lineno


def template() -> Catalog:
    return read_po(BytesIO((FOLDER / "messages.pot").read_bytes()))


def catalogue(language: str) -> Catalog:
    return read_po(BytesIO((FOLDER / language / "LC_MESSAGES" / "messages.po").read_bytes()), locale=language)


def small(text: str) -> Catalog:
    return read_po(BytesIO((HEADER + text).encode()), locale="zh_Hant")


def test_a_good_catalogue_has_no_fault():
    assert faults(small(GOOD), small(POT), "big5hkscs") == []


@pytest.mark.parametrize("fault, text", SEEDED)
def test_each_fault_of_a_catalogue_is_found(fault, text):
    assert any(found.endswith(f": {fault}") for found in faults(small(text), small(POT), "big5hkscs"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated(language):
    assert faults(catalogue(language), template(), CHARACTERS[language]) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_the_one_that_is_written(language):
    path = FOLDER / language / "LC_MESSAGES" / "messages.mo"

    compiled = said(read_mo(BytesIO(path.read_bytes())))

    assert compiled == said(catalogue(language))
    assert compiled != said(small(GOOD))


def test_the_template_lists_what_the_code_marks_now():
    listed = frozenset(sentences(template()))

    assert (sorted(map(str, extraction() - listed)), sorted(map(str, listed - extraction()))) == ([], [])
    assert "The grant is awarded." in extraction()
    assert "%(value)s: a pool holds more than 0" in extraction()


@pytest.mark.parametrize(
    "line, found",
    [
        ('raise RuleBroken("x", "y", "say why" if field else "say where")', (1, "?")),
        ('raise Conflict("x", "y", f"no {key}")', (1, "?")),
        ('text = _("a " + word)', (1, "?")),
        ('raise RuleBroken("x", "y", "say why", keys=1)', (1, "say why")),
        ('raise NoValue("is no %(what)s", what=1)', (1, "is no %(what)s")),
        ('wrong = Sentence(f"is no {what}")', (1, "?")),
    ],
)
def test_a_sentence_that_depends_is_found(line, found):
    assert list(marked(ast.parse(line))) == [found]


def test_the_extraction_sees_every_mark_and_refusal():
    extracted = {msgid if isinstance(msgid, str) else msgid[0] for msgid in extraction()}

    unseen = [
        f"{path.relative_to(ROOT)}:{line}: {sentence}"
        for path in sorted(Path(PACKAGE).rglob("*.py"))
        for line, sentence in marked(ast.parse(path.read_text(encoding="utf-8")))
        if sentence not in extracted
    ]

    assert unseen == []


@pytest.mark.parametrize("line", [
    'raise _refused(name, 0, "is empty: a header would be right")', 'FileError(name, 0, "", "", f"is no {what}")',
    'raise ValueError("is no date")', 'refused(name, message="is no text")',
])
def test_a_fault_of_a_file_in_plain_english_is_found(line):
    assert list(unsaid(ast.parse(line))) == [1]


@pytest.mark.parametrize("line", [
    'raise _refused(f"{name}: manifest", 0, Sentence("is empty"))', 'FileError(name, 0, "key", "", wrong)',
])
def test_a_fault_of_a_file_that_is_a_sentence_is_none(line):
    assert list(unsaid(ast.parse(line))) == []


def test_no_fault_of_a_file_that_people_read_is_plain_english():
    files = [path for place in READ_FILES for path in ([PACKAGE / place] if place.endswith(".py")
                                                       else sorted((PACKAGE / place).rglob("*.py")))]

    found = [f"{path.relative_to(ROOT)}:{line}" for path in files
             for line in unsaid(ast.parse(path.read_text(encoding="utf-8")))]

    assert (found, len(files) > 50) == ([], True)
