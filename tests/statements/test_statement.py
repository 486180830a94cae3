"""A statement says what happened in the order of time, and its running balance ends at the balance."""

from datetime import UTC, date, datetime, timedelta

import pytest

from creditsvc.core.amounts import format_amount
from creditsvc.core.errors import Forbidden, NotFound, RuleBroken
from creditsvc.db import transaction
from creditsvc.grants.operations import award_grant, extend_grant, return_to_pool, top_up_grant, void_grant
from creditsvc.ledger.reading import balances
from creditsvc.parties.access import Caller, operator
from creditsvc.statements.reading import burn_down_series, statement, statement_document
from creditsvc.usage.operations import reverse_run
from tests.conftest import NOW


def on(day):
    return operator(datetime(2026, *day, 4, 0, tzinfo=UTC), "a.lee@park.example")


def award(startup, key="g1", amount="100", first=date(2026, 3, 1), last=date(2027, 2, 28), when=(2, 20), **more):
    caller = on(when)
    transaction(lambda: award_grant(caller, startup=startup, pool="ms", key=key, amount=amount, effective=first,
                                    expires=last, **more))


def told(startup, now=NOW, **period):
    return statement_document(statement(operator(now), startup, **period))["accounts"][0]


def lines(account, *columns):
    return [tuple(entry[column] for column in columns) for entry in account["entries"]]


def test_award_and_usage_are_told_with_running_balances(startup, use):
    award(startup)
    run = use({date(2026, 3, 5): "30", date(2026, 3, 6): "12.5"})

    account = told(startup)

    assert lines(account, "day", "kind", "amount", "change", "remaining") == [
        ("2026-02-20", "award", "100", "0", "0"),
        ("2026-03-01", "effective", "100", "100", "100"),
        ("2026-03-05", "usage", "30", "-30", "70"),
        ("2026-03-06", "usage", "12.5", "-12.5", "57.5"),
    ]
    assert account["entries"][0]["text"] == "Grant awarded from ms, usable from 2026-03-01 to 2027-02-28"
    assert account["entries"][0]["by"] == "a.lee@park.example"
    assert account["entries"][2]["paid_from"] == [{"grant": "g1", "amount": "30"}]
    assert account["entries"][2]["ref"] == f"run:{run}"
    assert account["closing"]["remaining"] == "57.5"


def test_usage_beyond_the_grant_is_uncovered(startup, use):
    award(startup, amount="20")
    use({date(2026, 3, 5): "30"})

    account = told(startup)

    assert account["entries"][-1]["paid_from"] == [{"grant": "g1", "amount": "20"}]
    assert account["entries"][-1]["uncovered"] == "10"
    assert account["entries"][-1]["remaining"] == "0"
    assert account["closing"]["uncovered"] == "10"


def test_a_refund_and_what_finds_nothing_to_take_back(startup, use):
    award(startup)
    use({date(2026, 3, 5): "30", date(2026, 3, 6): "-45"})

    account = told(startup)

    assert lines(account, "kind", "amount", "change", "remaining", "uncredited_refund")[-1] == (
        "refund", "45", "30", "100", "15"
    )


def test_a_restatement_is_a_correction_on_its_charge_day_that_names_its_run(startup, use):
    award(startup)
    first = use({date(2026, 3, 5): "30", date(2026, 3, 6): "10"})
    second = use({date(2026, 3, 5): "32", date(2026, 3, 6): "10"}, submitted=date(2026, 3, 9))

    account = told(startup)

    assert lines(account, "day", "kind", "amount", "remaining", "ref")[2:] == [
        ("2026-03-05", "usage", "30", "70", f"run:{first}"),
        ("2026-03-05", "restatement", "2", "68", f"run:{second}"),
        ("2026-03-06", "usage", "10", "58", f"run:{first}"),
    ]


def test_an_import_taken_back_is_a_correction_too(startup, use):
    award(startup)
    run = use({date(2026, 3, 5): "30"})
    transaction(lambda: reverse_run(operator(NOW), run))

    account = told(startup)

    assert lines(account, "kind", "amount", "change", "remaining", "cause")[2:] == [
        ("usage", "30", "-30", "70", "usage"),
        ("restatement", "-30", "30", "100", "reverse"),
    ]


