"""A process of its own that applies an upload which waits, as a scheduler or a request does."""

import tempfile
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from creditsvc.app import create_app
from creditsvc.config import Config
from creditsvc.db import db, transaction
from creditsvc.parties.access import operator
from creditsvc.usage.files import source_of_run
from creditsvc.usage.operations import apply_run, read_source
from tests.conftest import NOW


def apply_upload(run_id: int) -> dict[str, Any]:
    """Reads the run's kept files and applies them."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = read_source(source_of_run(run_id, Path(folder)), keep_files=False)
    report: dict[str, Any] = transaction(lambda: apply_run(operator(NOW), prepared, run_id=run_id))
    return report


def apply_at_once(config: Config, run_id: int, barrier: Barrier, answers: "Queue[dict[str, Any]]") -> None:
    """One of several processes: reads, waits until all have read, applies; answers with the report."""
    app = create_app(config, doors=False)
    with app.app_context(), tempfile.TemporaryDirectory() as folder:
        prepared = read_source(source_of_run(run_id, Path(folder)), keep_files=False)
        db.session.rollback()
        barrier.wait(timeout=240)
        answers.put(transaction(lambda: apply_run(operator(NOW), prepared, run_id=run_id)))
