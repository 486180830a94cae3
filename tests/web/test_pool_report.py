"""The report on pools as a partner opens and downloads it."""

import io

import openpyxl
from flask import Flask

from tests import factories
from tests.web.browsing import Browser


def test_a_partner_downloads_what_the_page_shows(app: Flask) -> None:
    partner = factories.make_partner("microsoft")
    pool = factories.make_pool("ms-azure", partner=partner.key).key
    factories.make_grant(factories.make_startup("acme").key, pool, "250")
    viewer = Browser(app).signed_in(factories.make_person("p@park.example", "partner", partner_id=partner.id))

    page = viewer.get("/pools/report")
    book = openpyxl.load_workbook(io.BytesIO(viewer.get("/pools/report.xlsx").response.get_data()))
    by_cohort, by_month = (list(sheet.values) for sheet in book.worksheets)

    assert "USD 250.00" in page.text
    assert "acme" not in page.text.lower()
    assert [row[4] for row in by_cohort[1:]] == [250]
    assert sum(row[3] for row in by_month[1:]) == 250