def test_a_grant_backdated_to_cover_usage_is_a_rebooking_by_its_award(startup, use):
    use({date(2026, 3, 5): "30"})
    award(startup, when=(6, 1), awarded=datetime(2026, 6, 1, 4, tzinfo=UTC))

    account = told(startup)

    assert lines(account, "kind", "change", "remaining", "uncovered", "ref") == [
        ("award", "0", "0", "0", "grant:g1"),
        ("effective", "100", "100", "0", ""),
        ("usage", "0", "100", "30", account["entries"][2]["ref"]),
        ("rebooking", "-30", "70", "-30", "grant:g1"),
    ]
    assert account["closing"]["uncovered"] == "0"


def test_top_up_return_and_extension_stand_where_they_were_stated(startup, use):
    award(startup)
    use({date(2026, 3, 5): "30"})
    transaction(lambda: top_up_grant(on((4, 1)), "g1", amount="50", reason="a second round"))
    transaction(lambda: return_to_pool(on((4, 2)), "g1", amount="20"))
    transaction(lambda: extend_grant(on((4, 3)), "g1", expires=date(2027, 5, 31)))

    account = told(startup)

    assert lines(account, "day", "kind", "amount", "change", "remaining", "reason")[3:] == [
        ("2026-04-01", "top_up", "50", "50", "120", "a second round"),
        ("2026-04-02", "return", "20", "-20", "100", ""),
        ("2026-04-03", "extend", "0", "0", "100", ""),
    ]
    assert account["entries"][-1]["text"] == "Grant extended to 2027-05-31"
    assert account["closing"]["granted"] == "130"


def test_a_top_up_that_pays_what_was_uncovered_adds_only_what_is_left_of_it(startup, use):
    award(startup, amount="20")
    use({date(2026, 3, 5): "30"})
    transaction(lambda: top_up_grant(on((4, 1)), "g1", amount="50"))

    account = told(startup)

    assert lines(account, "kind", "change", "remaining", "uncovered")[2:] == [
        ("usage", "-20", "0", "10"),
        ("rebooking", "0", "0", "-10"),
        ("top_up", "40", "40", "0"),
    ]
    assert account["closing"]["remaining"] == "40"


def test_expiry_takes_what_is_left_on_its_last_day(startup, use):
    award(startup, last=date(2026, 5, 31))
    use({date(2026, 5, 30): "30"})

    account = told(startup)

    assert lines(account, "day", "kind", "amount", "change", "remaining")[-1] == (
        "2026-05-31", "expiry", "70", "-70", "0"
    )
    assert account["closing"]["expired"] == "70"


def test_a_void_takes_what_is_left_from_its_instant_on(startup, use):
    award(startup)
    use({date(2026, 3, 5): "30"})
    transaction(lambda: void_grant(on((4, 1)), "g1", reason="left the park"))

    account = told(startup)

    assert lines(account, "day", "kind", "amount", "change", "remaining", "reason", "by")[-1] == (
        "2026-04-01", "void", "70", "-70", "0", "left the park", "a.lee@park.example"
    )
    assert "expiry" not in [entry["kind"] for entry in account["entries"]]


def test_what_was_drawn_before_the_service_is_told_apart(startup, use):
    award(startup, opening_drawn="40", opening_at=date(2026, 4, 1))
    use({date(2026, 4, 5): "10"})

    account = told(startup)

    assert lines(account, "day", "kind", "amount", "change", "remaining")[2:] == [
        ("2026-04-01", "opening", "40", "-40", "60"),
        ("2026-04-05", "usage", "10", "-10", "50"),
    ]


def test_a_period_begins_with_what_remained_and_ends_with_the_balance_of_its_last_day(startup, use):
    award(startup)
    use({date(2026, 3, 5): "30", date(2026, 4, 5): "10", date(2026, 5, 5): "5"})

    account = told(startup, first=date(2026, 4, 1), last=date(2026, 4, 30))

    assert account["opening"] == {"remaining": "70"}
    assert lines(account, "day", "kind") == [("2026-04-05", "usage")]
    assert account["closing"]["remaining"] == "60"
    assert account["period"] == {"drawn": "10", "uncovered": "0"}


