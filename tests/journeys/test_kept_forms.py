"""What was typed outlives a session that ended; a preview says what an award would do."""

from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import func, select

from creditsvc.db import db
from creditsvc.grants.models import Grant
from tests import factories
from tests.journeys import scene
from tests.journeys.test_journeys import OpenPage, barriers, sign_in

AWARD = "/startups/harbour-robotics/award"


def grants() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count(Grant.id))) or 0


def test_an_award_is_kept_through_the_sign_in_and_previewed_in_chinese_on_a_small_screen(
    park: Flask, open_page: OpenPage
):
    page, before = open_page(360), grants()
    sign_in(page, scene.MANAGER)
    page.get_by_role("button", name="繁體中文").click()
    page.goto(AWARD)
    page.locator("#field-amount").fill("1500")
    page.locator("#field-reason").fill("龍年")
    page.context.clear_cookies(name="creditsvc")
    page.get_by_role("button", name="批出").click()

    expect(page.get_by_role("status")).to_contain_text("您輸入的內容已保留")
    assert barriers(page) == []
    page.get_by_label("電郵地址").fill(scene.MANAGER)
    page.get_by_label("密碼").fill(factories.PASSWORD)
    page.get_by_role("button", name="登入").click()
    assert barriers(page) == []
    page.get_by_role("button", name="顯示表格及我輸入的內容").click()
    expect(page.locator("#field-amount")).to_have_value("1500")
    expect(page.locator("#field-reason")).to_have_value("龍年")
    assert page.url.endswith(AWARD)
    assert grants() == before

    page.get_by_role("button", name="預覽").click()
    expect(page.get_by_role("heading", name="這樣做的結果")).to_be_visible()
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert grants() == before
    page.get_by_role("button", name="批出").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Harbour Robotics")
    assert grants() == before + 1
