"""The one way in which the API writes: once per Idempotency-Key, in one transaction (L17)."""

import hashlib
from collections.abc import Callable
from typing import Any

from flask import Response, jsonify, request
from werkzeug.datastructures import FileStorage

from creditsvc.api.etags import require_match, with_etag
from creditsvc.api.problems import MIME_TYPE, problem
from creditsvc.api.tokens import current_caller
from creditsvc.db import transaction
from creditsvc.parties.once import FIELD, Answer, do_once, fingerprint, kept_answer


def write_once(act: Callable[[], Answer]) -> Response:
    """Runs `act` in its transaction unless this request has been answered before; the answer either way.

    A request without a key gets a 400 problem.
    """
    key = request.headers.get(FIELD, "")
    if not key:
        return key_missing()
    caller, asked = current_caller(), _fingerprint()
    return respond(transaction(lambda: do_once(caller, key, asked, act)))


def write_or_try(act: Callable[[], Answer], *, dry_run: bool) -> Response:
    """`write_once`, or what `act` would answer: done and taken back. That takes no key, since it keeps nothing."""
    return respond(transaction(act, keep=False)) if dry_run else write_once(act)


def edit_once(act: Callable[[], Answer]) -> Response:
    """`write_once` for an edit of what the answer shows: it says by If-Match from what it was made, `act` checks that.

    Raises PreconditionRequired.
    """
    require_match()
    response = write_once(act)
    return with_etag(response, response.get_json()) if response.status_code == 200 else response


def answered_before() -> Response | None:
    """The answer this request got before, for a look ahead of costly work; also the refusal of a missing key."""
    key = request.headers.get(FIELD, "")
    if not key:
        return key_missing()
    answer = kept_answer(current_caller(), key, _fingerprint())
    return None if answer is None else respond(answer)


def key_missing() -> Response:
    """The refusal of a write without its key."""
    return problem("key-missing", f"Send the header {FIELD} with a new value for each thing to be done.", field=FIELD)


def respond(answer: Answer) -> Response:
    """An answer as an HTTP response; of a replay the header says so."""
    response = jsonify(answer.body)
    response.status_code = answer.status
    if answer.status >= 400:
        response.mimetype = MIME_TYPE
    if answer.location:
        response.headers["Location"] = answer.location
    if answer.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _fingerprint() -> str:
    """What the request means, whatever the spelling of its JSON and the boundary of its form."""
    files = [[name, file.filename, _sha256(file)] for name, file in request.files.items(multi=True)]
    form = [[name, value] for name, value in request.form.items(multi=True)]
    body: Any = request.get_json() if request.is_json and request.get_data(cache=True) else None
    return fingerprint(request.method, request.path, body, sorted(form), sorted(files))


def _sha256(file: FileStorage) -> str:
    digest = hashlib.sha256()
    file.stream.seek(0)
    while piece := file.stream.read(1024 * 1024):
        digest.update(piece)
    file.stream.seek(0)
    return digest.hexdigest()
