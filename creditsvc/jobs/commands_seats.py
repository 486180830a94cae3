"""Commands about seats, in the group `licences`: who has one, assign, release, transfer, move, wait, files."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from creditsvc.core.days import as_of_instant, end_text, parse_day, parse_moment, start_text
from creditsvc.core.errors import RuleBroken
from creditsvc.db import begin_snapshot, transaction
from creditsvc.jobs.shell import Answer, answers, caller, counted, service, settings, table
from creditsvc.licences import bulk, seats, sheets, waiting
from creditsvc.licences.reading import SeatRow, find_seat, list_seats, seat_document

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _moment(text: str | None, field: str) -> date | datetime | None:
    return None if text is None else parse_moment(text, field)


@click.command("seats")
@click.argument("startup")
@click.option("--product", metavar="KEY", help="Of one product alone.")
@click.option("--at", metavar="INSTANT", help="Those that somebody has then. Default: all that are not over.")
@answers
def seats_command(startup: str, product: str | None, at: str | None) -> Answer:
    """Who sits where until when, and who waits."""
    instant = None if at is None else as_of_instant(at, "at")
    with service(doors=False):
        begin_snapshot()
        who = caller()
        rows = list_seats(who, startup=startup, product=product, at=instant)
        if instant is None:
            rows = [row for row in rows if row.state(who.now) in ("taken", "to-come")]
        line = waiting.wishes_of(who, startup=startup, product=product)
    made = table("seat", "person", "product", "grant", "state", "first day", "last day", right=("seat",))
    for row in rows:
        until = "-" if row.ends_at is None else end_text(row.ends_at) + (" (grant)" if row.ends_with_grant else "")
        made.add_row(str(row.id), f"{row.name} <{row.email}>", row.product, row.grant, row.state(instant or who.now),
                     start_text(row.from_at), until)
    show = [made if rows else "Nobody has a seat."]
    show += [f"{view.place}. waits for {view.product}: {view.wish.name} <{view.wish.email}>" for view in line]
    document = {
        "startup": startup, "seats": [seat_document(row, instant or who.now) for row in rows],
        "waiting": [
            {"id": view.wish.id, "product": view.product, "place": view.place, "email": view.wish.email,
             "name": view.wish.name} for view in line
        ],
    }
    return Answer(document, show)


@click.command("assign")
@click.argument("startup")
@click.argument("people", nargs=-1, metavar="[EMAIL[,NAME]]...")
@click.option("--product", metavar="KEY", help="Of which product; needed unless a grant is named.")
@click.option("--grant", metavar="KEY", help="Of which grant. Default: the one that lasts longest.")
@click.option("--list", "listed", type=click.File(encoding="utf-8"), metavar="FILE",
              help="A list of people, one EMAIL[,NAME] a line; - for standard input.")
@click.option("--from", "from_", metavar="DAY", help="The first day, also an instant. Default: now.")
@click.option("--until", metavar="DAY", help="The last day, also an instant. Default: as long as the grant lasts.")
@click.option("--otherwise", type=click.Choice(bulk.OTHERWISE), default="refuse", show_default=True,
              help="What becomes of those for whom no seat is free.")
@click.option("--new-key", is_flag=True, help="Licence keys that nobody had, in place of those of the grant.")
@answers
def assign_command(startup: str, people: tuple[str, ...], listed: Any, **terms: Any) -> Answer:
    """Give people seats, in their order."""
    text = "\n".join(people) if listed is None else listed.read()
    if people and listed is not None:
        raise click.UsageError("name people, or give a --list of them")
    terms |= {field: _moment(terms[field], field.strip("_")) for field in ("from_", "until")}
    with service(doors=False) as app:
        who, config = caller(), settings(app)
        outcomes = transaction(lambda: bulk.assign_all(
            who, config, startup=startup, people=bulk.read_people(text), **terms
        ))
    made = table("line", "person", "what happened", "seat", right=("line", "seat"))
    for one in outcomes:
        made.add_row(str(one.line), one.email, f"{one.outcome}: {one.message}" if one.message else one.outcome,
                     "-" if one.seat_id is None else str(one.seat_id))
    return Answer({"startup": startup, "people": [one.as_json() for one in outcomes]}, (made,))


@click.command("release")
@click.argument("seat", type=int)
@click.option("--at", metavar="DAY", help="From which day or instant on it is free. Default: now.")
@answers
def release_command(seat: int, at: str | None) -> Answer:
    """Free a seat; whoever waits first is seated."""
    moment = _moment(at, "at")
    with service(doors=False) as app:
        who, config = caller(), settings(app)

        def act() -> SeatRow:
            seats.release(who, config, seat, moment)
            return find_seat(who, seat)

        row = transaction(act)
    assert row.ends_at is not None
    return Answer(seat_document(row, who.now), (f"The seat of {row.name} <{row.email}> is free from "
                                                f"{start_text(row.ends_at)} on.",))


@click.command("import-seats")
@click.argument("file", type=FILE)
@click.option("--startup", required=True, metavar="KEY")
@click.option("--dry-run", is_flag=True, help="Say what would happen and keep nothing.")
@answers
def import_seats_command(file: Path, startup: str, dry_run: bool) -> Answer:
    """Seat the people of a CSV or XLSX file with the columns product, grant, email, name, from, until, note; all of
    them or nobody.
    """
    with file.open("rb") as stream:
        rows = sheets.read_seats(file.name, stream.read(sheets.LARGEST_FILE + 1))
    with service(doors=False):
        who = caller()
        count = transaction(
            lambda: sheets.import_seats(who, startup=startup, name=file.name, rows=rows), keep=not dry_run
        )
    show = [f"{count} people are seated."]
    if dry_run:
        show.append("This was a dry run: nothing is kept.")
    return Answer({"startup": startup, "file": file.name, "seated": count, "dry_run": dry_run}, show)


@click.command("export-seats")
@click.argument("startup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@answers
def export_seats_command(startup: str, file: Path) -> Answer:
    """Write a startup's seats, also those that are over, to a CSV or XLSX file."""
    write = {".csv": sheets.seats_csv, ".xlsx": sheets.seats_xlsx}.get(file.suffix.lower())
    if write is None:
        raise RuleBroken("file", "unknown-kind", "%(value)r: name a file that ends with .csv or .xlsx", value=file.name)
    with service(doors=False):
        begin_snapshot()
        who = caller()
        rows = list_seats(who, startup=startup)
    file.write_bytes(write(rows, who.now))
    return Answer({"startup": startup, "file": str(file), "seats": len(rows)}, (f"{len(rows)} seats are written.",))


