"""The response headers of every page: a strict Content-Security-Policy and its companions."""

from flask import Flask, Response, request

from creditsvc.config import Config

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Scripts are files of the service and speak to it alone: nothing inline, no eval, nothing from elsewhere (`data:`: the
icons in Bootstrap's style sheet)."""


def hang(app: Flask) -> None:
    """Adds the headers to every response of the service, the API's too."""
    config: Config = app.config["CREDITSVC"]
    is_https = config.base_url.startswith("https://")

    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", POLICY)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
        if is_https:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        if request.endpoint != "static_files.static":
            headers["Cache-Control"] = "no-store"
        return response

    app.after_request(add_headers)
