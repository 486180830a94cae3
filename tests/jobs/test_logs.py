"""What is logged of an error says what happened, and of nobody's data."""

import json
import logging
import traceback

import pytest
import structlog
from flask import Flask
from sqlalchemy.exc import IntegrityError

from creditsvc.db import db, transaction
from creditsvc.jobs.logs import configure_logs, name_run
from creditsvc.parties.models import Startup
from tests import factories


def test_an_error_of_the_database_tells_no_values(app: Flask):
    factories.make_startup("acme", "Acme of Mongkok")

    def again() -> None:
        db.session.add(Startup(key="acme", name="Acme of Mongkok", language="en", created_at=factories.NOW))
        db.session.flush()

    with pytest.raises(IntegrityError) as broken:
        transaction(again)

    told = "".join(traceback.format_exception(broken.value))
    assert "UNIQUE constraint failed: startup.key" in told or "uq_startup_key" in told
    assert "Mongkok" not in told
    assert "acme)" not in told  # as in PostgreSQL's DETAIL: Key (key)=(acme) already exists
    assert "=(" not in told


@pytest.mark.parametrize("said, kept", [
    ("Error handling request /password/reset/c2VjcmV0", "Error handling request"),
    ("Error handling request GET /password/reset/c2VjcmV0", "Error handling request"),
    ("Invalid request from ip=10.0.0.7: Invalid HTTP request line: 'GET /password/reset/c2VjcmV0'",
     "Invalid request from ip=10.0.0.7"),
    ("Worker exiting (pid: 7)", "Worker exiting (pid: 7)"),
])
def test_what_libraries_say_is_a_line_of_json_without_the_address_of_a_page(capsys, said, kept):
    configure_logs()
    structlog.contextvars.clear_contextvars()
    name_run()

    logging.getLogger("gunicorn.error").propagate = True
    logging.getLogger("gunicorn.error").warning(said)
    structlog.get_logger().info("night", token="c2VjcmV0")

    library, own = map(json.loads, capsys.readouterr().err.splitlines())
    assert (library["event"], library["level"], library["logger"]) == (kept, "warning", "gunicorn.error")
    assert library["run"] == own["run"]
    assert own["token"] == "(hidden)"
