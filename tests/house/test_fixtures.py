"""The fixtures keep what they promise."""

import socket
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import inspect, text

from creditsvc.config import Config
from creditsvc.db import db, metadata


def test_a_fresh_database_has_every_table(app: Flask) -> None:
    tables = inspect(db.engine).get_table_names()

    assert set(metadata.tables) <= set(tables)
    assert len(metadata.tables) > 5


def test_the_app_runs_on_the_database_that_is_asked_for(app: Flask, database: str) -> None:
    assert db.engine.dialect.name == database


def test_each_call_makes_another_database(new_database: Callable[[], str]) -> None:
    assert new_database() != new_database()


@pytest.mark.parametrize("turn", [1, 2])
def test_what_one_test_writes_no_other_sees(app: Flask, turn: int) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("CREATE TABLE left_behind (turn INTEGER)"))

    assert inspect(db.engine).has_table("left_behind")


def test_settings_point_into_a_temporary_instance(config: Config) -> None:
    assert list(config.instance.iterdir()) == []


@pytest.mark.parametrize("address", [("192.0.2.1", 25), ("mail.park.example", 587), ("2001:db8::1", 25, 0, 0)])
def test_a_socket_to_another_machine_fails_the_test(address: tuple[object, ...]) -> None:
    family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET

    with socket.socket(family) as stranger, pytest.raises(pytest.fail.Exception, match="only this machine"):
        stranger.connect(address)


def test_even_code_that_swallows_errors_cannot_hide_it() -> None:
    def careless() -> None:
        try:
            urllib.request.urlopen("http://park.example/", timeout=1)
        except (OSError, urllib.error.URLError):
            return

    with pytest.raises(pytest.fail.Exception, match=r"park\.example"):
        careless()


def test_a_socket_on_this_machine_works() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        answered = client.getpeername() == server.getsockname()

    assert answered
