"""Names of files that people send: shown, mailed and kept in the trail, so nothing in them may deceive who reads."""

from pathlib import PurePosixPath

LONGEST = 300


def file_name(sent: str, otherwise: str = "export.csv") -> str:
    """The name of an uploaded file without its folders, as it can be shown and mailed: on one line, nothing that turns
    what stands after it around; `otherwise` where it has none.
    """
    name = PurePosixPath(sent.replace("\\", "/")).name
    return "".join(character if character.isprintable() else "?" for character in name)[:LONGEST] or otherwise
