"""What files for spreadsheets have in common."""

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
"""The media type of a workbook."""

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""With one of these a cell of a CSV begins that a spreadsheet would take for a formula."""


def harmless(cell: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe goes before it where one would."""
    return f"'{cell}" if cell.startswith(FORMULAS) else cell
