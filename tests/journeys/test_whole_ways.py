"""From the first page to the last figure, for a manager, a founder, an auditor and a partner's viewer.

Each in English on a wide screen, and in Chinese on a small one.
"""

import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import select, text

from creditsvc.core.amounts import MONEY_STEPS
from creditsvc.db import db
from creditsvc.mail.models import OutboxMail
from creditsvc.programmes.models import Partner
from creditsvc.programmes.packages import LineTerms
from tests import factories
from tests.journeys import scene
from tests.journeys.test_journeys import OpenPage
from tests.journeys.walking import Walker
from tests.usage.exports import focus_row, write_focus

COHORT = "startup\tkey\towner\tpackage\nCoral Optics\tcoral\tada@coral.example\tstandard\n" \
    "Lotus Foods\tlotus\tbo@lotus.example\tstandard\n"
SCOPES = {
    "coral": ("0c0c0c0c-1111-4222-8333-444444444444", "40.125"),
    "lotus": ("0e0e0e0e-1111-4222-8333-444444444444", "9.05"),
}
DAYS = [date(2026, 6, 1) + timedelta(days=number) for number in range(10)]
DRAWN = text("""
    SELECT coalesce(sum(posting.amount), 0) FROM posting JOIN account ON account.id = posting.account_id
    JOIN startup ON startup.id = account.startup_id WHERE posting.kind = 'drawn' AND startup.key = :startup
""")
DRAWN_OF_PARTNER = text("""
    SELECT pool.key, coalesce(sum(posting.amount), 0) FROM pool JOIN partner ON partner.id = pool.partner_id
    JOIN lot ON lot.pool_id = pool.id LEFT JOIN posting ON posting.lot_id = lot.id AND posting.kind = 'drawn'
    WHERE partner.key = 'microsoft' GROUP BY pool.key
""")

both_ways = pytest.mark.parametrize(
    ("language", "width"), [("en", 1280), ("zh_Hant", 360)], ids=["English, wide", "Chinese, small"]
)


@pytest.fixture
def cohort(park: Flask) -> None:
    """A cohort that begins in June, whose package brings credit."""
    factories.make_programme("techconnect")
    factories.make_cohort("techconnect", "summer", starts=date(2026, 6, 1), ends=date(2027, 5, 31))
    factories.make_package("techconnect", [LineTerms("azure-credit", "ms-azure-2026", "25000", 12)])


def export_of_two(folder: Path) -> Path:
    """An export of ten days of two scopes that nobody knows."""
    rows = [focus_row(day, scope, cost) for scope, cost in SCOPES.values() for day in DAYS]
    return write_focus(folder / "azure-focus-new.csv", rows)


def drawn(startup: str) -> Decimal:
    """What the postings of a startup draw."""
    db.session.rollback()
    return Decimal(db.session.execute(DRAWN, {"startup": startup}).scalar_one()) / MONEY_STEPS


@both_ways
def test_a_manager_enrols_a_cohort_imports_assigns_applies_and_takes_back(
    cohort: None, open_page: OpenPage, tmp_path: Path, language: str, width: int
):
    lee = Walker(open_page, language, width)
    lee.signs_in(scene.MANAGER)
    lee.follows("Programmes")
    lee.follows("TechConnect")
    lee.follows("2026 spring")
    lee.follows("Enrol startups")
    lee.fills("Table", COHORT)
    lee.presses("Look at what it would do")
    expect(lee.row("Coral Optics")).to_contain_text("25,000.00")
    lee.page.locator("button[value=enrol]").click()
    lee.is_told(lee.plural("%(num)s startup is enrolled.", "%(num)s startups are enrolled.", 2))

    lee.follows("Usage")
    lee.follows("Upload a cost export")
    lee.page.set_input_files("#field-files", export_of_two(tmp_path))
    lee.presses("Upload and look")
    run = lee.page.url
    for startup, (scope, _cost) in SCOPES.items():
        lee.follows("Assign", " " + scope)
        lee.page.select_option("#field-startup", startup)
        lee.presses("Assign")
        lee.is_told(lee.t("The scope is assigned, and its usage of those days is settled."))
        lee.follows("Usage")
        lee.page.locator(f"a[href='/usage/runs/{run.rpartition('/')[2]}']").click()
    expect(lee.row("Coral Optics")).to_contain_text("401.25")
    assert drawn("coral") == 0  # nothing before it is applied
    lee.presses("Apply")
    expect(lee.row("Lotus Foods")).to_contain_text("90.50")

    for startup, left in (("Coral Optics", "24,598.75"), ("Lotus Foods", "24,909.50")):
        lee.page.goto(run)
        lee.follows(startup)
        expect(lee.page.locator(".balance-left")).to_contain_text(left)
    assert (drawn("coral"), drawn("lotus")) == (Decimal("401.25"), Decimal("90.5"))

    lee.page.goto(run)
    lee.page.locator("summary").filter(has_text=lee.t("Take this run back")).click()
    lee.fills("Reason", "the wrong file")
    lee.presses("Take it back")
    lee.follows("Startups")
    lee.follows("Coral Optics")
    expect(lee.page.locator(".balance-left")).to_contain_text("25,000.00")
    assert (drawn("coral"), drawn("lotus")) == (0, 0)


