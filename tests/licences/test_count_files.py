"""Reading what publishers count: exact, within bounds, refused by place."""

import json
from datetime import date

import pytest

from creditsvc.core.errors import FileRefused, RuleBroken
from creditsvc.licences.counts.files import LARGEST_FILE
from creditsvc.licences.counts.read import read_counts

HEADER = ("Report Refresh Date,User Principal Name,Is Deleted,Exchange Last Activity Date,Teams Last Activity Date,"
          "Assigned Products")
HASH = "0F3A9C27B18E4D56A7C0E1F2938475AB"


def tenant(*items, **more):
    return json.dumps({"@odata.context": "https://graph.example/$metadata#subscribedSkus", "value": list(items),
                       **more}).encode()


def sku(part="SPB", enabled=25, consumed=14, status="Enabled", **units):
    return {"skuId": f"id-{part}", "skuPartNumber": part, "capabilityStatus": status, "consumedUnits": consumed,
            "prepaidUnits": {"enabled": enabled, "suspended": 0, "warning": 0, **units}}


def csv_of(*rows, header=HEADER):
    return "\r\n".join([header, *rows]).encode("utf-8-sig")


def fault_of(data, person=None):
    with pytest.raises(FileRefused) as refusal:
        read_counts("counts", data, person)
    first = refusal.value.errors[0]
    return first.line, first.column, first.message


def test_the_samples_of_graph_give_the_counts_that_are_stated_for_them(shared_data):
    folder = shared_data / "microsoft365"
    skus = read_counts("skus.json", (folder / "graph_v1.0_subscribedSkus.json").read_bytes()).skus
    person = read_counts("a.json", (folder / "graph_v1.0_user_licenseDetails.json").read_bytes(), "A@example.com")

    assert [(one.sku, one.enabled, one.suspended, one.consumed, one.status) for one in skus] == [
        ("ENTERPRISEPREMIUM", 25, 0, 14, "Enabled"), ("CRMSTANDARD", 0, 25, 14, "Suspended")
    ]
    assert [(one.email, one.sku) for one in person.sightings] == [
        ("a@example.com", "ENTERPRISEPREMIUM"), ("a@example.com", "SCHOOL_DATA_SYNC_P2")
    ]


def test_the_sample_of_the_active_users_report_has_a_header_that_is_understood(shared_data):
    data = (shared_data / "microsoft365" / "getOffice365ActiveUserDetail_header.csv").read_bytes()
    found = read_counts("users.csv", data)
    people = read_counts("users.csv", data.strip() + b"\n2026-06-01,a@example.com,A,False" + b"," * 8
                         + b"2026-05-30,,,,,2026-05-31" + b"," * 7 + b"OFFICE 365 E5+POWER BI (FREE)\n")

    assert (found.kind, found.people, found.sightings, found.counted_on) == ("active-users", 0, (), None)
    assert [(one.sku, one.last_used_on) for one in people.sightings] == [
        ("OFFICE 365 E5", date(2026, 5, 31)), ("POWER BI (FREE)", date(2026, 5, 31))
    ]


def test_an_active_users_report_names_who_has_what_and_used_it_when():
    found = read_counts("users.csv", csv_of(
        "2026-06-01,A.Wong@Example.com,False,2026-05-02,2026-05-30,SPB+COPILOT",
        "2026-06-01,b@example.com,False,,,SPB", "2026-06-01,c@example.com,True,2026-05-02,,SPB", "",
        "2026-06-01,d@example.com,False,2026-05-02,,",
    ))

    assert [(one.email, one.sku, one.last_used_on) for one in found.sightings] == [
        ("a.wong@example.com", "SPB", date(2026, 5, 30)), ("a.wong@example.com", "COPILOT", date(2026, 5, 30)),
        ("b@example.com", "SPB", None),
    ]
    assert (found.counted_on, found.people, found.deleted) == (date(2026, 6, 1), 3, 1)


@pytest.mark.parametrize("row, column, message", [
    (f"2026-06-01,{HASH},False,,,SPB", "User Principal Name", "clear Display concealed user"),
    ("2026-06-01,nobody,False,,,SPB", "User Principal Name", "is no user principal name"),
    ("2026-06-01,a@b.example,Nein,,,SPB", "Is Deleted", "is neither True nor False"),
    ("6/1/2026,a@b.example,False,,,SPB", "Report Refresh Date", "is no day"),
    (",a@b.example,False,,,SPB", "Report Refresh Date", "is empty"),
    ("2026-06-01,a@b.example,False,,2026-02-30,SPB", "Teams Last Activity Date", "is no day"),
    ("2026-06-01,a@b.example,False,,SPB", "", "has 5 columns where the header has 6"),
    ("2026-06-01,x@b.example,False,,,SPB", "User Principal Name", "is the person of line 2 again"),
    ("2026-06-02,a@b.example,False,,,SPB", "Report Refresh Date", "is another day than that of line 2"),
    ('2026-06-01,"a@b"x.example,False,,,SPB', "", "is no proper CSV"),
    ("2026-06-01,a@b.example,False,,," + "S" * 101, "Assigned Products", "is no product's name"),
])
def test_a_bad_row_is_refused_by_line_and_column(row, column, message):
    line, found, said = fault_of(csv_of("2026-06-01,x@b.example,False,,,SPB", row))

    assert (line, found) == (3, column)
    assert message in said


