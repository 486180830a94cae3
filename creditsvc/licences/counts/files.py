"""What a publisher's file of counts says, and how one is refused."""

from dataclasses import dataclass
from datetime import date

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.core.sentences import Sentence

KINDS = ("subscribed-skus", "licence-details", "active-users")
LARGEST_FILE = 32 * 1024 * 1024
"""In bytes: a report on some hundred thousand people."""

LONGEST_SKU = 100


@dataclass(frozen=True)
class SkuLine:
    """Seats of one plan as its publisher counts them; `status` is the publisher's word, `Enabled` when all is well."""

    sku: str
    sku_id: str
    status: str
    enabled: int
    suspended: int
    warning: int
    consumed: int


@dataclass(frozen=True)
class Sighting:
    """A person whom the publisher names as having a plan; `last_used_on` None: never, or it does not say."""

    email: str
    sku: str
    last_used_on: date | None = None


@dataclass(frozen=True)
class CountFile:
    """A file that was read. `person` is whom it is about, where it is about one; `people` are those it names.

    `counted_on` is the day that it states itself, None where it states none.
    """

    kind: str
    name: str
    skus: tuple[SkuLine, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    people: int = 0
    deleted: int = 0
    counted_on: date | None = None
    person: str | None = None


def refused(name: str, message: Sentence, *, line: int = 0, column: str = "", value: str = "") -> FileRefused:
    """The refusal of a file for one fault; a `column` without a line is a place such as value[3].skuId."""
    return FileRefused([FileError(name, line, column, value[:80], message)])
