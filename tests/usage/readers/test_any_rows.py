"""For any rows: the totals are what Python's csv and Decimal add up to."""

import csv
import tempfile
from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.usage.readers.exports import EA_ROW, EXACT, FOCUS_ROW, SCOPE, read, text_of, written

SCOPES = [SCOPE, SCOPE.upper(), "bbbbbbbb-0000-4000-8000-000000000002", "", "00000000-0000-0000-0000-000000000000"]


def plain(value: Decimal) -> str:
    return format(value, "f")


costs = st.one_of(
    st.decimals(-(10**9), 10**9, places=10).map(plain),
    st.integers(-(10**28), 10**28).map(lambda whole: plain(Decimal(whole).scaleb(-28, EXACT))),
    st.floats(-1e-3, 1e-3).filter(lambda value: value == 0 or abs(value) > 1e-11).map(repr),
    st.sampled_from(["0", "-0", "0.00", "9999999999.9999999999999999999999999999", "5.64902E-05", "1e3", "+2"]),
)
tags = st.sampled_from(["", "a,b", '"owner": "x"', "two\nlines", "two\r\nlines", "ümlaut", "NULL"])
ea_rows = st.fixed_dictionaries({
    "SubscriptionId": st.sampled_from(SCOPES),
    "Date": st.sampled_from(["03/01/2026", "3/1/2026", "03/31/2026", "12/31/2025"]),
    "Cost": costs,
    "MeterCategory": st.sampled_from(["Storage", "storage", "Virtual Machines", ""]),
    "ChargeType": st.sampled_from(["Usage", "Purchase", "Refund", "Tax", "Credit", "Adjustment"]),
    "IsAzureCreditEligible": st.sampled_from(["True", "true", "False", ""]),
    "BillingCurrency": st.sampled_from(["USD", "EUR"]),
    "Tags": tags,
})  # fmt: skip
focus_rows = st.fixed_dictionaries({
    "SubAccountId": st.sampled_from([f"/subscriptions/{scope}" for scope in SCOPES[:3]] + ["", "NULL"]),
    "ChargePeriodStart": st.datetimes().map(lambda at: f"2026-03-{at.day:02}T{at:%H:%M:%S}Z"),
    "BilledCost": costs,
    "ServiceName": st.sampled_from(["Blob", "blob", "VM"]),
    "ChargeCategory": st.sampled_from(["Usage", "Purchase", "Tax", "Credit", "Adjustment"]),
    "Tags": tags,
})  # fmt: skip


def expected(path: Path, names: dict[str, str]) -> tuple[dict[tuple[str, ...], int], int]:
    """Totals by (scope, ISO day, key, currency) in 10^-8, and the rows left out."""
    found: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    left_out = 0
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            scope = row[names["scope"]].lower().removeprefix("/subscriptions/")
            charge = row[names["charge"]].lower()
            eligible = row.get("IsAzureCreditEligible", "").lower() != "false"
            if charge in ("tax", "credit", "adjustment") or not eligible or scope in ("null", "") or scope[0] == "0":
                left_out += 1
                continue
            date = row[names["date"]]
            month, day, year = date.split("/") if "/" in date else (date[5:7], date[8:10], date[:4])
            key = f"{row[names['service']]}|{row[names['category']]}|{charge}".lower()
            place = (scope, f"{year}-{int(month):02}-{int(day):02}", key, row["BillingCurrency"])
            found[place] = EXACT.add(found[place], Decimal(row[names["cost"]]))
    step = Decimal("1e-8")
    totals = {
        place: int(amount.quantize(step, ROUND_HALF_EVEN, EXACT).scaleb(8, EXACT)) for place, amount in found.items()
    }
    return totals, left_out


def check(text: str, names: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), text)
        totals, left_out = expected(path, names)

        export = read(path)

    found = export.totals.select("scope", "day", "key", "currency", "amount").rows()
    assert {(scope, day.isoformat(), key, unit): amount for scope, day, key, unit, amount in found} == totals
    assert sum(left.rows for left in export.left_out) == left_out == export.rows - export.counted_rows


@seed(2026)
@settings(max_examples=60)
@given(st.lists(ea_rows, max_size=30))
def test_any_enterprise_rows_total_as_csv_and_decimal_do(rows: list[dict[str, str]]) -> None:
    names = {"scope": "SubscriptionId", "date": "Date", "cost": "Cost", "service": "ConsumedService",
             "category": "MeterCategory", "charge": "ChargeType"}  # fmt: skip

    check(text_of(EA_ROW, rows), names)


@seed(2026)
@settings(max_examples=60)
@given(st.lists(focus_rows, max_size=30))
def test_any_focus_rows_total_as_csv_and_decimal_do(rows: list[dict[str, str]]) -> None:
    names = {"scope": "SubAccountId", "date": "ChargePeriodStart", "cost": "BilledCost", "service": "ServiceName",
             "category": "ServiceCategory", "charge": "ChargeCategory"}  # fmt: skip

    check(text_of(FOCUS_ROW, rows), names)
