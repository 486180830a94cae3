"""The service as tests get it: its pages and API are hung in once per process, each test has a database of its own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask

from creditsvc.app import create_app
from creditsvc.config import Config
from creditsvc.db import db

_kept: dict[Config, tuple[Flask, dict[str, Any]]] = {}


def app_for(config: Config, *, doors: bool = True) -> Flask:
    """The service with these settings, on their database.

    Hanging the doors in costs more than most tests take, and only the database and the folder differ from test to
    test: an app with doors is kept and put on the next database. A test that hangs something in itself makes its own.
    """
    if not doors:
        return create_app(config, doors=False)
    wiring = replace(config, database_url="sqlite://", instance=Path())
    if wiring not in _kept:
        app = create_app(config)
        _kept[wiring] = app, dict(app.config)
        return app
    app, settings = _kept[wiring]
    app.config.clear()
    app.config.update(settings | {"CREDITSVC": config, "SQLALCHEMY_DATABASE_URI": config.database_url})
    # Flask-SQLAlchemy keeps engines by app and offers no way to give an app others.
    db._app_engines[app] = db._app_engines[create_app(config, doors=False)]
    return app
