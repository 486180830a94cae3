"""Commands about licences: import-keys, rotate-keys."""

from pathlib import Path

import click

from creditsvc.db import transaction
from creditsvc.jobs.shell import Answer, answers, caller, service, settings
from creditsvc.licences.key_files import LARGEST_FILE, read_keys
from creditsvc.licences.keyring import keyring_of
from creditsvc.licences.keys import Rotated, import_keys, rotate_batch, seal_keys

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("licences")
def licences_group() -> None:
    """Keys of licences, and what publishers count of them."""


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
        count = transaction(
            lambda: import_keys(who, keyring, pool=pool, name=file.name, keys=keys), keep=not dry_run
        )
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
