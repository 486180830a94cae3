"""The REST API."""

from flask import Flask


def hang(app: Flask) -> None:
    """Hangs the API into the app."""
