"""The service as tests get it: its pages and API are hung in once per process, each test has a database of its own."""

import sqlite3
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Dialect, Engine, event

from creditsvc.app import create_app
from creditsvc.config import Config
from creditsvc.db import db

_kept: dict[Config, tuple[Flask, dict[str, Any]]] = {}
_compiled: dict[str, tuple[Dialect, Any]] = {}


def app_for(config: Config, *, doors: bool = True) -> Flask:
    """The service with these settings, on their database.

    Hanging the doors in costs more than most tests take, and only the database and the folder differ from test to
    test: an app with doors is kept and put on the next database. A test that hangs something in itself makes its own.
    """
    if not doors:
        return quick(create_app(config, doors=False))
    wiring = replace(config, database_url="sqlite://", instance=Path())
    if wiring not in _kept:
        app = create_app(config)
        _kept[wiring] = app, dict(app.config)
        return quick(app)
    app, settings = _kept[wiring]
    is_on_it = app.config["SQLALCHEMY_DATABASE_URI"] == config.database_url
    app.config.clear()
    app.config.update(settings | {"CREDITSVC": config, "SQLALCHEMY_DATABASE_URI": config.database_url})
    if is_on_it:
        return app
    # Flask-SQLAlchemy keeps engines by app and offers no way to give an app others.
    db._app_engines[app] = db._app_engines[create_app(config, doors=False)]
    return quick(app)


def quick(app: Flask) -> Flask:
    """Lets the engines of an app know the statements that tests before have compiled, and SQLite write carelessly.

    SQLAlchemy offers no way to share what is compiled: it is kept by engine, under the engine's dialect.
    """
    for engine in db._app_engines[app].values():
        if engine.dialect.name in _compiled:
            engine.dialect, engine._compiled_cache = _compiled[engine.dialect.name]
        else:
            event.listen(engine, "connect", partial(_keep, engine))
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _carelessly)
    return app


def _keep(engine: Engine, *_: object) -> None:
    """A dialect is whole once it has spoken to its database."""
    engine._compiled_cache.capacity = 5000
    _compiled.setdefault(engine.dialect.name, (engine.dialect, engine._compiled_cache))


def _carelessly(connection: sqlite3.Connection, record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")
