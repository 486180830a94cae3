"""The service with its pages and API hung in, once for all processes forked from one that has imported this."""

from pathlib import Path

from tests import databases
from tests.apps import app_for

app_for(databases.config_for("sqlite://", Path()))
