"""What is logged of an error says what happened, and of nobody's data."""

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from creditsvc.db import db, transaction
from creditsvc.parties.models import Startup
from tests import factories


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_error_of_the_database_tells_no_values(app: Flask):
    factories.make_startup("acme", "Acme of Mongkok")

    def again() -> None:
        db.session.add(Startup(key="acme", name="Acme of Mongkok", language="en", created_at=factories.NOW))
        db.session.flush()

    with pytest.raises(IntegrityError) as broken:
        transaction(again)

    assert "startup.key" in str(broken.value)
    assert "Mongkok" not in str(broken.value)