def test_a_founder_takes_an_invitation_up_in_chinese_asks_for_longer_and_reads_the_answer(
    park: Flask, open_page: OpenPage
):
    lee, ng = Walker(open_page), Walker(open_page, "zh_Hans", 360)
    lee.signs_in(scene.MANAGER)
    lee.page.goto("/startups/harbour-robotics/members")
    lee.fills("Mail address", "ng@harbour-robotics.example")
    lee.page.get_by_label("Language of the mail").select_option("zh_Hans")
    lee.page.select_option("#field-role", "owner")
    lee.presses("Invite")
    lee.is_told("An invitation is on its way")

    invitation = db.session.execute(select(OutboxMail).where(OutboxMail.kind == "invitation")).scalar_one()
    ng.page.goto(re.search(r"/invitations/\S+", invitation.text).group())
    ng.reads_own_language()
    ng.fills("Your name", "W. Ng")
    ng.fills("Password", factories.PASSWORD)
    ng.presses("Take the invitation up")
    left = 29000 - drawn("harbour-robotics")
    expect(ng.page.locator(".balance-left")).to_contain_text(f"{left:,.2f}")
    ng.follows("Ask for more or for longer")
    ng.page.select_option("#field-grant", "harbour-robotics-azure")
    ng.fills("Until when", "2027-08-31")
    ng.fills("What for", "再試兩個場地")
    ng.presses("Send the request")
    ng.is_told(ng.t("Sent. The incubator's managers are told by mail, and so are you of their answer."))

    lee.follows("Today")
    lee.follows("Requests")
    lee.page.get_by_role("link", name="Decide :").click()
    expect(lee.page.get_by_text("再試兩個場地")).to_be_visible()
    lee.presses("Approve the request")
    lee.is_told("Approved. The startup is told by mail.")

    ng.follows("Holdings")
    expect(ng.row("harbour-robotics-azure")).to_contain_text("2027年8月31日")
    db.session.rollback()
    mails = db.session.scalars(select(OutboxMail).where(OutboxMail.kind == "request-decided")).all()
    told = next(mail for mail in mails if mail.to_address == "ng@harbour-robotics.example")
    assert "2027年8月31日" in told.text


@both_ways
def test_an_auditor_follows_a_figure_down_to_the_rows_of_the_file(
    park: Flask, open_page: OpenPage, language: str, width: int
):
    factories.make_person("audit@park.example", "auditor", factories.PASSWORD)
    ada = Walker(open_page, language, width)
    ada.signs_in("audit@park.example")
    ada.follows("Audit")
    figure = f"{drawn('lantern-ai'):,.2f}"
    expect(ada.row("lantern-ai")).to_contain_text(figure)
    ada.follows("lantern-ai")
    expect(ada.page.locator("tfoot")).to_contain_text(figure)
    ada.page.locator("a[href*='/2026-06-09']").first.click()
    ada.fits()
    ada.follows("Rows of the file")

    row = ada.row("azure-focus-june.csv")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("84.15")
    expect(ada.page.get_by_text(ada.t("This is what is posted."))).to_be_visible()


@both_ways
def test_a_partner_downloads_a_workbook_whose_sums_are_those_of_the_postings(
    park: Flask, open_page: OpenPage, tmp_path: Path, language: str, width: int
):
    microsoft = db.session.execute(select(Partner.id).where(Partner.key == "microsoft")).scalar_one()
    factories.make_person("kay@microsoft.example", "partner", factories.PASSWORD, partner_id=microsoft)
    kay = Walker(open_page, language, width)
    kay.signs_in("kay@microsoft.example")
    kay.follows("By cohort and month")
    with kay.page.expect_download() as coming:
        kay.page.get_by_role("link", name=kay.t("Download as XLSX")).click()
    coming.value.save_as(tmp_path / "pools.xlsx")

    expected = {
        pool: Decimal(steps) / MONEY_STEPS for pool, steps in db.session.execute(DRAWN_OF_PARTNER).all()
    }
    assert sum(expected.values()) > 1000
    for sheet in openpyxl.load_workbook(tmp_path / "pools.xlsx").worksheets:
        head, *rows = sheet.values
        used = head.index(kay.t("Used"))
        sums = dict.fromkeys(expected, Decimal())
        for row in rows:
            sums[row[0]] += Decimal(str(row[used]))
        assert sums == expected
    assert "Harbour" not in kay.page.content()
