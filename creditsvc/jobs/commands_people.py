"""Commands about people: user add, user password, token create, token list, token revoke."""

import sys

import click

from creditsvc.core.days import as_of_instant, instant_text
from creditsvc.core.errors import RuleBroken
from creditsvc.db import transaction
from creditsvc.jobs.shell import Answer, answers, caller, service
from creditsvc.languages import LANGUAGES
from creditsvc.parties.models import MEMBER_ROLES, STAFF_ROLES, TOKEN_SCOPES
from creditsvc.parties.operations import add_membership, add_person, set_password
from creditsvc.parties.tokens import create_token, list_tokens, revoke_token
from creditsvc.programmes.models import Partner, Programme
from creditsvc.programmes.reading import by_key


def given_password(from_stdin: bool) -> str:
    """The password: the first line of standard input, or asked for twice on a terminal.

    Raises click.UsageError where there is neither.
    """
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("Say --password-stdin and give the password on standard input.")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password


@click.group("user")
def user_group() -> None:
    """People who sign in."""


@user_group.command("add")
@click.argument("email")
@click.option("--name", required=True, help="How the person is called.")
@click.option("--role", required=True, type=click.Choice([*STAFF_ROLES, *MEMBER_ROLES]),
              help="A role in the incubator, or owner or member of a startup.")
@click.option("--startup", help="The startup, for an owner or member.")
@click.option("--programme", "programmes", multiple=True, help="Limits a manager to these programmes; repeat it.")
@click.option("--partner", help="The partner, for the role partner.")
@click.option("--language", type=click.Choice(LANGUAGES), help="The language of this person's mails.")
@click.option("--password-stdin", is_flag=True, help="Read a password; without one they set it by mail.")
@answers
def add_command(
    email: str, name: str, role: str, startup: str | None, programmes: tuple[str, ...], partner: str | None,
    language: str | None, password_stdin: bool,
) -> Answer:
    """Add a person."""
    if (role in MEMBER_ROLES) != (startup is not None):
        raise click.UsageError("--startup goes with the roles owner and member, and they with it.")
    if programmes and role != "manager":
        raise click.UsageError("--programme limits a manager.")
    if (role == "partner") != (partner is not None):
        raise click.UsageError("--partner goes with the role partner, and it with --partner.")
    password = given_password(from_stdin=True) if password_stdin else None

    def add() -> None:
        if startup is not None:
            add_membership(caller(), startup=startup, email=email, name=name, role=role, language=language)
        else:
            add_person(
                caller(), email=email, name=name, role=role, language=language,
                programme_ids=[by_key(Programme, "programme", key).id for key in programmes] or None,
                partner_id=by_key(Partner, "partner", partner).id if partner else None,
            )
        if password is not None:
            set_password(caller(), email=email, password=password)

    with service():
        transaction(add)
    ending = "." if password is not None else "; a password is set by `creditsvc user password` or by mail."
    return Answer({"email": email.strip().lower(), "role": role, "startup": startup}, (f"{email} is {role}{ending}",))


@user_group.command("password")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@answers
def password_command(email: str, password_stdin: bool) -> Answer:
    """Set a person's password; their sessions end."""
    with service():
        password = given_password(password_stdin)
        if not password:
            raise RuleBroken("password", "empty", "no password was given")
        transaction(lambda: set_password(caller(), email=email, password=password))
    return Answer({"email": email.strip().lower()}, (f"The password of {email} is set; their sessions have ended.",))


@click.group("token")
def token_group() -> None:
    """Bearer tokens of the API."""


@token_group.command("create")
@click.argument("email")
@click.option("--name", required=True, help="What the token is for, such as `nightly import`.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(TOKEN_SCOPES),
              help="What it may do; can be given several times. Default: everything that its person may.")
@click.option("--expires", metavar="INSTANT", help="When it ends; a bare day is its last. Default: never.")
@answers
def create_command(email: str, name: str, scopes: tuple[str, ...], expires: str | None) -> Answer:
    """Make a token that may do what its person may, within its scopes. It is shown once."""
    expires_at = None if expires is None else as_of_instant(expires, "expires")
    with service():
        token = transaction(
            lambda: create_token(caller(), email, name, scopes=scopes or TOKEN_SCOPES, expires_at=expires_at)
        )
    document = {
        "email": email.strip().lower(), "name": name, "token": token,
        "scopes": [scope for scope in TOKEN_SCOPES if scope in (scopes or TOKEN_SCOPES)],
        "expires_at": instant_text(expires_at),
    }
    return Answer(document, (token,))


@token_group.command("list")
@click.argument("email", required=False)
@answers
def list_command(email: str | None) -> Answer:
    """The tokens that open something: whose, what they may do, until when, when last used."""
    with service():
        asker = caller()
        live = [token for token in list_tokens(asker, email) if token.is_live(asker.now)]
    document = [
        {
            "email": token.person, "name": token.name, "scopes": list(token.scopes),
            "created_at": instant_text(token.created_at), "expires_at": instant_text(token.expires_at),
            "last_used_at": instant_text(token.last_used_at),
        }
        for token in live
    ]
    lines = [
        f"{token.person}  {token.name}  {','.join(token.scopes)}  ends {instant_text(token.expires_at) or 'never'}  "
        f"used {instant_text(token.last_used_at) or 'never'}"
        for token in live
    ]
    return Answer({"tokens": document}, tuple(lines) or ("There are no tokens.",))


@token_group.command("revoke")
@click.argument("email")
@click.option("--name", required=True, help="The token's name.")
@answers
def revoke_command(email: str, name: str) -> Answer:
    """End a token at once."""
    with service():
        transaction(lambda: revoke_token(caller(), email, name))
    return Answer({"email": email.strip().lower(), "name": name}, (f"The token {name} of {email} is revoked.",))
