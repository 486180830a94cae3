"""Files that come with a request."""

from pathlib import PurePosixPath
from typing import Any

from marshmallow import ValidationError
from werkzeug.datastructures import FileStorage

LONGEST_NAME = 300


def file_name(sent: str, otherwise: str) -> str:
    """The name of an uploaded file without its folders, as it can be shown; `otherwise` where it has none."""
    name = PurePosixPath(sent.replace("\\", "/")).name
    return "".join(character if character.isprintable() else "?" for character in name)[:LONGEST_NAME] or otherwise


def read_upload(field: str, file: Any, largest: int) -> tuple[str, bytes]:
    """The name and the bytes of a file, one more than `largest` of one that is larger. Raises ValidationError."""
    if not isinstance(file, FileStorage) or not file.filename:
        raise ValidationError({field: ["Send it as a file with its name."]})
    return file_name(file.filename, "file"), file.stream.read(largest + 1)
