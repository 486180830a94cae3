"""The refusals that every door knows how to show.

An operation raises one of these; a form shows it at `field`, the API renders it as problem JSON, a command prints
it and exits 1. `message` is an English sentence with `%(name)s` places (a gettext msgid), `params` fill them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from creditsvc.core.sentences import Sentence, Words, said

LISTED = 20
"""How many faults the refusal of a file names, unless said otherwise."""


class CreditsvcError(Exception):
    """The base of all refusals; never raised itself."""


class RuleBroken(CreditsvcError):
    """Input or state breaks a rule: `field` names where, `code` is stable for programs, `message` is for people."""

    def __init__(self, field: str, code: str, message: str = "", **params: object) -> None:
        self.field = field
        self.code = code
        self.message = message or code
        self.params: Mapping[str, object] = params
        super().__init__(field, code, self.message)

    def __str__(self) -> str:
        return self.message % self.params if self.params else self.message

    @property
    def sentence(self) -> Sentence:
        """What it says, to be said in a reader's words; also what another refusal says within it."""
        told = {name: one.sentence if isinstance(one, RuleBroken) else one for name, one in self.params.items()}
        return Sentence(self.message, **told)


class Conflict(RuleBroken):
    """The state as it is now forbids the step (HTTP 409): voiding what is used up, another body for one key."""


class NotFound(CreditsvcError):
    """There is no such thing, or none that this caller may know of (HTTP 404). `what` is a word like `startup`."""

    def __init__(self, what: str, key: str = "") -> None:
        self.what = what
        self.key = key
        super().__init__(what, key)

    def __str__(self) -> str:
        return f"no {self.what} {self.key}".rstrip()


class Forbidden(CreditsvcError):
    """The caller is known and the thing is no secret from them, but this act is not theirs (HTTP 403)."""

    def __init__(self, action: str) -> None:
        self.action = action
        super().__init__(action)

    def __str__(self) -> str:
        return f"not allowed: {self.action}"


@dataclass(frozen=True)
class FileError:
    """One fault of an input file. `line` counts from 1 with the header as line 1; 0 where no line applies.

    A file that has no lines counts its rows from 1 instead; then `place` is "row". `message` is a Sentence where people
    read it on pages; of what commands alone read it may be plain English.
    """

    file: str
    line: int
    column: str
    value: str
    message: str
    place: str = "line"

    def __str__(self) -> str:
        place = self.file + (f", {self.place} {self.line}" if self.line else "")
        at = f", column {self.column}" if self.column else ""
        value = f": {self.value!r}" if self.value else ""
        return f"{place}{at}{value}: {self.message}"

    def said(self, words: Words) -> str:
        """The fault in a reader's words."""
        places = [self.file]
        if self.line and self.place == "row":
            places.append(Sentence("row %(row)s", row=self.line).said(words))
        elif self.line:
            places.append(Sentence("line %(line)s", line=self.line).said(words))
        if self.column:
            places.append(Sentence("column %(column)s", column=self.column).said(words))
        value = f": {self.value!r}" if self.value else ""
        return f"{', '.join(places)}{value}: {said(self.message, words)}"


class FileRefused(CreditsvcError):
    """An input file is refused whole; `errors` names the first faults, `more` counts those not listed."""

    def __init__(self, errors: Sequence[FileError], more: int = 0) -> None:
        if not errors:
            raise ValueError("a refusal names at least one fault")
        self.errors = tuple(errors)
        self.more = more
        super().__init__(self.errors, more)

    def __str__(self) -> str:
        lines = [str(error) for error in self.errors]
        if self.more:
            lines.append(f"and {self.more} more")
        return "\n".join(lines)


def refusal_for(faults: Iterable[FileError], listed: int = LISTED) -> FileRefused:
    """The refusal of a file for all these faults, at least one: the first are named, the others counted."""
    rest = iter(faults)
    return FileRefused(list(islice(rest, listed)), sum(1 for _ in rest))