@click.command("transfer")
@click.argument("seat", type=int)
@click.argument("email")
@click.option("--name", required=True)
@click.option("--at", metavar="DAY", help="From which day or instant on. Default: now.")
@answers
def transfer_command(seat: int, email: str, name: str, at: str | None) -> Answer:
    """Give the rest of a seat to somebody else."""
    moment = _moment(at, "at")
    with service(doors=False):
        who = caller()
        row = transaction(lambda: find_seat(
            who, seats.transfer(who, seat, email=email, name=name, at=moment).seat_id
        ))
    sentence = f"{row.name} <{row.email}> has seat {row.id} from {start_text(row.from_at)} on."
    return Answer(seat_document(row, who.now), (sentence,))


@click.command("move")
@click.argument("startup")
@click.argument("grant")
@click.argument("to")
@click.argument("emails", nargs=-1)
@click.option("--at", metavar="DAY", help="On which day or at which instant. Default: when the old grant ends.")
@answers
def move_command(startup: str, grant: str, to: str, emails: tuple[str, ...], at: str | None) -> Answer:
    """Move the people of a grant to its successor, all of them or those named."""
    moment = _moment(at, "at")
    with service(doors=False):
        who = caller()
        moved = transaction(lambda: {paper.seat_id for paper in seats.move(
            who, startup=startup, grant=grant, to=to, emails=emails or None, at=moment
        )})
        rows = [row for row in list_seats(who, startup=startup) if row.id in moved]
    document = {"startup": startup, "seats": [seat_document(row, who.now) for row in rows]}
    return Answer(document, (f"{counted(len(rows), 'seat')} of {to} from {start_text(rows[0].from_at)} on.",))


@click.command("release-matching")
@click.argument("startup")
@click.option("--product", metavar="KEY")
@click.option("--grant", metavar="KEY")
@click.option("--domain", help="Of people whose address ends so.")
@click.option("--unused-since", metavar="DAY", help="Of whom a publisher names, unused on that day or later.")
@click.option("--dry-run", is_flag=True, help="Say which ones and release none.")
@answers
def release_matching_command(startup: str, unused_since: str | None, dry_run: bool, **which: Any) -> Answer:
    """Free all seats of a startup that a filter finds; whoever waits is seated."""
    since = None if unused_since is None else parse_day(unused_since, "unused_since")
    with service(doors=False) as app:
        who, config = caller(), settings(app)
        rows = transaction(
            lambda: bulk.release_matching(who, config, startup=startup, unused_since=since, **which), keep=not dry_run
        )
    made = table("seat", "person", "product", "grant", right=("seat",))
    for row in rows:
        made.add_row(str(row.id), f"{row.name} <{row.email}>", row.product, row.grant)
    show: list[Any] = [made, f"{counted(len(rows), 'seat')} released."] if rows else ["No seat is like that."]
    if dry_run:
        show.append("This was a dry run: nothing is kept.")
    document = {"startup": startup, "seats": [seat_document(row, who.now) for row in rows], "dry_run": dry_run}
    return Answer(document, show)


@click.command("wait")
@click.argument("startup")
@click.argument("email")
@click.option("--name", required=True)
@click.option("--product", metavar="KEY", help="For which product; needed unless a grant is named.")
@click.option("--grant", metavar="KEY")
@answers
def wait_command(**terms: Any) -> Answer:
    """Put somebody at the end of the waiting list; seated at once where a seat is free."""
    with service(doors=False) as app:
        who, config = caller(), settings(app)
        view = transaction(lambda: waiting.find_wish(who, waiting.wait(who, config, **terms).id))
    return _waited(view)


@click.command("unwait")
@click.argument("wish", type=int)
@answers
def unwait_command(wish: int) -> Answer:
    """Take somebody from the waiting list."""
    with service(doors=False):
        who = caller()
        view = transaction(lambda: waiting.find_wish(who, waiting.withdraw(who, wish).id))
    return _waited(view)


def _waited(view: waiting.WishView) -> Answer:
    wish = view.wish
    document = {"id": wish.id, "startup": view.startup, "product": view.product, "email": wish.email,
                "name": wish.name, "state": wish.state, "place": view.place, "seat_id": wish.seat_id}
    where = f", place {view.place}" if view.place else ""
    return Answer(document, (f"{wish.name} <{wish.email}>, {view.product}: {wish.state}{where}.",))


COMMANDS = (
    seats_command, assign_command, release_command, release_matching_command, transfer_command, move_command,
    wait_command, unwait_command, import_seats_command, export_seats_command,
)
