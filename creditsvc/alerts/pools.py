"""Pools that are nearly gone: how much of each is left to award, and what is said of one of which little is."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import or_, select

from creditsvc.alerts.incubator_finding import IncubatorFinding
from creditsvc.alerts.words import Words
from creditsvc.core.due_alerts import POOL_LOW, Reading
from creditsvc.db import db
from creditsvc.ledger.models import Pool, Resource
from creditsvc.ledger.seats import promised_of
from creditsvc.mail.render import gettext_for, money
from creditsvc.programmes.models import Partner

POOL = "pool"
"""The kind of subject."""


def pool_findings(at: datetime) -> list[IncubatorFinding]:
    """How much is left to award of each pool that has not ended by an instant, by key, in a fixed number of statements.
    """
    rows = db.session.execute(
        select(Pool.id, Pool.key, Pool.amount, Pool.committed, Partner.name, Resource.key, Resource.name, Resource.unit,
               Resource.kind)
        .join(Partner, Partner.id == Pool.partner_id)
        .join(Resource, Resource.id == Pool.resource_id)
        .where(Pool.amount > 0, or_(Pool.ends.is_(None), Pool.ends > at))
        .order_by(Pool.key)
    ).all()
    # of seats, those of grants that have ended are left again
    promised = {row.id: row.committed for row in rows} | promised_of(
        [row.id for row in rows if row.kind == "seats"], at
    )
    return [
        IncubatorFinding(
            POOL, pool_id, key, POOL_LOW, Reading(Fraction((amount - promised[pool_id]) * 100, amount)),
            {"pool": key, "partner": partner, "resource_key": resource_key, "resource": resource, "unit": unit,
             "amount": amount, "left": amount - promised[pool_id]},
        )
        for pool_id, key, amount, _, partner, resource_key, resource, unit, _ in rows
    ]


def pool_words(params: Mapping[str, Any], language: str) -> Words:
    """What is said of a pool that is low."""
    _ = gettext_for(language)
    places = {
        "pool": params["pool"], "partner": params["partner"], "resource": params["resource"],
        "left": money(params["left"], params["unit"], language),
        "amount": money(params["amount"], params["unit"], language),
    }
    if params["left"] <= 0:
        title = _("Nothing is left to award of pool %(pool)s") % places
    else:
        title = _("Only %(left)s is left to award of pool %(pool)s") % places
    return Words(
        title, _("%(partner)s gave %(amount)s of %(resource)s.") % places, None,
        _("Ask the partner for more, or award from another pool."),
    )
