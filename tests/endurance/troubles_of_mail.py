"""Mail through a server that refuses, puts off, breaks off or leaves without a word."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from creditsvc.mail import smtp
from tests.endurance import doors, forks, ledgers
from tests.endurance.ledgers import Difference
from tests.endurance.places import Place
from tests.endurance.post_office import STEPS, Trouble, post_office
from tests.endurance.scenarios import NOW
from tests.endurance.scenes_of_nights import WAITING, delivered, fill_outbox, waiting
from tests.endurance.story import Story
from tests.endurance.trials import Tally

NAME = "mail through a server in trouble"
AFTERWARDS = (timedelta(minutes=2), timedelta(hours=1), timedelta(hours=2))
"""When delivery runs again by itself."""

PATIENCE = 0.3
"""Seconds that the service waits for an answer here, instead of minutes."""


def troubles() -> Iterator[tuple[Trouble, str]]:
    """Each trouble and what must become of the mail: `arrives` (at once or later), `refused` for good."""
    commands = ("MAIL", "RCPT", "DATA", "mail")
    for step in STEPS:
        for act in ("drop", "reset", "hang", "stutter"):
            if (step, act) != ("body", "stutter"):
                yield Trouble(step, act), "arrives"
        if step == "body":
            continue
        yield Trouble(step, b"451 later"), "arrives"
        yield Trouble(step, b"550 no"), "refused" if step in commands else "arrives"
        yield Trouble(step, b"421 going down"), "arrives"
    for act in ("drop", "reset", "hang"):
        yield Trouble("mail", act, taken=False), "arrives"
    yield Trouble("mail", b"999 what"), "arrives"


def run(on: Place, limit: int | None = None) -> Tally:
    """Each trouble in turn (or an even choice of `limit`) hits the first of two mails that wait."""
    on.restore("park")
    on.posting_to("file:")
    on.fill(fill_outbox)
    on.keep("scene")
    tally = Tally(NAME, on.kind)
    cases = list(troubles())
    for trouble, becomes in cases if limit is None else cases[:: -(-len(cases) // limit)]:
        on.restore("scene")
        tally.trials += 1
        with post_office(on.letters, [trouble]) as office:
            on.posting_to(office.url)
            ended = forks.run(lambda: _send_until_done(on))
            office.wait_until_idle()
        stands = ledgers.account(on)
        differences = ledgers.compare(_expected(becomes), stands.lines)
        if ended.error:
            differences.append(Difference("other", "delivery", "an answer", ended.error[-1500:]))
        tally.uncertain += stands.uncertain
        tally.add(f"{trouble.step}: {trouble.act!r}{'' if trouble.taken else ', not taken'}", differences)
    on.posting_to("file:")
    return tally


def _send_until_done(on: Place) -> list[Any]:
    smtp.STEP_SECONDS = smtp.ANSWER_SECONDS = smtp.GOODBYE_SECONDS = PATIENCE
    return [_send(on, NOW), *(_send(on, NOW + wait) for wait in AFTERWARDS), *doors.differences(on)]


def _send(on: Place, now: datetime) -> Any:
    return doors.command(on, now, "mail", "send", "--now", now.isoformat())


def _expected(becomes: str) -> dict[str, int | str]:
    story: Story = waiting()
    delivered(story)
    if becomes == "refused":
        story.counts[f"delivered digest to {WAITING[0]}"] -= 1
        story.counts[f"failed digest to {WAITING[0]}"] += 1
    return story.account()
