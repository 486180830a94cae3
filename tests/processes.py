"""Processes of their own that start quickly: forked from a server that has the product imported and nothing running."""

import multiprocessing
from multiprocessing.context import ForkServerContext

IMPORTED = [
    "creditsvc.__main__", "tests.usage.queued_upload", "tests.grants.racing", "tests.consulting.racing",
    "tests.licences.racing",
]
"""Said once: a process has one server, and who starts it first decides what is imported there."""


def quick_processes() -> ForkServerContext:
    """Makes processes, queues and barriers; each process is as fresh as one that a shell starts."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    return context
