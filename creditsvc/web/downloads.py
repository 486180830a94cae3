"""Answers that the browser keeps as a file."""

from collections.abc import Iterable

from flask import Response


def download(content: bytes | str | Iterable[bytes], mimetype: str, name: str) -> Response:
    """A file that nobody between keeps; `name` is made of keys and days alone, such as `award-acme.pdf`."""
    response = Response(content, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
