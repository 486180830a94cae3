"""Inviting people: who may, once and in time, and what nobody learns by it."""

from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import func, select

from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.parties import invitations, passwords
from creditsvc.parties.models import Invitation, Membership, Person, StartupProgramme, TrailEntry
from creditsvc.parties.operations import add_membership, change_membership, end_membership
from tests import factories
from tests.factories import NOW, PASSWORD, caller, do, somebody

pytestmark = pytest.mark.usefixtures("app")
NEW = "new@startup.example"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def owner(app: Flask) -> Person:
    factories.make_startup("acme")
    factories.make_startup("other")
    return factories.make_member("acme", "o@acme.example", "owner")


def invite(owner: Person, email: str = NEW, role: str = "member", now: Any = NOW) -> invitations.Sending:
    return transaction(lambda: invitations.invite_member(caller(owner, now), startup="acme", email=email, role=role))


def accept(token: str, now: Any = NOW) -> Person:
    return transaction(lambda: invitations.accept_with_password(token, "New Name", PASSWORD, now))


def code(act: Any) -> tuple[str, str]:
    with pytest.raises(RuleBroken) as refused:
        act()
    return refused.value.field, refused.value.code


def test_an_owner_invites_and_the_link_works_once(owner: Person) -> None:
    sending = invite(owner, "  New@Startup.example ")

    accept(sending.token)

    roles = db.session.execute(select(Person.email, Membership.role).join(Membership)).all()
    assert sorted(map(tuple, roles)) == [(NEW, "member"), ("o@acme.example", "owner")]
    assert code(lambda: accept(sending.token)) == ("token", "link-over")
    assert sending.token not in str(db.session.execute(select(Invitation.token_hash)).all())


def test_a_link_ends_after_seven_days_by_revoking_and_by_the_next_mail(owner: Person) -> None:
    late, revoked, old = invite(owner, "a@x.example"), invite(owner, "b@x.example"), invite(owner, "c@x.example")
    ids = dict(db.session.execute(select(Invitation.email, Invitation.id)).all())
    mine, later = caller(owner), caller(owner, NOW + timedelta(minutes=5))
    for _ in range(2):  # a second press does nothing
        transaction(lambda: invitations.revoke(mine, ids["b@x.example"], startup="acme"))
    again = transaction(lambda: invitations.send_again(later, ids["c@x.example"], startup="acme"))

    assert code(lambda: accept(late.token, NOW + timedelta(days=7))) == ("token", "link-over")
    assert code(lambda: accept(revoked.token)) == code(lambda: accept(old.token)) == ("token", "link-over")
    assert accept(again.token).email == "c@x.example"


def test_an_invitation_is_not_sent_twice_by_a_second_press(owner: Person) -> None:
    invite(owner)
    made = db.session.scalars(select(Invitation.id)).one()

    assert code(lambda: invite(owner)) == ("email", "is-invited")
    mine = caller(owner)
    assert code(lambda: transaction(lambda: invitations.send_again(mine, made, startup="acme"))) == ("", "just-sent")
    for turn in range(1, invitations.SENDINGS_AT_MOST):
        at = caller(owner, NOW + turn * invitations.PAUSE)
        transaction(lambda at=at: invitations.send_again(at, made, startup="acme"))
    at = caller(owner, NOW + timedelta(hours=1))
    assert code(lambda: transaction(lambda: invitations.send_again(at, made, startup="acme"))) == ("", "sent-often")


def test_another_startups_invitation_is_as_if_it_were_not_there(owner: Person) -> None:
    invite(owner)
    made = db.session.scalars(select(Invitation.id)).one()
    stranger = caller(factories.make_member("other", "o@other.example", "owner"))

    for startup in ("acme", "other"):
        with pytest.raises(NotFound):
            transaction(lambda startup=startup: invitations.revoke(stranger, made, startup=startup))
    with pytest.raises(NotFound):
        invitations.open_invitations(stranger, "acme")
    assert invitations.open_invitations(stranger, "other") == []


def test_what_an_inviter_gets_does_not_tell_who_is_known(owner: Person) -> None:
    factories.make_member("other", "known@other.example", password=PASSWORD)

    known, unknown = invite(owner, "known@other.example"), invite(owner, "unknown@other.example")

    assert {**vars(known), "token": "", "email": ""} == {**vars(unknown), "token": "", "email": ""}
    views = invitations.open_invitations(caller(owner), "acme")
    assert {(one.role, one.sendings, one.expires_at) for one in views} == {("member", 1, NOW + timedelta(days=7))}


