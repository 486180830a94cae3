"""The service as people, programs and the scheduler use it, within a fork: commands, the API, pages.

Each returns what was answered, and raises AssertionError with the answer when it is not the one that was due.
"""

import contextlib
import io
import json
from collections.abc import Callable
from contextvars import Context
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import time_machine

from creditsvc.consulting.verify_bookings import check_bookings
from creditsvc.jobs.commands import main
from creditsvc.ledger.verify import verify
from tests.endurance.places import Place
from tests.web.browsing import Browser


def command(place: Place, now: datetime, *words: object) -> Any:
    """`creditsvc` with those words and --json, at an instant; its document."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with time_machine.travel(now), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([*map(str, words), "--json"], prog_name="creditsvc", obj=lambda **_: place.app)
        except SystemExit as done:
            code = int(done.code or 0)
    assert code == 0, f"{words} exits with {code}: {out.getvalue()} {err.getvalue()}"
    return json.loads(out.getvalue())


def post(place: Place, now: datetime, path: str, key: str, body: Any = None, file: Path | None = None) -> Any:
    """A write through the API under an Idempotency-Key, by the manager's token; its JSON."""
    headers = {"Authorization": f"Bearer {place.made['token']}", "Idempotency-Key": key}
    client = place.app.test_client()

    def ask() -> Any:
        if file is not None:
            data = {"files": [(io.BytesIO(file.read_bytes()), file.name)], "submitted_at": now.isoformat()}
            return client.post(f"/api/v1{path}", data=data, content_type="multipart/form-data", headers=headers)
        return client.post(f"/api/v1{path}", json=body, headers=headers)

    with time_machine.travel(now):
        answer = Context().run(ask)
    assert answer.status_code in (200, 201), f"{path} answers {answer.status_code}: {answer.get_data(as_text=True)}"
    return answer.json


def browse(place: Place, now: datetime, act: Callable[[Browser], Any]) -> Any:
    """What the manager does with the pages, signed in."""
    with time_machine.travel(now), place.app.app_context():
        browser = Browser(place.app).signed_in(SimpleNamespace(**place.made["manager"]))  # type: ignore[arg-type]
        return act(browser)


def differences(place: Place) -> list[dict[str, str]]:
    """What `verify` finds to differ."""
    with place.app.app_context():
        found: list[dict[str, str]] = verify(check_bookings)["differences"]
    return found
