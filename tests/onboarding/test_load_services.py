"""Products, consultants and policies in a load file: once, changed where paper differs, refused where it cannot be."""

import copy
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from creditsvc.consulting.consultants import Policy, day_changes_of, policy_of_startup, weekly_of
from creditsvc.consulting.models import Consultant
from creditsvc.core.free_slots import Weekly
from creditsvc.db import db
from creditsvc.licences.products import find_product, products
from creditsvc.parties.reading import find_startup
from tests import factories as make
from tests.onboarding.test_load import PARK, everything, load, refusal_of

CHAN = "chan@mentors.example"
SERVICES = {
    "programmes": [PARK["programmes"][0] | {"policies": {"consulting": {
        "confirm_days": 5, "excess": "uncovered", "no_show_percent": 80, "late_hours": 48, "late_percent": 25}}}],
    "users": [{"email": CHAN, "name": "A. Chan", "role": "consultant"}],
    "products": [{
        "key": "m365", "resource": "m365-bp", "publisher": "Microsoft", "plan": "Microsoft 365 Business Premium",
        "seat_is": "one person's account", "delivery": "invitation", "sku": "SPB"}],
    "consultants": [
        {"key": "chan", "name": "A. Chan", "email": CHAN, "timezone": "Europe/London", "languages": ["en", "zh"],
         "skills": ["azure", "security"], "rate": "1200.50", "currency": "HKD", "holidays": "", "slot_minutes": 15,
         "notice_hours": 4,
         "hours": [{"day": "friday", "from": "22:00", "to": "02:00"}, {"day": "monday", "from": "09:00", "to": "18:00"},
                   {"day": "sunday", "from": "00:00", "to": "24:00"}],
         "exceptions": [{"day": "2026-07-01", "kind": "off", "reason": "away"},
                        {"day": "2026-07-04", "kind": "extra", "from": "10:00", "to": "12:30"}]},
        {"key": "ho", "name": "B. Ho"},
    ],
}


def services(*path, to):
    """The services with one value changed."""
    made = copy.deepcopy(SERVICES)
    at = made
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = to
    return made


def park():
    return {key: items for key, items in PARK.items() if key not in ("programmes", "users")}


def consultant(key="chan"):
    return db.session.scalars(select(Consultant).where(Consultant.key == key)).one()


def test_services_are_loaded_whole_and_again_changes_nothing(app):
    report = load(park(), SERVICES)
    before = everything()
    again = load(park(), SERVICES)

    assert [report.new[kind] for kind in ("products", "consultants", "policies")] == [1, 2, 1]
    assert again.is_unchanged
    assert everything() == before


def test_a_product_is_as_stated(app):
    load(park(), SERVICES)

    view = find_product(make.somebody(), "m365")
    assert (view.resource, view.publisher, view.delivery, view.portal, view.sku) == (
        "m365-bp", "Microsoft", "invitation", "", "SPB"
    )


def test_a_consultant_is_as_stated_with_hours_and_days(app):
    load(park(), SERVICES)

    chan, ho = consultant(), consultant("ho")
    assert (chan.timezone, chan.languages, chan.skills) == ("Europe/London", ["en", "zh"], ["azure", "security"])
    assert (chan.rate, chan.currency, chan.holidays) == (120050 * 10**6, "HKD", "")
    assert (chan.slot_minutes, chan.notice_hours) == (15, 4)
    assert weekly_of(chan.id) == [Weekly(0, 540, 1080), Weekly(4, 1320, 1560), Weekly(6, 0, 1440)]
    changes = day_changes_of(chan.id, date(2026, 7, 1), date(2026, 7, 31))
    assert [(one.day, one.kind, one.starts, one.ends, one.reason) for one in changes] == [
        (date(2026, 7, 1), "off", 0, 1440, "away"), (date(2026, 7, 4), "extra", 600, 750, ""),
    ]
    assert (ho.timezone, ho.rate, ho.slot_minutes, weekly_of(ho.id)) == ("Asia/Hong_Kong", None, 30, [])


def test_a_programmes_policy_is_as_stated_and_what_is_left_out_stays(app):
    load(park(), SERVICES)
    load(services("programmes", 0, "policies", "consulting", to={"late_hours": 12}))

    startup = find_startup(make.somebody(), "harbour-robotics")
    assert policy_of_startup(startup.id) == Policy(5, "uncovered", 80, 12, 25)


