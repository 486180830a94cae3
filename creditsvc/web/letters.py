"""The letter of an award as a PDF, in the startup's language."""

from flask import Response, render_template
from flask_babel import force_locale

from creditsvc.grants.letters import award_letter
from creditsvc.web import session
from creditsvc.web.downloads import download
from creditsvc.web.pdf import pdf

pages = session.private_pages("letters", __name__)

LOCALES = {"en": "en_GB"}
"""The locale of a language where it is another word."""


@pages.get("/grants/<key>/letter.pdf")
def award(key: str) -> Response:
    """The letter of the award that the grant is of: the same bytes whenever it is made."""
    letter = award_letter(session.caller(), key)
    with force_locale(LOCALES.get(letter.language, letter.language)):
        page = render_template("pdf/award.html", letter=letter, lang=letter.language.replace("_", "-"))
    return download(pdf(page, made=letter.awarded_at), "application/pdf", f"award-{letter.key}.pdf")
