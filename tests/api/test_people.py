from creditsvc.parties.tokens import create_token, revoke_token
from tests import factories
from tests.api.speaking import ONE_DATABASE, Speaker

NOTHING_CHOSEN = {"language": None, "time_zone": None}


def test_a_founder_reads_who_belongs_to_their_own_startup(founder: Speaker) -> None:
    factories.make_member("harbour-robotics", "a@harbour-robotics.example", "member")

    assert founder.get("/startups/harbour-robotics/members").json == {"next": None, "items": [
        {"email": "a@harbour-robotics.example", "name": "M. Chan", "role": "member", **NOTHING_CHOSEN},
        {"email": "founder@harbour-robotics.example", "name": "M. Chan", "role": "owner", **NOTHING_CHOSEN},
    ]}
    assert founder.get("/startups/lotus-health/members").status_code == 404


def test_a_list_goes_on_after_the_longest_cursor(manager: Speaker, startups: None) -> None:
    longest = "a" * 60 + "@" + ".".join(["b" * 60] * 3) + ".exampleee"
    factories.make_member("harbour-robotics", longest)
    factories.make_member("harbour-robotics", "z@harbour-robotics.example")

    first = manager.get("/startups/harbour-robotics/members", limit=1)
    second = manager.get("/startups/harbour-robotics/members", limit=1, after=first.json["next"])

    assert [each["email"] for each in second.json["items"]] == ["z@harbour-robotics.example"]


@ONE_DATABASE
def test_tokens_are_ones_own_and_never_say_their_secret(manager: Speaker, auditor: Speaker) -> None:
    boss = factories.somebody()
    factories.do(lambda: create_token(boss, "manager@park.example", "old", scopes=["read"]))
    factories.do(lambda: revoke_token(boss, "manager@park.example", "old"))

    mine = manager.get("/tokens")

    assert [(each["name"], each["scopes"], each["live"]) for each in mine.json["items"]] == [
        ("test", ["read", "award", "import", "admin"], True), ("old", ["read"], False),
    ]
    assert "cs_" not in mine.text
    assert "hash" not in mine.text
    assert [each["name"] for each in manager.get("/tokens", live="true").json["items"]] == ["test"]
    assert [each["name"] for each in auditor.get("/tokens").json["items"]] == ["test"]


def test_a_manager_adds_somebody_changes_their_role_and_takes_them_out(manager: Speaker, startups: None) -> None:
    place, new = "/startups/harbour-robotics/members", {"email": "New@Harbour-Robotics.example", "name": "W. Ng"}

    factories.make_member("harbour-robotics", "first@harbour-robotics.example")
    added = manager.post(place, new)
    changed = manager.post(place, {**new, "name": "other", "role": "owner"})
    ended = manager.post(f"{place}/end", {"email": "new@harbour-robotics.EXAMPLE"})

    assert added.json == {"email": "new@harbour-robotics.example", "name": "W. Ng", "role": "member", **NOTHING_CHOSEN}
    assert changed.json == ended.json == {**added.json, "role": "owner"}
    assert [each["email"] for each in manager.get(place).json["items"]] == ["first@harbour-robotics.example"]
    last = manager.post(f"{place}/end", {"email": "first@harbour-robotics.example"})
    assert (last.status_code, last.json["code"]) == (409, "last-owner")
    assert manager.post(f"{place}/end", {"email": "new@harbour-robotics.example"}).status_code == 404


def test_a_founder_adds_nobody_and_ends_people_of_their_own_startup_alone(founder: Speaker) -> None:
    factories.make_member("harbour-robotics", "second@harbour-robotics.example", "member")
    body = {"email": "second@harbour-robotics.example"}

    for key, status, ended in (("lotus-health", 404, 404), ("harbour-robotics", 403, 200)):
        assert founder.post(f"/startups/{key}/members", {**body, "name": "M"}).status_code == status
        assert founder.post(f"/startups/{key}/members/end", body).status_code == ended


@ONE_DATABASE
def test_an_owner_invites_and_revokes_and_gets_no_link(founder: Speaker, startups: None) -> None:
    place = "/startups/harbour-robotics/invitations"

    made = founder.post(place, {"email": "New@Harbour-Robotics.example"})
    twice = founder.post(place, {"email": "new@harbour-robotics.example"})
    listed = founder.get(place).json["items"]
    ended = founder.post(f"{place}/{made.json['id']}/revoke", {})

    assert (made.json["email"], made.json["role"]) == ("new@harbour-robotics.example", "member")
    assert (twice.status_code, twice.json["code"]) == (409, "is-invited")
    assert listed == [made.json] == [ended.json]
    assert founder.get(place).json["items"] == []
    assert founder.get("/startups/lotus-health/invitations").status_code == 404
