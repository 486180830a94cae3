"""Cells of files for spreadsheets: text is harmless, figures stay figures."""

from datetime import date
from decimal import Decimal

from creditsvc.core.spreadsheets import Figure, csv_file, csv_lines, harmless


def test_text_is_harmless_and_figures_and_days_stand_as_they_are():
    row = ("=1+1", "＝1+1", "\n=1+1", "a,b", Figure("-0:20"), Decimal("1E+2"), Decimal("-0.00000001"), -3,
           date(2026, 3, 1), None)

    [line] = csv_lines([row])

    assert line == "'=1+1,'＝1+1,\"'\n=1+1\",\"a,b\",-0:20,100,-0.00000001,-3,2026-03-01,\r\n"
    assert csv_file([("é",)]) == b"\xef\xbb\xbf\xc3\xa9\r\n"
    assert harmless("5-2") == "5-2"
