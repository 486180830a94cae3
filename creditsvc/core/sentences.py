"""Sentences of the program that are made where nobody knows yet who will read them.

A fault of a file is found below any door, is kept for years, and is read by people of several languages. So it is kept
with its msgid and what fills it, and is filled anew in each reader's words. Wherever nobody asks for more it is the
plain English text, which is what commands, logs and the API say.
"""

from collections.abc import Callable, Mapping
from typing import Any

Words = Callable[[str], str]
"""What gives a msgid in a reader's language."""


class Sentence(str):
    """A filled English sentence that still knows its msgid (`%(name)s` places) and `params`; those may be sentences
    themselves. Its argument is extracted for translation, so write a plain string and no f-string."""

    msgid: str
    params: Mapping[str, object]

    def __new__(cls, msgid: str, **params: object) -> "Sentence":
        """The sentence, filled."""
        made = super().__new__(cls, msgid % params if params else msgid)
        made.msgid, made.params = msgid, params
        return made

    def said(self, words: Words) -> str:
        """The sentence in a reader's words."""
        text = words(self.msgid)
        return text % {name: said(value, words) for name, value in self.params.items()} if self.params else text

    def kept(self) -> dict[str, Any]:
        """What is stored, so that it can be said to anybody (`sentence_again`)."""
        return {
            "msgid": self.msgid,
            "params": {
                name: value.kept() if isinstance(value, Sentence) else value if isinstance(value, int) else str(value)
                for name, value in self.params.items()
            },
        }


def said(value: object, words: Words) -> object:
    """What has words of the program (a sentence, a refusal) in a reader's words; anything else is data and stays."""
    speak = getattr(value, "said", None)
    return speak(words) if callable(speak) else value


def kept_sentences(*texts: str) -> dict[str, Any]:
    """What is stored beside English texts, by text; those that are no sentences of the program are left out."""
    return {text: text.kept() for text in texts if isinstance(text, Sentence)}


def sentence_again(text: str, kept: Mapping[str, Any]) -> str:
    """The sentence that a stored text was; the text as it is where nothing was stored beside it."""
    return _sentence(kept[text]) if text in kept else text


def _sentence(kept: Mapping[str, Any]) -> Sentence:
    params = {name: _sentence(value) if isinstance(value, dict) else value for name, value in kept["params"].items()}
    msgid = kept["msgid"]
    return Sentence(msgid, **params)
