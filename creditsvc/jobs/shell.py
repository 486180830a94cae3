"""What all commands share: the application, answers for people or as JSON, refusals, exit codes (CONTRACT: section 2).

A command is a plain function that returns an `Answer`. `answers` gives it `--json` and shows what it returns, or the
refusal it raises: 0 done, 1 refused or something differs, 2 wrong use (click's own).
"""

import functools
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import click
from flask import Flask
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy.exc import OperationalError, ProgrammingError

from creditsvc import clock
from creditsvc.config import Config, ConfigError
from creditsvc.core.amounts import shown_amount as shown_amount
from creditsvc.core.days import as_of_instant
from creditsvc.core.errors import CreditsvcError, FileError, FileRefused, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.jobs.database import NotMigrated, require_migrated
from creditsvc.parties.access import Caller, operator

F = TypeVar("F", bound=Callable[..., Any])

WIDTH = 140
"""Columns of a table that goes to a file or a pipe."""


@dataclass(frozen=True)
class Answer:
    """What a command came to: a JSON document, how to show it to people, and the exit code.

    `show` is text or what rich can print; `errors` are sentences for standard error, also in the document.
    """

    document: dict[str, Any]
    show: Sequence[str | Table] = ()
    code: int = 0
    errors: Sequence[Mapping[str, Any]] = field(default=())


def answers(command: F) -> F:
    """Gives a command `--json`, prints its answer and shows refusals. The outermost decorator but for click's own."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
    @functools.wraps(command)
    def shown(*args: Any, as_json: bool, **kwargs: Any) -> None:
        try:
            answer: Answer = command(*args, **kwargs)
        except FileRefused as error:
            answer = _refused([_file_error(one) for one in error.errors], more=error.more)
        except RuleBroken as error:
            answer = _refused([{"field": error.field, "code": error.code, "message": _sentence(error)}])
        except NotFound as error:
            answer = _refused([{"field": error.what, "code": "not-found", "message": f"There is {error}."}])
        except (CreditsvcError, ConfigError, NotMigrated) as error:
            answer = _refused([{"field": "", "code": _code(error), "message": str(error)}])
        except (OperationalError, ProgrammingError) as error:
            # the driver's own words: SQLAlchemy's would add the statement and its values
            said = str(error.orig).strip()
            answer = _refused([{"field": "", "code": "database", "message": f"The database says: {said}"}])
        _print(answer, as_json)
        sys.exit(answer.code)

    return shown  # type: ignore[return-value]


def _file_error(error: FileError) -> dict[str, Any]:
    message = str(error)
    if error.column and not error.line:  # a place such as grants[3].amount is no column
        value = f": {error.value!r}" if error.value else ""
        message = f"{error.file}, {error.column}{value}: {error.message}"
    return {
        "field": error.column or "file", "code": "file-refused", "message": message, "file": error.file,
        "line": error.line, "place": error.place, "value": error.value,
    }


def _sentence(error: RuleBroken) -> str:
    """The message, after the field it is about where it does not name it."""
    text = str(error)
    return text if error.field.split(".")[-1] in text else f"{error.field}: {text}"


def _code(error: Exception) -> str:
    return {"ConfigError": "setting", "NotMigrated": "not-migrated", "Forbidden": "forbidden"}.get(
        type(error).__name__, "refused"
    )


def _refused(errors: list[dict[str, Any]], more: int = 0) -> Answer:
    if more:
        errors = [*errors, {"field": "file", "code": "more", "message": f"and {more} more"}]
    return Answer({}, code=1, errors=errors)


def _print(answer: Answer, as_json: bool) -> None:
    if as_json:
        document = answer.document
        if answer.errors:
            document = {**document, "errors": [dict(error) for error in answer.errors]}
        click.echo(json.dumps(document, indent=2))
    elif answer.show:
        console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDTH, highlight=False, markup=False)
        for part in answer.show:
            console.print(part, soft_wrap=isinstance(part, str))
    for error in answer.errors:
        click.echo(error["message"], err=True)


@contextmanager
def service(*, migrated: bool = True, doors: bool = True) -> Iterator[Flask]:
    """The application with its context pushed, for one command; whoever runs `main` gives its factory as `obj`.

    Raises ConfigError for a wrong setting, and unless `migrated` is False NotMigrated for a database that lacks its
    tables or an upgrade of them. `doors` is for commands that ask for pages.
    """
    create_app: Callable[..., Flask] = click.get_current_context().obj
    app = create_app(doors=doors)
    with app.app_context():
        try:
            if migrated:
                require_migrated()
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


def settings(app: Flask) -> Config:
    """The settings that the application was made with."""
    config: Config = app.config["CREDITSVC"]
    return config


def caller() -> Caller:
    """The operator at the shell, now."""
    return operator(clock.now())


class InstantParam(click.ParamType[datetime]):
    """An INSTANT: RFC 3339 with an offset; a bare day means its end in Asia/Hong_Kong."""

    name = "INSTANT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant, aware."""
        if isinstance(value, datetime):
            return value
        try:
            return as_of_instant(str(value))
        except RuleBroken as error:
            self.fail(str(error), param, ctx)


INSTANT = InstantParam()


def table(*columns: str, title: str | None = None, right: Sequence[str] = ()) -> Table:
    """An empty table; the columns in `right` hold amounts."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold",
                        no_wrap=column in right)
    return made


def counted(count: int, thing: str) -> str:
    """A number of things: `1 alert`, `2 alerts`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """A way to say (bytes done, bytes in all) on a terminal's standard error; None where there is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
