"""Commands of the night: nightly, mail send, mail list."""

from datetime import datetime, timedelta
from typing import Any

import click

from creditsvc import clock
from creditsvc.core.days import instant_text
from creditsvc.jobs.delivery import deliver
from creditsvc.jobs.nightly import run_night
from creditsvc.jobs.shell import INSTANT, Answer, answers, counted, service, settings, table
from creditsvc.mail.outbox import listing

AHEAD = timedelta(days=1)
"""How far `--now` may be ahead of the clock without a word about it."""


@click.command("nightly")
@click.option("--now", "at", type=INSTANT, help="The instant at which it is night. Default: now.")
@click.option("--no-send", is_flag=True, help="Say what would be told, and write nothing.")
@answers
def nightly_command(at: datetime | None, no_send: bool) -> Answer:
    """The night's work for the business day of that instant: alerts, digests, delivery."""
    now = clock.now()
    if at is not None and at > now + AHEAD and not no_send:
        click.echo(
            f"{instant_text(at)} is ahead of the clock ({instant_text(now)}): what this night tells is told for good, "
            "and is not told again when its day comes. To look ahead use --no-send.", err=True,
        )
    with service(doors=False) as app:
        report = run_night(settings(app), at or now, send=not no_send)
    return Answer(report, night_lines(report, no_send))


def night_lines(report: dict[str, Any], no_send: bool) -> list[Any]:
    """What a night did, for people."""
    mails = report["mails"]
    if report["status"] == "already done":
        return [f"The night of {report['day']} is done already."]
    shown: list[Any] = []
    if report["alerts"]:
        alerts = table("startup", "rule", "message")
        for alert in report["alerts"]:
            alerts.add_row(alert["startup"], alert["rule"], alert["message"])
        shown.append(alerts)
    words = f"The night of {report['day']}: {counted(len(report['alerts']), 'alert')}"
    if no_send:
        return [*shown, f"{words} would be told. Nothing was written."]
    sums = ", ".join(f"{count} {word}" for word, count in mails.items())
    return [*shown, f"{words}; mails: {sums}."]


@click.group("mail")
def mail_group() -> None:
    """The outbox."""


@mail_group.command("send")
@click.option("--now", "at", type=INSTANT, help="The instant at which it is sent. Default: now.")
@answers
def send_command(at: datetime | None) -> Answer:
    """Deliver what is due."""
    with service(doors=False) as app:
        count = deliver(settings(app), (lambda: at) if at is not None else clock.now)
    document = {
        "sent": count.sent, "failed": count.failed, "temporary": count.temporary, "uncertain": count.uncertain,
        "stopped": count.stopped,
    }
    said = (f"{count.sent} sent, {count.failed} failed, {count.temporary} will be tried again, "
            f"{count.uncertain} uncertain.")
    return Answer(document, (said, f"Stopped early: {count.stopped}") if count.stopped else (said,))


@mail_group.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="How many.")
@answers
def list_command(limit: int) -> Answer:
    """The outbox, newest first, without what the mails say."""
    with service(doors=False):
        mails = listing(limit=limit)
    made = table("queued", "to", "kind", "subject", "state", "tries", "last error", right=("tries",))
    for mail in mails:
        made.add_row(*(str(mail[word] if mail[word] is not None else "")[:width] for word, width in (
            ("queued_at", 16), ("to", 60), ("kind", 20), ("subject", 80), ("state", 12), ("tries", 6),
            ("last_error", 120),
        )))
    return Answer({"mails": mails}, (made,) if mails else ("The outbox is empty.",))