def test_somebody_with_a_password_signs_in_and_just_gains_the_membership(owner: Person) -> None:
    known = factories.make_member("other", "known@other.example", password=PASSWORD)
    before = known.password_hash
    sending = invite(owner, known.email, "owner")

    assert code(lambda: accept(sending.token)) == ("token", "sign-in-first")
    other = caller(owner)
    assert code(lambda: transaction(lambda: invitations.accept_signed_in(other, sending.token))) == (
        "token", "other-person"
    )
    mine = caller(known)
    transaction(lambda: invitations.accept_signed_in(mine, sending.token))

    assert set(caller(known).memberships.values()) == {"owner"}
    assert len(caller(known).memberships) == 2
    person = do(lambda: db.session.get_one(Person, known.id))
    assert (person.password_hash, person.name) == (before, known.name)


def test_a_member_invites_nobody_and_a_manager_of_some_programmes_adds_nobody_unseen(owner: Person) -> None:
    member = factories.make_member("acme", "m@acme.example", "member")
    cohort = factories.make_cohort()
    limited = factories.make_person("l@park.example", "manager", programme_ids=[cohort.programme_id])
    startup = do(lambda: next(iter(caller(owner).memberships)))
    do(lambda: db.session.add(StartupProgramme(startup_id=startup, programme_id=cohort.programme_id)))

    with pytest.raises(Forbidden):
        invite(member)
    assert invite(limited).startup == "Harbour Robotics"
    with pytest.raises(Forbidden):
        transaction(lambda: add_membership(caller(limited), startup="acme", email=owner.email, name="X"))


def test_an_administrator_invites_staff_with_what_their_role_needs(app: Flask) -> None:
    partner = factories.make_partner()
    cohort = factories.make_cohort()
    boss = somebody()

    def staff(email: str, **more: Any) -> Person:
        return accept(transaction(lambda: invitations.invite_staff(boss, email=email, **more)).token)

    manager = staff("m@park.example", role="manager", programme_ids=[cohort.programme_id])
    viewer = staff("p@park.example", role="partner", partner_id=partner.id)

    assert caller(manager).programme_ids == {cohort.programme_id}
    assert caller(viewer).partner_id == partner.id
    assert code(lambda: staff("x@park.example", role="partner")) == ("partner", "missing")
    assert code(lambda: staff("m@park.example", role="auditor")) == ("email", "has-role")
    with pytest.raises(Forbidden):
        transaction(lambda: invitations.invite_staff(caller(manager), email="y@park.example", role="auditor"))


def test_the_last_owner_stays_an_owner(owner: Person) -> None:
    second = factories.make_member("acme", "m@acme.example", "member")
    mine = caller(owner)

    def change(email: str, role: str) -> None:
        transaction(lambda: change_membership(mine, startup="acme", email=email, role=role))

    assert code(lambda: change(owner.email, "member")) == ("role", "last-owner")
    assert code(lambda: transaction(lambda: end_membership(mine, startup="acme", email=owner.email))) == (
        "email", "last-owner"
    )
    change(second.email, "owner")
    transaction(lambda: end_membership(mine, startup="acme", email=owner.email))
    assert caller(owner).memberships == {}
    done = db.session.scalars(select(TrailEntry.action).where(TrailEntry.actor == owner.email)).all()
    assert done == ["member.edited", "member.ended"]


def test_a_day_has_a_bound_on_invitations(owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "A_DAY_AT_MOST", 1)
    invite(owner, "a@x.example")

    with pytest.raises(Conflict, match="go on tomorrow"):
        invite(owner, "b@x.example")

    assert db.session.scalar(select(func.count(Invitation.id))) == 1
    invite(owner, "b@x.example", now=NOW + timedelta(days=1))


@pytest.mark.parametrize("act", [
    lambda boss: end_membership(boss, startup="acme", email="o@acme.example"),
    lambda boss: change_membership(boss, startup="acme", email="o@acme.example", role="member"),
])
def test_invitations_end_with_the_role_of_who_made_them(owner: Person, act: Any) -> None:
    factories.make_member("acme", "second@acme.example", "owner")
    other = factories.make_person("both@acme.example")
    do(lambda: add_membership(somebody(), startup="other", email="both@acme.example", role="owner"))
    mine = invite(owner, "a@x.example")
    theirs = transaction(lambda: invitations.invite_member(
        caller(other), startup="other", email="b@x.example", role="member"))

    transaction(lambda: act(somebody()))

    assert code(lambda: accept(mine.token)) == ("token", "link-over")
    assert accept(theirs.token).email == "b@x.example"
    assert db.session.scalar(select(func.count()).where(TrailEntry.action == "invitation.revoked")) == 1
