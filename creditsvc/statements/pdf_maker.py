"""Where an application keeps what makes a statement's PDF: pages know how it is made, and the night asks for it."""

STATEMENT_PDF = "creditsvc.statement_pdf"
"""Among the application's extensions: from (statement, language, zone) to the file."""
