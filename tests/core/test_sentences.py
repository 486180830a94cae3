"""A sentence is English until somebody asks for it in other words, also after it was stored."""

import json

import pytest

from creditsvc.core.errors import Conflict, FileError, FileRefused, RuleBroken
from creditsvc.core.sentences import Sentence, kept_sentences, said, sentence_again

GERMAN = {
    "has %(found)s columns: %(wanted)s": "%(wanted)s (es sind %(found)s)",
    "%(count)s would be right": "%(count)s wären richtig",
    "line %(line)s": "Zeile %(line)s",
    "row %(row)s": "Reihe %(row)s",
    "column %(column)s": "Spalte %(column)s",
}
ROWS = Sentence("has %(found)s columns: %(wanted)s", found=3, wanted=Sentence("%(count)s would be right", count=4))


def german(msgid: str) -> str:
    return GERMAN.get(msgid, msgid)


def test_a_sentence_is_plain_english_text():
    assert ROWS == "has 3 columns: 4 would be right"
    assert json.dumps([ROWS]) == '["has 3 columns: 4 would be right"]'


def test_a_sentence_is_said_in_a_readers_words_and_so_is_what_stands_within():
    assert ROWS.said(german) == "4 wären richtig (es sind 3)"


def test_a_stored_sentence_is_said_again():
    stored = json.loads(json.dumps({"message": ROWS, "sentences": kept_sentences(ROWS, "plain text")}))

    assert set(stored["sentences"]) == {ROWS}
    assert said(sentence_again(stored["message"], stored["sentences"]), german) == "4 wären richtig (es sind 3)"


def test_a_text_without_its_sentence_stays_as_it_was_stored():
    assert said(sentence_again("is of an old release", {}), german) == "is of an old release"


@pytest.mark.parametrize("place, text", [
    ("line", "a.csv, Zeile 2, Spalte Cost: 'x': 4 wären richtig (es sind 3)"),
    ("row", "a.csv, Reihe 2, Spalte Cost: 'x': 4 wären richtig (es sind 3)"),
])
def test_a_fault_of_a_file_is_said_with_its_place(place: str, text: str):
    assert FileError("a.csv", 2, "Cost", "x", ROWS, place).said(german) == text


def test_a_fault_of_a_file_can_stand_within_another_refusal():
    fault = FileRefused([FileError("a.csv", 2, "", "", ROWS)]).errors[0]
    refusal = Conflict("run", "unreadable", "no: %(why)s", why=fault)

    assert str(refusal) == "no: a.csv, line 2: has 3 columns: 4 would be right"
    assert refusal.sentence.said(german) == "no: a.csv, Zeile 2: 4 wären richtig (es sind 3)"


def test_a_refusal_can_stand_within_another_refusal():
    within = RuleBroken("x", "y", "%(count)s would be right", count=2)

    assert RuleBroken("a", "b", "no: %(why)s", why=within).sentence.said(german) == "no: 2 wären richtig"
