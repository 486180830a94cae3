"""A publisher's file of counts, whichever of the known kinds it is."""

from creditsvc.core.errors import RuleBroken
from creditsvc.core.sentences import Sentence
from creditsvc.licences.counts.active_users import read_active_users
from creditsvc.licences.counts.files import LARGEST_FILE, CountFile, refused
from creditsvc.licences.counts.graph import read_graph


def read_counts(name: str, data: bytes, person: str | None = None) -> CountFile:
    """What the file says; `person` is the address of whom `licenseDetails` are, since they name nobody.

    Raises FileRefused, RuleBroken("person", "missing" | "not-of-this-file" | "not-an-address").
    """
    if len(data) > LARGEST_FILE:
        raise refused(name, Sentence("is larger than %(most)s MiB", most=LARGEST_FILE // 1024 // 1024))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise refused(name, Sentence("is no UTF-8 text: save it in UTF-8"), line=line) from None
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise refused(name, Sentence("is no text: save it in UTF-8"), line=line)
    if not text.strip():
        raise refused(name, Sentence("is empty"))
    whom = person.strip().lower() if person is not None else None
    if whom is not None and (whom.count("@") != 1 or len(whom) > 254 or not whom.isprintable() or " " in whom):
        raise RuleBroken("person", "not-an-address", "%(value)r is no mail address", value=whom[:80])
    found = read_graph(name, text, whom) if text.lstrip()[0] in "{[" else read_active_users(name, text)
    if found.kind == "licence-details" and whom is None:
        raise RuleBroken("person", "missing", "%(file)s holds one person's licences and does not say whose: state the"
                         " person's address", file=name)
    if found.kind != "licence-details" and whom is not None:
        raise RuleBroken("person", "not-of-this-file", "%(file)s is not about one person: leave the person out",
                         file=name)
    return found
