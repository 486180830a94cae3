"""Files that come with a request."""

from typing import Any

from marshmallow import ValidationError
from werkzeug.datastructures import FileStorage

from creditsvc.core.file_names import file_name


def read_upload(field: str, file: Any, largest: int) -> tuple[str, bytes]:
    """The name and the bytes of a file, one more than `largest` of one that is larger. Raises ValidationError."""
    if not isinstance(file, FileStorage) or not file.filename:
        raise ValidationError({field: ["Send it as a file with its name."]})
    return file_name(file.filename, "file"), file.stream.read(largest + 1)
