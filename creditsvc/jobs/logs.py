"""Logs go to standard error, a line each: words on a terminal, JSON elsewhere; never a secret."""

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

_SECRET = re.compile(r"passw|secret|token|cookie|authori[sz]ation|smtp_url|database_url|licence_key", re.IGNORECASE)


def hide_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Blanks whatever stands under a name that secrets have."""
    return {key: "(hidden)" if _SECRET.search(key) else value for key, value in event.items()}


def configure_logs(least: int = logging.NOTSET) -> None:
    """Sets the logs of this process up; safe to repeat. What weighs less than `least` is not written."""
    on_terminal = sys.stderr.isatty()
    # a traceback in words: the richer one shows local variables, which are people's data
    words = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer = words if on_terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            hide_secrets,
            *(() if on_terminal else (structlog.processors.format_exc_info,)),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        # asked for at each line, since whoever runs a command may have put another stream in its place
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
