import pytest
from flask import Flask
from sqlalchemy import text

from creditsvc.db import db
from tests import databases


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_connection_that_ended_while_it_waited_fails_nobody(app: Flask) -> None:
    url = db.engine.url.render_as_string(hide_password=False)
    before = db.session.scalar(text("SELECT pg_backend_pid()"))
    db.session.remove()

    with databases.admin(url) as connection:
        connection.execute(databases.OTHERS_OFF)

    assert db.session.scalar(text("SELECT pg_backend_pid()")) != before