@pytest.mark.parametrize("header", [
    HEADER.replace("User Principal Name", "Benutzerprinzipalname"), "key",
    HEADER.replace("Last Activity Date", "Datum"),
    HEADER.replace("Teams Last Activity Date", "Is Deleted"),
])
def test_a_header_that_is_not_the_reports_own_is_refused(header):
    assert fault_of(csv_of(header=header))[0] == 1


@pytest.mark.parametrize("change, column", [
    ({"consumedUnits": "14"}, "value[1].consumedUnits"), ({"consumedUnits": True}, "value[1].consumedUnits"),
    ({"consumedUnits": -1}, "value[1].consumedUnits"), ({"consumedUnits": 10**9 + 1}, "value[1].consumedUnits"),
    ({"consumedUnits": 1.5}, "value[1].consumedUnits"), ({"prepaidUnits": None}, "value[1].prepaidUnits"),
    ({"prepaidUnits": {"enabled": 1, "suspended": 0}}, "value[1].prepaidUnits.warning"),
    ({"skuPartNumber": ""}, "value[1].skuPartNumber"), ({"skuPartNumber": "x\ny"}, "value[1].skuPartNumber"),
    ({"skuPartNumber": "FIRST"}, "value[1].skuPartNumber"),
    ({"capabilityStatus": "x" * 31}, "value[1].capabilityStatus"),
])
def test_a_count_that_is_none_is_refused_by_its_place(change, column):
    assert fault_of(tenant(sku("FIRST"), {**sku(), **change}))[:2] == (0, column)


@pytest.mark.parametrize("data, line, message", [
    (b'{"value": [\n1,\n}', 3, "is no proper JSON"),
    (b'{"value": ' + b"[" * 30 + b"]" * 30 + b"}", 0, "nested more than 20"),
    (b"[" * 100_000, 0, "nested more than 20"),
    (b'{"a": "' + b'\\"' * 200_000, 1, "is no proper JSON"),
    (b'{"value": [], "n": ' + b"9" * 5000 + b"}", 0, "is a number that no count has"),
    (b'{"value": [], "n": NaN}', 0, "is no number of JSON"),
    (b'{"value": [], "value": []}', 0, "stands twice"),
    (b'{"items": []}', 0, "no list named value"),
    (b"[]", 0, "no list named value"),
    (b'{"value": [{"id": 1}]}', 0, "is neither subscribedSkus nor licenseDetails"),
    (tenant(sku(), **{"@odata.nextLink": "https://graph.example/next"}), 0, "is not all"),
    (b" \n", 0, "is empty"),
    (b"{}\n\xff", 2, "is no UTF-8"),
    ("{}".encode("utf-16-le"), 1, "is no text"),
    (b" " * (LARGEST_FILE + 1), 0, "is larger than 32 MiB"),
])
def test_what_is_no_file_of_counts_is_refused(data, line, message):
    found, _, said = fault_of(data)

    assert found == line
    assert message in said


def test_many_faults_are_listed_up_to_a_bound():
    with pytest.raises(FileRefused) as refusal:
        read_counts("counts", tenant(*({**sku(f"S{number}"), "consumedUnits": -1} for number in range(30))))

    assert (len(refusal.value.errors), refusal.value.more) == (20, 10)


def test_a_tenant_without_plans_and_a_person_without_licences_are_counts_too():
    nobody = json.dumps({"@odata.context": "#users('x')/licenseDetails", "value": []}).encode()

    assert read_counts("skus.json", tenant()).kind == "subscribed-skus"
    assert read_counts("a.json", nobody, "a@example.com").person == "a@example.com"


def test_one_persons_licences_need_the_person_and_other_files_none():
    details = json.dumps({"value": [{"skuId": "1", "skuPartNumber": "SPB"}]}).encode()

    for data, person, code in ((details, None, "missing"), (tenant(sku()), "a@example.com", "not-of-this-file"),
                               (details, "nobody", "not-an-address")):
        with pytest.raises(RuleBroken) as refusal:
            read_counts("counts", data, person)
        assert (refusal.value.field, refusal.value.code) == ("person", code)
