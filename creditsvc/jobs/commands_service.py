"""Commands about the service itself: init, serve, scheduler, backup, restore."""

import sys
from datetime import datetime
from pathlib import Path

import click
from sqlalchemy import exists, select

from creditsvc import clock
from creditsvc.config import Config
from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.jobs.backup import back_up, restore
from creditsvc.jobs.commands_people import given_password
from creditsvc.jobs.scheduler import run_scheduler
from creditsvc.jobs.serve import serve
from creditsvc.jobs.shell import Answer, answers, caller, service, settings
from creditsvc.jobs.upgrading import upgrade
from creditsvc.parties.models import Person
from creditsvc.parties.operations import add_person, edit_person, person_of, set_password


@click.command("init")
@click.option("--admin-email", help="Also add the first administrator.")
@click.option("--admin-password-stdin", is_flag=True, help="Read the administrator's password from standard input.")
@click.option("--ask", is_flag=True, help="Ask for the first administrator on a terminal if there is none.")
@answers
def init_command(admin_email: str | None, admin_password_stdin: bool, ask: bool) -> Answer:
    """Make the database, or bring it up to this version; safe to repeat."""
    if admin_password_stdin and admin_email is None:
        raise click.UsageError("--admin-password-stdin goes with --admin-email.")
    with service(migrated=False) as app:
        config = settings(app)
        upgrade()
        said = [f"The database is ready: {_place(config)}."]
        email = admin_email
        if email is None and not db.session.scalar(select(exists().where(Person.role == "administrator"))):
            if ask and sys.stdin.isatty():
                email = click.prompt("E-mail address of the first administrator", err=True)
            elif ask:
                said.append("Nobody can sign in yet: creditsvc init --admin-email you@park.example")
        if email is not None:
            said.append(_first_administrator(email, admin_password_stdin))
    return Answer({"database": _place(config), "administrator": email}, said)


def _first_administrator(email: str, password_stdin: bool) -> str:
    """Adds the administrator, or leaves the one who is there as they are; says which."""
    known = person_of(email)
    if known is not None and known.role not in (None, "administrator"):
        raise Conflict("admin_email", "other-role", "%(email)s is there as %(role)s", email=email, role=known.role)
    if known is not None and known.role == "administrator" and known.password_hash is not None:
        return f"{email} is administrator already; the password stays."
    password = given_password(password_stdin)
    if not password:
        raise RuleBroken("password", "empty", "no password was given")

    def add() -> None:
        if person_of(email) is None:
            add_person(caller(), email=email, name=email.split("@")[0], role="administrator")
        else:
            edit_person(caller(), email, name=known.name if known else email, role="administrator")
        set_password(caller(), email=email, password=password)

    transaction(add)
    return f"{email} is administrator."


def _place(config: Config) -> str:
    """Where the database is, without a password."""
    return str(config.sqlite_path or config.database_url.split("://")[0] + "://" + config.database_url.split("@")[-1])


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes that answer.")
@click.option("--no-scheduler", is_flag=True, help="Serve alone: nights and mail are run elsewhere.")
@answers
def serve_command(host: str, port: int, workers: int, no_scheduler: bool) -> Answer:
    """Serve the pages and the API, and beside them run the scheduler."""
    with service():
        pass  # a wrong setting or a database without tables is told before anything starts
    return Answer({}, code=serve(host, port, workers, with_scheduler=not no_scheduler))


@click.command("scheduler")
@answers
def scheduler_command() -> Answer:
    """The scheduler alone: the night at 02:00 in Hong Kong, and mail as it is due."""
    with service(doors=False) as app:
        pass
    run_scheduler(app)
    return Answer({})


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@answers
def backup_command(file: Path) -> Answer:
    """A consistent copy of the SQLite database while it serves; never overwrites."""
    with service() as app:
        size = back_up(settings(app), file)
    return Answer({"file": str(file), "bytes": size}, (f"{file}: {size:,} bytes, checked.",))


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@answers
def restore_command(file: Path) -> Answer:
    """Put a backup in the place of the SQLite database; the present one is kept beside it."""
    now: datetime = clock.now()
    with service(migrated=False) as app:
        kept = restore(settings(app), file, now)
    said = [f"{file} is restored."]
    if kept is not None:
        said.append(f"The database that was there is kept as {kept}.")
    said.append("Run `creditsvc init` if the backup is of an older version.")
    return Answer({"file": str(file), "kept": str(kept) if kept else None}, said)