def test_a_top_up_stated_after_the_period_is_named_at_its_end(startup):
    award(startup)
    transaction(lambda: top_up_grant(on((5, 5)), "g1", amount="50"))

    account = told(startup, last=date(2026, 4, 30))

    assert lines(account, "kind", "change", "remaining")[-1] == ("stated_later", "50", "150")
    assert account["entries"][-1]["text"] == (
        "Top-up stated later, on 2026-05-05: it counts on every day of the grant"
    )
    assert account["closing"]["remaining"] == "150"


def test_every_running_balance_is_the_balance_read_at_that_instant(startup, use):
    award(startup, key="a", amount="50", last=date(2026, 4, 30))
    award(startup, key="b", amount="80", first=date(2026, 4, 1), last=date(2026, 8, 31))
    award(startup, key="c", amount="30", first=date(2026, 5, 1), last=date(2026, 5, 20), priority=-1)
    use({date(2026, 3, 1) + timedelta(days=number): "1.25" for number in range(100)})
    use({date(2026, 3, 10): "9", date(2026, 5, 2): "-3"}, submitted=date(2026, 6, 14))
    transaction(lambda: void_grant(on((6, 10)), "b"))

    account = statement(operator(NOW), startup).accounts[0]

    last_at = {entry.at: entry.remaining for entry in account.entries}
    assert len(last_at) > 90
    assert {at: balances(at)[0].remaining for at in last_at} == last_at
    assert account.closing == account.view.remaining
    assert account.drawn == account.view.drawn
    assert account.uncovered == account.view.uncovered


def test_a_grant_that_starts_later_is_told_and_adds_nothing_yet(startup):
    award(startup, key="ok")
    award(startup, key="later", first=date(2026, 9, 1))

    account = told(startup)

    assert [entry["kind"] for entry in account["entries"]] == ["award", "award", "effective"]
    assert account["closing"]["not_yet"] == "100"


def test_a_period_that_ends_before_it_starts_is_refused(startup):
    with pytest.raises(RuleBroken) as refused:
        statement(operator(NOW), startup, first=date(2026, 4, 2), last=date(2026, 4, 1))

    assert refused.value.field == "to"


def test_nobody_reads_the_statement_of_another(startup):
    stranger = Caller(now=NOW, actor="someone@else.example")

    with pytest.raises(NotFound):
        statement(stranger, startup)
    with pytest.raises(NotFound):
        statement(operator(NOW), "nobody")
    with pytest.raises((NotFound, Forbidden)):
        statement(Caller(now=NOW, actor="x", role="partner"), startup)


def test_the_burn_down_series_has_what_remained_at_the_last_moment_of_each_day(startup, use):
    award(startup, first=date(2026, 6, 10), last=date(2026, 6, 13), when=(6, 9))
    use({date(2026, 6, 11): "30", date(2026, 6, 12): "25"})
    view = balances(NOW)[0]

    series = burn_down_series(view.id, now=NOW)

    assert [(day.isoformat(), format_amount(amount, view.unit)) for day, amount in series] == [
        ("2026-06-09", "0"), ("2026-06-10", "100"), ("2026-06-11", "70"), ("2026-06-12", "45"),
        ("2026-06-13", "45"), ("2026-06-14", "0"), ("2026-06-15", "0"),
    ]


def test_the_burn_down_series_of_a_period_starts_with_what_remained(startup, use):
    award(startup)
    use({date(2026, 3, 5): "30"})
    view = balances(NOW)[0]

    series = burn_down_series(view.id, date(2026, 4, 1), date(2026, 4, 2), now=NOW)

    assert series == [(date(2026, 4, 1), 70 * 10**8), (date(2026, 4, 2), 70 * 10**8)]


def test_an_account_without_grants_has_no_burn_down(startup):
    view = balances(NOW)[0]

    assert burn_down_series(view.id, now=NOW) == []
