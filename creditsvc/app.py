"""Wiring: settings in, a Flask app with its doors hung in out."""

from functools import lru_cache, partial
from typing import Any

from flask import Flask

from creditsvc.config import Config, load_config
from creditsvc.db import MIGRATIONS, attach_engine_events, db
from creditsvc.mail.smtp import sender_for
from creditsvc.statements.pdf_maker import STATEMENT_PDF


def create_app(config: Config | None = None, *, doors: bool = True) -> Flask:
    """The service. Settings come from the environment unless given. Raises ConfigError for a wrong one.

    Without `doors` it has neither pages nor API, for commands that need none and should start quickly; what is made
    with pages, a statement's PDF, makes an application that has them when it is asked for.
    """
    config = config or load_config()
    sender_for(config)  # a wrong mail setting stops the start, not the first mail
    app = Flask("creditsvc", static_folder=None)
    app.config.update(
        SECRET_KEY=config.secret_key,
        SQLALCHEMY_DATABASE_URI=config.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            # what went wrong is logged and kept with its run, without the values: people's names and addresses
            "hide_parameters": True,
            # a connection that waits in the pool may be of a server that has died since and come back
            "pool_pre_ping": config.sqlite_path is None,
        },
        CREDITSVC=config,
    )
    db.init_app(app)
    with app.app_context():
        attach_engine_events(db.engine)
    if doors:
        from flask_migrate import Migrate

        from creditsvc import api, web

        Migrate(app, db, directory=str(MIGRATIONS), render_as_batch=True)
        web.hang(app)
        api.hang(app)
    else:
        app.extensions[STATEMENT_PDF] = partial(_made_with_pages, config)
    return app


def _made_with_pages(config: Config, *asked: Any) -> bytes:
    pages = _with_pages(config)
    with pages.app_context():
        made: bytes = pages.extensions[STATEMENT_PDF](*asked)
    return made


@lru_cache(maxsize=1)
def _with_pages(config: Config) -> Flask:
    """An application of its own: doors are hung in whole or not at all, whoever asks meanwhile."""
    return create_app(config)
