"""More commands about people: user invite, user deactivate, user export, user erase."""

import json
from pathlib import Path

import click

from creditsvc.administration.erasing import erase_person
from creditsvc.administration.person_data import export_person
from creditsvc.administration.welcoming import send
from creditsvc.core.days import instant_text
from creditsvc.db import transaction
from creditsvc.jobs.commands_people import user_group
from creditsvc.jobs.shell import Answer, answers, caller, service, settings
from creditsvc.languages import LANGUAGES
from creditsvc.parties.directory import deactivate
from creditsvc.parties.invitations import Sending, invite_member, invite_staff
from creditsvc.parties.models import MEMBER_ROLES, STAFF_ROLES
from creditsvc.parties.operations import known_person
from creditsvc.programmes.models import Partner, Programme
from creditsvc.programmes.reading import by_key


@user_group.command("invite")
@click.argument("email")
@click.option("--role", required=True, type=click.Choice([*STAFF_ROLES, *MEMBER_ROLES]),
              help="A role in the incubator, or owner or member of a startup.")
@click.option("--startup", help="The startup, for an owner or member.")
@click.option("--programme", "programmes", multiple=True, help="Limits a manager to these programmes; repeat it.")
@click.option("--partner", help="The partner, for the role partner.")
@click.option("--consultant", help="The consultant as whom they will sign in, for the role consultant.")
@click.option("--language", type=click.Choice(LANGUAGES), help="The language of the mail.")
@answers
def invite_command(
    email: str, role: str, startup: str | None, programmes: tuple[str, ...], partner: str | None,
    consultant: str | None, language: str | None,
) -> Answer:
    """Send somebody a mail with a link that works once, within seven days."""
    if (role in MEMBER_ROLES) != (startup is not None):
        raise click.UsageError("--startup goes with the roles owner and member, and they with it.")

    with service() as app:
        asker = caller()

        def invite() -> Sending:
            if startup is not None:
                made = invite_member(asker, startup=startup, email=email, role=role, language=language or "")
            else:
                made = invite_staff(
                    asker, email=email, role=role, language=language or "en", consultant=consultant,
                    programme_ids=[by_key(Programme, "programme", key).id for key in programmes] or None,
                    partner_id=by_key(Partner, "partner", partner).id if partner else None,
                )
            send(made, settings(app), asker.now)
            return made

        made = transaction(invite)
    document = {"email": made.email, "role": role, "startup": startup, "expires_at": instant_text(made.expires_at)}
    return Answer(document, (f"An invitation to {made.email} is in the outbox.",))


@user_group.command("deactivate")
@click.argument("email")
@answers
def deactivate_command(email: str) -> Answer:
    """Let somebody sign in no more; their sessions and tokens end."""
    with service():
        asker = caller()
        transaction(lambda: deactivate(asker, known_person(email).id))
    return Answer({"email": email.strip().lower()}, (f"{email} cannot sign in any more.",))


@user_group.command("export")
@click.argument("email")
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@answers
def export_command(email: str, target: Path | None) -> Answer:
    """All that is held about a person, as JSON."""
    with service():
        held = export_person(caller(), known_person(email).id)
    if target is None:
        return Answer(held, (json.dumps(held, indent=2, ensure_ascii=False),))
    target.write_text(json.dumps(held, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    rows = sum(table["count"] for table in held["held"].values())
    return Answer({"file": str(target), "rows": rows}, (f"{rows} rows are in {target}.",))


@user_group.command("erase")
@click.argument("email")
@click.option("--confirm", required=True, help="The address again: this cannot be undone.")
@answers
def erase_command(email: str, confirm: str) -> Answer:
    """Replace a person's name and address by a pseudonym, everywhere."""
    with service():
        asker = caller()
        pseudonym = transaction(lambda: erase_person(asker, known_person(email).id, confirmed=confirm))
    return Answer({"pseudonym": pseudonym}, (f"Erased. The book and the trail keep {pseudonym}.",))
