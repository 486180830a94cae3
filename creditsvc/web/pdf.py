"""Pages as PDF: one function, for letters, statements and reports alike.

A template extends `pdf/base.html`; what it says must stand in the page itself, since nothing is fetched. WeasyPrint is
heavy and needs Pango, so it is imported when a PDF is asked for.
"""

import html as markup
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

_STYLE = Path(__file__).parent / "static" / "pdf.css"


def pdf(html: str, *, made: datetime | None = None) -> bytes:
    """The page as PDF: tagged, its text extractable, the same bytes for the same page and `made` (written into it).

    Addresses in the page are refused, files as well as the network; what a picture needs stands in a `data:` address
    or as SVG in the page. Raises OSError where Pango is not installed.
    """
    library = _library()
    if made is not None:
        stamp = markup.escape(made.isoformat(timespec="seconds"))
        html = html.replace("<head>", f'<head><meta name="dcterms.created" content="{stamp}">', 1)
    page = library.HTML(string=html, url_fetcher=library.urls.URLFetcher(allowed_protocols=("data",)))
    style = library.CSS(string=_STYLE.read_text("utf-8"))
    made_pdf: bytes = page.write_pdf(stylesheets=[style], pdf_tags=True, pdf_identifier=True)
    return made_pdf


@cache
def _library() -> Any:
    import weasyprint

    return weasyprint
