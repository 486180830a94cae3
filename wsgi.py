"""The WSGI entry: `gunicorn wsgi:app`."""

from creditsvc.app import create_app

app = create_app()
