"""The pages."""

from flask import Flask


def hang(app: Flask) -> None:
    """Hangs the pages into the app."""
