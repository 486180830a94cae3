"""The limit of the balance: a bare Flask route that returns a constant."""

import os

from flask import Flask, Response

app = Flask(__name__)
BODY = b'{"balance": "' + b"0" * (int(os.environ.get("BODY_BYTES", "15")) - 15) + b'"}'


@app.get("/api/v1/startups/<key>/balance")
def balance(key: str) -> Response:
    """The constant."""
    return Response(BODY, mimetype="application/json")
