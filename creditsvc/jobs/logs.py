"""Logs go to standard error, a line each: words on a terminal, JSON elsewhere; never a secret."""

import logging
import re
import secrets
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

_SECRET = re.compile(r"passw|secret|token|cookie|authori[sz]ation|smtp_url|database_url|licence_key", re.IGNORECASE)

_REQUEST = re.compile(r"^(Error handling request|Invalid request from ip=\S+?)(?=[: ]).*", re.DOTALL)


def hide_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Blanks whatever stands under a name that secrets have."""
    return {key: "(hidden)" if _SECRET.search(key) else value for key, value in event.items()}


def hide_addresses(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Of a request that gunicorn could not handle, what it was stays out: addresses of pages may hold a token."""
    event["event"] = _REQUEST.sub(r"\1", str(event["event"]))
    return event


def configure_logs(least: int = logging.NOTSET) -> None:
    """Sets the logs of this process up, libraries' too; safe to repeat. What weighs less than `least` is not written.
    """
    structlog.configure(
        processors=[*_first(), hide_secrets, *_last()],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        # asked for at each line, since whoever runs a command may have put another stream in its place
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _ToStandardError)]:
        root.removeHandler(handler)
    handler = _ToStandardError()
    handler.setFormatter(formatter())
    root.addHandler(handler)


def name_run() -> None:
    """From here on every line of this context says which run it belongs to."""
    structlog.contextvars.bind_contextvars(run=secrets.token_hex(6))


def formatter() -> logging.Formatter:
    """Lines of libraries in the same form as the service's own."""
    before: list[Any] = [*_first(), structlog.stdlib.add_logger_name, hide_addresses, hide_secrets]
    after: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_last()]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=after)


def _first() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _last() -> list[Any]:
    if sys.stderr.isatty():
        # a traceback in words: the richer one shows local variables, which are people's data
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


class _ToStandardError(logging.StreamHandler[TextIO]):
    """Writes to what is the standard error at each line."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """The standard error as it is now."""
        return sys.stderr