@pytest.mark.parametrize(
    "path, to, kind",
    [
        (("products", 0, "plan"), "Business Premium", "products"),
        (("products", 0, "sku"), "SPB2", "products"),
        (("consultants", 0, "name"), "Ada Chan", "consultants"),
        (("consultants", 0, "skills"), ["azure"], "consultants"),
        (("consultants", 0, "rate"), "1300", "consultants"),
        (("consultants", 0, "currency"), "USD", "consultants"),
        (("consultants", 0, "hours"), [], "consultants"),
        (("consultants", 0, "exceptions"), [{"day": "2026-07-02", "kind": "off"}], "consultants"),
        (("programmes", 0, "policies", "consulting", "confirm_days"), 9, "policies"),
    ],
)
def test_what_differs_is_changed_once(app, path, to, kind):
    load(park(), SERVICES)
    changed = services(*path, to=to)

    report = load(changed)
    again = load(changed)

    assert (report.new, report.changed) == ({}, {kind: 1})
    assert again.is_unchanged


def test_what_a_file_leaves_out_stays(app):
    load(park(), SERVICES)
    before = everything()

    report = load({"consultants": [{"key": "chan", "name": "A. Chan"}], "programmes": PARK["programmes"]})

    assert report.is_unchanged
    assert everything() == before


def test_of_which_resource_a_product_is_stays_as_it_is(app):
    more = {"resources": [{"key": "github", "kind": "seats"}]}
    load(park(), SERVICES, more)

    (error,) = refusal_of(services("products", 0, "resource", to="github"))

    assert error.column == "products[0].resource"
    assert "differs from what is in the book, m365-bp" in error.message
    assert len(products(make.somebody())) == 1


WRONG = [
    (("products", 0, "resource"), "consulting", "products[0].resource"),
    (("products", 0, "resource"), "nothing", "products[0].resource"),
    (("products", 0, "delivery"), "pigeon", "products[0].delivery"),
    (("products", 0, "portal"), "not an address", "products[0].portal"),
    (("products", 0, "seat_is"), " ", "products[0].seat_is"),
    (("consultants", 0, "email"), "nobody@mentors.example", "consultants[0].email"),
    (("consultants", 0, "timezone"), "Asia/Kowloon", "consultants[0].timezone"),
    (("consultants", 0, "rate"), 1200, "consultants[0].rate"),
    (("consultants", 0, "rate"), "-1", "consultants[0].rate"),
    (("consultants", 0, "currency"), "hour", "consultants[0].currency"),
    (("consultants", 0, "currency"), None, "consultants[0].currency"),
    (("consultants", 0, "holidays"), "XX", "consultants[0].holidays"),
    (("consultants", 0, "slot_minutes"), 7, "consultants[0].slot_minutes"),
    (("consultants", 0, "slot_minutes"), "15", "consultants[0].slot_minutes"),
    (("consultants", 0, "notice_hours"), -1, "consultants[0].notice_hours"),
    (("consultants", 0, "hours", 1, "day"), "Monday", "consultants[0].hours[1].day"),
    (("consultants", 0, "hours", 1, "from"), "9:00", "consultants[0].hours[1].from"),
    (("consultants", 0, "hours", 1, "from"), 1080, "consultants[0].hours[1].from"),
    (("consultants", 0, "hours", 1, "to"), "24:30", "consultants[0].hours[1].to"),
    (("consultants", 0, "hours", 1, "from"), "24:00", "consultants[0].hours[1]"),
    (("consultants", 0, "exceptions", 1, "kind"), "on", "consultants[0].exceptions[1].kind"),
    (("consultants", 0, "exceptions", 1, "day"), "soon", "consultants[0].exceptions[1].day"),
    (("consultants", 1, "key"), "chan", "consultants[1].key"),
    (("consultants", 1, "email"), CHAN, "consultants[1].email"),
    (("programmes", 0, "policies", "consulting", "late_percent"), 101,
     "programmes[0].policies.consulting.late_percent"),
    (("programmes", 0, "policies", "consulting", "excess"), "free", "programmes[0].policies.consulting.excess"),
    (("programmes", 0, "policies", "consulting", "surprise"), 1, "programmes[0].policies.consulting.surprise"),
]
"""A value that makes no sense, and the path that the refusal names."""


def test_a_wrong_value_is_refused_at_its_path_and_nothing_is_kept(app):
    load(park(), {"programmes": PARK["programmes"]})
    before = everything()

    refusals = [[error.column for error in refusal_of(services(*path, to=to))] for path, to, _ in WRONG]

    assert refusals == [[column] for _, _, column in WRONG]
    assert everything() == before


def test_hours_that_overlap_midnight_are_of_the_next_day_too(app):
    load(park(), SERVICES)

    late = weekly_of(consultant().id)[1]
    assert timedelta(minutes=late.ends - late.starts) == timedelta(hours=4)
