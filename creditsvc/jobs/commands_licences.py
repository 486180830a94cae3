"""Commands about licences: import-keys, rotate-keys, import-counts, compare; about seats, commands_seats.py."""

from pathlib import Path

import click
from rich.table import Table

from creditsvc.core.days import parse_day
from creditsvc.db import begin_snapshot, transaction
from creditsvc.jobs import commands_seats
from creditsvc.jobs.shell import Answer, answers, caller, service, settings, table
from creditsvc.licences.comparing import IDLE_DAYS, Comparison, compare, comparison_document
from creditsvc.licences.counting import import_counts, outcome_document
from creditsvc.licences.counts.files import LARGEST_FILE as LARGEST_COUNTS
from creditsvc.licences.counts.read import read_counts
from creditsvc.licences.key_files import LARGEST_FILE, read_keys
from creditsvc.licences.keyring import keyring_of
from creditsvc.licences.keys import Rotated, import_keys, rotate_batch, seal_keys
from creditsvc.licences.waiting import seat_pool

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("licences")
def licences_group() -> None:
    """Seats of software, keys of licences, and what publishers count of them."""


for command in commands_seats.COMMANDS:
    licences_group.add_command(command)


def read_bounded(path: Path, largest: int) -> bytes:
    """The bytes of a file, and one more than `largest` of one that is larger."""
    with path.open("rb") as stream:
        return stream.read(largest + 1)


@licences_group.command("import-keys")
@click.argument("file", type=FILE)
@click.option("--pool", required=True, metavar="KEY", help="The pool of seats to which the keys belong.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and keep nothing.")
@answers
def import_keys_command(file: Path, pool: str, dry_run: bool) -> Answer:
    """Import keys from the column `key` of a CSV file, all or none; a key that is known already is refused."""
    with service(doors=False) as app:
        keyring, who = keyring_of(settings(app)), caller()
        keys = seal_keys(keyring, read_keys(file.name, read_bounded(file, LARGEST_FILE)))

        def act() -> int:
            count = import_keys(who, keyring, pool=pool, name=file.name, keys=keys)
            seat_pool(who, settings(app), pool)
            return count

        count = transaction(act, keep=not dry_run)
    show = [f"{count} keys for the pool {pool}."]
    if dry_run:
        show.append("This was a dry run: nothing is kept.")
    return Answer({"pool": pool, "file": file.name, "keys": count, "dry_run": dry_run}, show)


@licences_group.command("rotate-keys")
@answers
def rotate_keys_command() -> Answer:
    """Encrypt all keys under the first key of CREDITSVC_LICENCE_KEYS; afterwards the others can be taken away.

    It can be stopped at any moment and repeated. Run it also after CREDITSVC_SECRET_KEY was changed.
    """
    done: list[Rotated] = []
    with service(doors=False) as app:
        keyring, who = keyring_of(settings(app)), caller()
        after = 0
        while True:
            batch = transaction(lambda after=after: rotate_batch(who, keyring, after))  # type: ignore[misc]
            if batch.last_id is None:
                break
            done.append(batch)
            after = batch.last_id
    rotated, unchanged = sum(one.rotated for one in done), sum(one.unchanged for one in done)
    errors = [
        *(_named(pool, key, "not-of-this-keyring", "is under none of the keys of CREDITSVC_LICENCE_KEYS")
          for one in done for pool, key in one.unreadable),
        *(_named(pool, key, "known-twice", "is also known under another number, since it was imported again under"
                 " another CREDITSVC_SECRET_KEY") for one in done for pool, key in one.twice),
    ]
    show = [f"{rotated} keys encrypted anew, {unchanged} were right already."]
    return Answer({"rotated": rotated, "unchanged": unchanged}, show, code=1 if errors else 0, errors=errors)


def _named(pool: str, key: int, code: str, what: str) -> dict[str, str]:
    return {"field": "keys", "code": code, "message": f"Key number {key} of the pool {pool} {what}."}


@licences_group.command("import-counts")
@click.argument("files", metavar="FILE...", type=FILE, nargs=-1, required=True)
@click.option("--startup", metavar="KEY", help="Whose tenant they count. Default: the incubator's own.")
@click.option("--counted-on", metavar="DAY", help="When, where the file does not say. Default: today.")
@click.option("--person", metavar="EMAIL", help="Whose licences they are, of licenseDetails.")
@answers
def import_counts_command(
    files: tuple[Path, ...], startup: str | None, counted_on: str | None, person: str | None
) -> Answer:
    """Import what publishers count: subscribedSkus or licenseDetails (JSON), or the active users report (CSV).

    All files or none; the same counts of the same day are `unchanged`.
    """
    day = parse_day(counted_on, "counted_on") if counted_on is not None else None
    read = [read_counts(file.name, read_bounded(file, LARGEST_COUNTS), person) for file in files]
    with service(doors=False):
        who = caller()
        outcomes = transaction(
            lambda: [import_counts(who, file, startup=startup, counted_on=day) for file in read]
        )
    show = [
        f"{one.report.name}: {one.skus} plans and {one.people} people, counted on {one.report.counted_on}."
        if one.changed else f"{one.report.name}: nothing has changed." for one in outcomes
    ]
    return Answer({"files": [outcome_document(one) for one in outcomes]}, show)


@licences_group.command("compare")
@click.option("--startup", metavar="KEY", help="Of one startup. Default: of all, with the incubator's own tenant.")
@click.option("--idle-days", type=int, default=IDLE_DAYS, show_default=True, metavar="N",
              help="After how many days without activity a seat counts as unused.")
@answers
def compare_command(startup: str | None, idle_days: int) -> Answer:
    """What publishers count beside what we assigned: unused seats, people unknown to us, more assigned than enabled."""
    with service(doors=False):
        begin_snapshot()
        found = compare(caller(), startup=startup, idle_days=idle_days)
    return Answer(comparison_document(found), [*_shown(found)])


def _shown(found: Comparison) -> list[str | Table]:
    counts = table("product", "tenant", "assigned", "enabled", "consumed", "status", "counted on", "people on",
                   right=("assigned", "enabled", "consumed"))
    for one in found.counts:
        counts.add_row(one.product, one.startup or "incubator", *map(_cell, (
            one.assigned, one.enabled, one.consumed, one.status, one.counted_on, one.people_counted_on)))
    differences = table("difference", "product", "startup", "person", "last used on")
    for each in found.findings:
        differences.add_row(each.kind, each.product, *map(_cell, (each.startup, each.email, each.last_used_on)))
    shown: list[str | Table] = [counts] if found.counts else ["There are no products."]
    shown.append(differences if found.findings else "Nothing differs.")
    if found.strangers:
        shown.append("Plans that no product names: " + ", ".join(sku for _, sku in found.strangers) + ".")
    return shown


def _cell(value: object) -> str:
    return "-" if value is None else str(value)
