"""Which language a browser's wishes come to."""

import pytest

from creditsvc.languages import best_of


@pytest.mark.parametrize("tags, language", [
    (["zh-HK"], "zh_Hant"), (["zh-Hant-TW"], "zh_Hant"), (["yue"], "zh_Hant"), (["zh-Hans-HK"], "zh_Hans"),
    (["zh"], "zh_Hans"), (["zh-SG"], "zh_Hans"), (["de", "en-US"], "en"), (["de"], None), ([], None),
])
def test_what_a_browser_asks_for_is_one_of_ours_or_none(tags, language):
    assert best_of(tags) == language
