"""The commands that concern the database itself, people and tokens: what they do, say and refuse."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from creditsvc.jobs.logs import hide_secrets
from tests import databases
from tests.factories import make_programme, make_startup
from tests.jobs.shell import environment, run

PASSWORD = "correct horse battery staple"
COMMANDS = (
    "init", "load", "serve", "scheduler", "nightly", "mail send", "mail list", "usage import", "usage runs",
    "usage reverse", "balance", "statement", "simulate", "verify", "backup", "restore", "user add", "user password",
    "token create", "token list", "token revoke",
)
CASE = {"id": "c", "unit": "USD", "grants": [], "usage": [], "as_of": "2026-05-03T00:00:00Z"}


@pytest.fixture
def empty(database, tmp_path, request):
    """Settings on a database without a table."""
    if database == "sqlite":
        yield databases.config_for(f"sqlite:///{tmp_path}/new.sqlite", tmp_path)
        return
    server = request.getfixturevalue("postgres_url")
    with databases.admin(server) as connection:
        connection.execute("DROP DATABASE IF EXISTS without_tables")
        connection.execute("CREATE DATABASE without_tables")
    yield databases.config_for(databases.named(server, "without_tables"), tmp_path)
    databases.drop_postgres(server, "without_tables")


@pytest.fixture
def nowhere(tmp_path):
    """Settings on a database that is not there, for what must not need one."""
    return databases.config_for(f"sqlite:///{tmp_path}/none.sqlite", tmp_path)


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_explains_itself(words, nowhere):
    said = run(nowhere, *words.split(), "--help")

    assert said.code == 0
    assert "--json" in said.out


def test_a_database_is_made_and_made_again_without_harm(empty):
    first = run(empty, "init", "--json")
    again = run(empty, "init", "--json")

    assert (first.code, again.code) == (0, 0)
    assert first.document == again.document
    assert run(empty, "verify").code == 0


def test_a_command_on_a_database_without_tables_says_to_run_init(empty):
    said = run(empty, "verify", "--json")

    assert said.code == 1
    assert "creditsvc init" in said.err
    assert said.document["errors"][0]["code"] == "not-migrated"
    assert empty.sqlite_path is None or not empty.sqlite_path.exists()


def test_init_adds_the_first_administrator_and_leaves_them_as_they_are(config):
    first = run(config, "init", "--admin-email", "a@park.example", "--admin-password-stdin", given=PASSWORD + "\n")
    again = run(config, "init", "--admin-email", "a@park.example", "--admin-password-stdin", given="another one now\n")

    assert "a@park.example is administrator." in first.out
    assert "the password stays" in again.out
    assert run(config, "token", "create", "a@park.example", "--name", "x").code == 0


def test_init_refuses_a_password_that_is_too_weak_and_adds_nobody(config):
    said = run(config, "init", "--admin-email", "a@park.example", "--admin-password-stdin", given="short\n")

    assert said.code == 1
    assert run(config, "user", "password", "a@park.example", "--password-stdin", given=PASSWORD).code == 1


@pytest.mark.parametrize(
    "words",
    [
        ("init", "--admin-password-stdin"), ("balance",), ("balance", "x", "--as-of", "yesterday"),
        ("balance", "x", "--as-of", "2026-03-01T09:00:00"), ("statement", "x", "--from", "2026-02-30"),
        ("nonsense",), ("usage", "import"), ("user", "add", "a@b.example", "--name", "A", "--role", "king"),
        ("user", "add", "a@b.example", "--name", "A", "--role", "owner"), ("usage", "reverse", "one"),
    ],
)
def test_wrong_use_is_exit_code_2(words, nowhere):
    said = run(nowhere, *words)

    assert said.code == 2
    assert "Usage:" in said.err


@pytest.mark.parametrize(
    "variable, value",
    [("CREDITSVC_DATABASE_URL", "mysql://x"), ("CREDITSVC_SMTP_URL", "ftp://x"),
     ("CREDITSVC_SMTP_URL", "smtp://user@relay.example"), ("CREDITSVC_BASE_URL", "park"),
     ("CREDITSVC_MAIL_FROM", "nobody"), ("CREDITSVC_SECRET_KEY", "short")],
)
def test_a_wrong_setting_stops_with_a_sentence_that_names_it(variable, value, nowhere):
    said = run(nowhere, "verify", **{variable: value})

    assert said.code == 1
    assert said.err.startswith(variable)
    assert said.out == ""


def test_an_unreachable_database_is_named_without_its_password(tmp_path):
    config = databases.config_for("postgresql://somebody:hunter2secret@127.0.0.1:1/none", tmp_path)

    said = run(config, "verify", "--json")

    assert said.code == 1
    assert said.document["errors"][0]["code"] == "database"
    assert "hunter2secret" not in said.err + said.out


def test_a_person_is_added_with_a_password_and_gets_a_token(app, config):
    make_startup("harbour")

    added = run(config, "user", "add", "Founder@harbour.example", "--name", "M. Chan", "--role", "owner",
                "--startup", "harbour", "--password-stdin", "--json", given=PASSWORD + "\n")
    token = run(config, "token", "create", "founder@harbour.example", "--name", "laptop")

    assert added.document == {"email": "founder@harbour.example", "role": "owner", "startup": "harbour"}
    assert token.out.startswith("cs_")
    assert token.out.count("\n") == 1


def test_a_manager_is_limited_to_programmes(app, config):
    make_programme("techconnect")

    added = run(config, "user", "add", "m@park.example", "--name", "A. Lee", "--role", "manager",
                "--programme", "techconnect")
    unknown = run(config, "user", "add", "n@park.example", "--name", "B. Lee", "--role", "manager",
                  "--programme", "nothing")

    assert added.code == 0
    assert unknown.code == 1
    assert "programme nothing" in unknown.err


def test_a_revoked_token_cannot_be_revoked_again(config):
    run(config, "user", "add", "a@park.example", "--name", "A", "--role", "administrator")
    run(config, "token", "create", "a@park.example", "--name", "x")

    first = run(config, "token", "revoke", "a@park.example", "--name", "x")
    second = run(config, "token", "revoke", "a@park.example", "--name", "x", "--json")

    assert first.code == 0
    assert second.code == 1
    assert second.document["errors"][0]["code"] == "not-found"


def test_simulate_reads_a_file_or_standard_input(tmp_path, nowhere):
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"cases": [CASE]}), encoding="utf-8")

    of_file = run(nowhere, "simulate", file)
    of_input = run(nowhere, "simulate", given=file.read_text(encoding="utf-8"))

    assert of_file.document == of_input.document
    assert of_file.document["results"][0]["uncovered"] == "0"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "\ufeff{", '{"cases": 5}', "[" * 100_000, "9" * 10_000])
def test_simulate_refuses_what_is_no_document(text, nowhere):
    said = run(nowhere, "simulate", "--json", given=text)

    assert said.code == 1
    assert said.document["errors"]
    assert said.err


def test_simulate_needs_no_database(nowhere):
    said = run(nowhere, "simulate", given=json.dumps({"cases": [CASE | {"unit": "moons"}]}))

    assert said.code == 0
    assert said.document["results"][0]["error"]["field"] == "unit"
    assert not nowhere.sqlite_path.exists()


def test_the_module_runs_as_the_command_does(nowhere, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "creditsvc", "verify"], env=environment(replace(nowhere, instance=tmp_path)),
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120, check=False,
    )

    assert done.returncode == 1
    assert "creditsvc init" in done.stderr


def test_nothing_secret_is_logged():
    event = {"event": "x", "password": "p", "reset_token": "t", "Authorization": "b", "day": "2026-06-15"}

    assert hide_secrets(None, "info", event) == {
        "event": "x", "password": "(hidden)", "reset_token": "(hidden)", "Authorization": "(hidden)",
        "day": "2026-06-15",
    }


def test_tokens_are_listed_with_what_they_may_do_until_they_end(app, config):
    run(config, "user", "add", "a@park.example", "--name", "A", "--role", "administrator")
    run(config, "token", "create", "a@park.example", "--name", "import", "--scope", "read", "--scope", "import",
        "--expires", "2099-12-31")
    run(config, "token", "create", "a@park.example", "--name", "gone")
    run(config, "token", "revoke", "a@park.example", "--name", "gone")

    listed = run(config, "token", "list", "--json").document["tokens"]

    assert [(token["name"], token["scopes"], token["expires_at"], token["last_used_at"]) for token in listed] == [
        ("import", ["read", "import"], "2099-12-31T16:00:00Z", None)
    ]


def test_a_token_cannot_end_in_the_past(app, config):
    run(config, "user", "add", "a@park.example", "--name", "A", "--role", "administrator")

    refused = run(config, "token", "create", "a@park.example", "--name", "x", "--expires", "2020-01-01", "--json")

    assert refused.code == 1
    assert refused.document["errors"][0]["code"] == "in-the-past"
