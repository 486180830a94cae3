"""Doing a thing once however often it is asked for (rule L17).

The first answer is kept under its key in the transaction of the effect, so either both are there or neither. A second
request with that key waits in the database until the first is decided, whichever process has it.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select, update

from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.db import db
from creditsvc.parties.access import Caller
from creditsvc.parties.models import AnsweredRequest
from creditsvc.sets import insert_if_absent

LONGEST_KEY = 200
FIELD = "Idempotency-Key"


@dataclass(frozen=True)
class Answer:
    """What was answered: an HTTP status, a JSON body and where the thing made can be found."""

    status: int
    body: Any = None
    location: str = ""
    replayed: bool = False


def fingerprint(*parts: Any) -> str:
    """The hash of a request's meaning: method, address, fields, hashes of files; anything JSON can say."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def do_once(caller: Caller, key: str, asked: str, act: Callable[[], Answer]) -> Answer:
    """Runs `act` unless that person's request of this key has been answered; then that answer. For `transaction()`.

    `asked` is the request's fingerprint. What `act` raises leaves with its transaction, so a refusal is not kept.
    Raises RuleBroken("Idempotency-Key", "not-a-key"), Conflict("Idempotency-Key", "key-reused") for another request
    under a key that was used.
    """
    person_id = _check(caller, key)
    claim = {"person_id": person_id, "key": key, "fingerprint": asked, "status": 0, "body": None, "location": "",
             "answered_at": caller.now}
    if not insert_if_absent(AnsweredRequest, claim):
        answer = kept_answer(caller, key, asked)
        if answer is None:
            raise RuntimeError("a key that is taken has its answer: both are committed together")
        return answer
    answer = act()
    db.session.execute(
        update(AnsweredRequest)
        .where(AnsweredRequest.person_id == person_id, AnsweredRequest.key == key)
        .values(status=answer.status, body=answer.body, location=answer.location)
    )
    return answer


def kept_answer(caller: Caller, key: str, asked: str) -> Answer | None:
    """The first answer to that request, if there is one; worth a look before costly work. Raises as `do_once`."""
    person_id = _check(caller, key)
    kept = db.session.scalar(
        select(AnsweredRequest)
        .where(AnsweredRequest.person_id == person_id, AnsweredRequest.key == key)
        .execution_options(populate_existing=True)
    )
    if kept is None:
        return None
    if kept.fingerprint != asked:
        raise Conflict(
            FIELD, "key-reused",
            "The key %(key)s was used for another request: a new request needs a new key.", key=key,
        )
    return replace(Answer(kept.status, kept.body, kept.location), replayed=True)


def _check(caller: Caller, key: str) -> int:
    person_id = caller.person_id
    if person_id is None:
        raise ValueError("answers are kept by person: the operator at the shell has none")
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise RuleBroken(
            FIELD, "not-a-key", "A key has 1 to %(longest)s printable ASCII characters; a UUID is a good one.",
            longest=LONGEST_KEY,
        )
    return person_id
