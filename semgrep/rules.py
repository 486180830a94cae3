"""Faults that rules.yml must find, and what it must leave alone. Nothing of this is run."""

import hashlib
import hmac
import pickle
import random
import ssl
import subprocess
from pathlib import Path

from flask import redirect, render_template_string, request, url_for
from markupsafe import Markup
from sqlalchemy import text


def words_of_a_request(session, safe_next):
    onward = request.args["next"]
    # ruleid: request-to-redirect
    redirect(onward)
    # ok: request-to-redirect
    redirect(safe_next(onward))
    # ok: request-to-redirect
    redirect(url_for("startups.listing", q=onward))

    order = "name " + request.args.get("order", "")
    # ruleid: request-to-statement
    session.execute(text("SELECT name FROM startup ORDER BY " + order))
    # ok: request-to-statement
    session.execute(text("SELECT name FROM startup WHERE key = :key"), {"key": request.args["key"]})

    # ruleid: request-to-file
    open(request.form["file"])
    # ruleid: request-to-file
    Path(request.files["export"].filename)
    # ok: request-to-file
    request.files["export"].save(Path("instance") / "1")

    # ruleid: request-to-process
    subprocess.run(["gzip", request.form["file"]])


def html(name):
    # ruleid: unescaped-html
    Markup("<b>" + name + "</b>")
    # ok: unescaped-html
    Markup("<b>new</b>")
    # ruleid: unescaped-html
    render_template_string(f"<b>{name}</b>")


def secrets_of_ours(key, body, given):
    # ruleid: secret-compared-by-value
    if hmac.new(key, body, hashlib.sha256).hexdigest() == given:
        return True
    # ok: secret-compared-by-value
    if hmac.compare_digest(hmac.new(key, body, hashlib.sha256).hexdigest(), given):
        return True
    # ruleid: weak-randomness
    token = random.getrandbits(128)
    # ok: weak-randomness
    pause = random.uniform(0, 1)
    return token, pause


def files_of_others(data):
    # ruleid: unsafe-loading
    pickle.loads(data)
    # ruleid: unsafe-loading
    eval(data)
    context = ssl.create_default_context()
    # ruleid: certificate-not-checked
    context.check_hostname = False
