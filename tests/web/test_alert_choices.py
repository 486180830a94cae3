"""The page on which somebody says about what and how often they are written to."""

import pytest

from tests import factories

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_a_founder_chooses_and_finds_the_choice_again(browse_as):
    factories.make_startup("harbour")
    founder = browse_as(factories.make_member("harbour", "founder@harbour.example"))

    founder.follow(founder.submit("/me/alerts", {"rhythm": "weekly", "rules": ["expiry", "used"]}))
    page = founder.get("/me/alerts")

    assert 'id="rhythm-weekly" value="weekly" checked' in page.html
    assert 'value="expiry" checked' in page.html
    assert 'value="uncovered" checked' not in page.html


def test_a_rhythm_that_is_none_is_refused_and_nothing_is_kept(browse_as):
    factories.make_startup("harbour")
    founder = browse_as(factories.make_member("harbour", "founder@harbour.example"))

    page = founder.submit("/me/alerts", {"rhythm": "yearly"})

    assert page.status == 422
    assert 'value="uncovered" checked' in founder.get("/me/alerts").html
