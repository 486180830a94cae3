"""Commands that invite, deactivate, export and erase people."""

import json
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.config import Config
from creditsvc.db import db
from creditsvc.mail.models import OutboxMail
from creditsvc.parties.models import Invitation, Person
from tests import factories
from tests.jobs.shell import run

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_people_are_invited_from_the_shell(app: Flask, config: Config):
    factories.make_startup("acme")

    member = run(config, "user", "invite", "Ada@acme.example", "--role", "owner", "--startup", "acme", "--json")
    staff = run(config, "user", "invite", "lee@park.example", "--role", "auditor")
    twice = run(config, "user", "invite", "lee@park.example", "--role", "auditor")

    assert (member.code, staff.code, twice.code) == (0, 0, 1)
    assert member.document["email"] == "ada@acme.example"
    assert "is invited already" in twice.err
    assert sorted(db.session.scalars(select(OutboxMail.to_address))) == ["ada@acme.example", "lee@park.example"]
    assert "invitations/" not in member.out + staff.out
    assert db.session.scalars(select(Invitation.role).order_by(Invitation.id)).all() == ["owner", "auditor"]


def test_a_person_is_deactivated_exported_and_erased_from_the_shell(app: Flask, config: Config, tmp_path: Path):
    factories.make_person("boss@park.example", "administrator")
    factories.make_person("lee@park.example", "manager", factories.PASSWORD)
    file = tmp_path / "lee.json"

    exported = run(config, "user", "export", "lee@park.example", "--to", file)
    ended = run(config, "user", "deactivate", "lee@park.example")
    wrong = run(config, "user", "erase", "lee@park.example", "--confirm", "kim@park.example")
    erased = run(config, "user", "erase", "lee@park.example", "--confirm", "lee@park.example", "--json")
    verified = run(config, "verify")

    assert (exported.code, ended.code, wrong.code, erased.code, verified.code) == (0, 0, 1, 0, 0)
    assert json.loads(file.read_text("utf-8"))["person"]["role"] == "manager"
    assert sorted(db.session.scalars(select(Person.email))) == ["boss@park.example", erased.document["pseudonym"]]
