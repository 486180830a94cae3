"""Who sits where in a load file: seated once, refused by name where there is no room or the book says otherwise."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select

from creditsvc.db import db
from creditsvc.ledger.models import Batch, SeatFact
from creditsvc.ledger.verify import verify
from creditsvc.licences import seats as desk
from creditsvc.licences.models import SeatAssignment
from tests import factories as make
from tests.onboarding.test_load import PARK, everything, load, lot, refusal_of
from tests.onboarding.test_load_kinds import HOURS, SEATS

PRODUCT = {"key": "m365", "resource": "m365-bp", "publisher": "Microsoft", "plan": "Business Premium",
           "seat_is": "one person's account", "delivery": "invitation"}
SITTING = [
    {"grant": "hr-seats", "email": "Ada@harbour.example", "name": "Ada Wong", "from": "2026-03-01"},
    {"grant": "hr-seats", "email": "bob@harbour.example", "name": "Bob Ho", "from": "2026-03-01",
     "until": "2026-08-31"},
    {"grant": "hr-seats", "email": "bob@harbour.example", "name": "Bob Ho", "from": "2026-10-01"},
]
BASE = PARK | {"products": [PRODUCT], "grants": [*PARK["grants"], SEATS | {"amount": "2"}, HOURS]}


def with_seats(*items):
    return BASE | {"seats": list(items or SITTING)}


def seated():
    rows = db.session.execute(
        select(SeatAssignment.email, SeatFact.from_at, SeatFact.until_at)
        .join(SeatFact, SeatFact.id == SeatAssignment.seat_id).order_by(SeatFact.id)
    )
    return [tuple(row) for row in rows]


def test_people_are_seated_once_and_in_few_batches(app):
    load(BASE)
    batches = db.session.scalar(select(func.count()).select_from(Batch))

    report = load(with_seats())
    before = everything()
    again = load(with_seats())

    assert (report.new, again.is_unchanged) == ({"seats": 3}, True)
    assert everything() == before
    assert db.session.scalar(select(func.count()).select_from(Batch)) == batches + 2
    assert seated() == [
        ("ada@harbour.example", datetime(2026, 2, 28, 16, tzinfo=UTC), None),
        ("bob@harbour.example", datetime(2026, 2, 28, 16, tzinfo=UTC), datetime(2026, 8, 31, 16, tzinfo=UTC)),
        ("bob@harbour.example", datetime(2026, 9, 30, 16, tzinfo=UTC), None),
    ]
    assert lot("hr-seats").standing.drawn == 2
    assert verify()["differences"] == []


def test_a_grant_and_its_people_are_one_load(app):
    assert load(with_seats()).new["seats"] == 3


def test_what_was_released_in_the_service_stays_released(app, config):
    load(with_seats())
    ada = db.session.execute(
        select(SeatAssignment.seat_id).where(SeatAssignment.email == "ada@harbour.example")
    ).scalar_one()
    make.do(lambda: desk.release(make.somebody(), config, ada))

    assert load(with_seats()).is_unchanged
    assert lot("hr-seats").standing.drawn == 1


def test_who_sat_in_a_grant_that_was_voided_before_go_live_is_the_same_again(app):
    voided = BASE | {"grants": [*PARK["grants"], SEATS | {"voided_at": "2026-05-01"}], "seats": SITTING[:1]}
    load(voided)

    assert load(voided).is_unchanged
    assert lot("hr-seats").standing.drawn == 0


def test_the_order_of_a_persons_seats_does_not_matter(app):
    follows = SEATS | {"key": "hr-next", "effective": "2027-03-01", "expires": "2028-02-28"}
    both = [THIRD | {"grant": "hr-next", "from": "2027-03-01"}, THIRD]
    document = BASE | {"grants": [*BASE["grants"], follows], "pools": [
        PARK["pools"][0], PARK["pools"][1] | {"ends": "2028-12-31"}, PARK["pools"][2]], "seats": both}
    load(document)

    assert load(document).is_unchanged
    assert load(document | {"seats": both[::-1]}).is_unchanged


def test_another_name_is_paper_and_another_end_is_a_fact(app):
    load(with_seats())

    renamed = load(with_seats(SITTING[0] | {"name": "Ada Wong-Lee"}))
    (error,) = refusal_of(with_seats(SITTING[1] | {"until": "2026-09-30"}))

    assert renamed.changed == {"seats": 1}
    assert error.column == "seats[0].until"
    assert "differs from what is in the book, 2026-08-31" in error.message


THIRD = {"grant": "hr-seats", "email": "eve@harbour.example", "name": "Eve Ma", "from": "2026-03-01"}


@pytest.mark.parametrize(
    "seat, column",
    [
        (THIRD, "seats[2].grant"),
        (THIRD | {"grant": "nothing"}, "seats[2].grant"),
        (THIRD | {"grant": "hr-hours"}, "seats[2].grant"),
        (THIRD | {"email": "ada@harbour.example", "from": "2026-04-01"}, "seats[2].email"),
        (THIRD | {"email": "ada@harbour.example"}, "seats[2].email"),
        (THIRD | {"email": "nowhere"}, "seats[2].email"),
        (THIRD | {"from": "2026-02-01"}, "seats[2].from"),
        (THIRD | {"from": "2026-09-01", "until": "2027-03-31"}, "seats[2].until"),
        (THIRD | {"from": "2026-09-01", "until": "2026-08-01"}, "seats[2].until"),
        (THIRD | {"name": " "}, "seats[2].name"),
        (THIRD | {"surprise": 1}, "seats[2].surprise"),
    ],
)
def test_who_cannot_be_seated_is_refused_at_their_place_and_nobody_is(app, seat, column):
    load(BASE)
    before = everything()

    (error,) = refusal_of(with_seats(*SITTING[:2], seat))

    assert error.column == column
    assert everything() == before


def test_all_who_find_no_seat_are_named_at_once(app):
    load(BASE)

    errors = refusal_of(with_seats(*SITTING[:2], THIRD, THIRD | {"email": "zoe@harbour.example"}))

    assert [error.column for error in errors] == ["seats[2].grant", "seats[3].grant"]
    assert "0 of 2 seats of m365 are free from 2026-03-01 on" in errors[0].message


def test_a_resource_without_a_product_seats_nobody(app):
    (error,) = refusal_of({key: items for key, items in with_seats().items() if key != "products"} | {
        "seats": SITTING[:1]})

    assert error.column == "seats[0].grant"
    assert "no product" in error.message


def test_a_day_that_yaml_read_means_the_same(app):
    load(with_seats())

    assert load(with_seats(SITTING[0] | {"from": date(2026, 3, 1)})).is_unchanged
