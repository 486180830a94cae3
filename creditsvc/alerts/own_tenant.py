"""The incubator's own tenant at a publisher: in how many ways its counts do not fit the seats assigned there."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import select

from creditsvc.alerts.holding_texts import mismatch_words
from creditsvc.alerts.incubator_finding import IncubatorFinding
from creditsvc.alerts.seat_findings import MISMATCHES
from creditsvc.alerts.words import Words
from creditsvc.core.due_alerts import SEATS_MISMATCH, Reading
from creditsvc.db import db
from creditsvc.ledger.models import Resource
from creditsvc.licences.comparing import own_tenant
from creditsvc.licences.models import Product
from creditsvc.mail.render import gettext_for

PRODUCT = "product"
"""The kind of subject."""


def own_tenant_findings(at: datetime) -> list[IncubatorFinding]:
    """How each product of which the incubator's own tenant was counted compares at an instant; a few statements where
    nothing was counted."""
    compared = own_tenant(at)
    if not compared.counts:
        return []
    products: dict[str, Any] = {
        row.key: row for row in db.session.execute(
            select(Product.key, Product.id, Resource.key.label("resource"), Resource.name, Resource.unit)
            .join(Resource, Resource.id == Product.resource_id)
        )
    }
    differing = [one for one in compared.findings if one.kind in MISMATCHES]
    found = []
    for count in compared.counts:
        product = products[count.product]
        kinds = [one.kind for one in differing if one.product == count.product]
        found.append(IncubatorFinding(
            PRODUCT, product.id, count.product, SEATS_MISMATCH, Reading(Fraction(len(kinds))),
            {"product": count.product, "resource_key": product.resource, "resource": product.name,
             "unit": product.unit, "assigned": count.assigned, "enabled": count.enabled, "consumed": count.consumed,
             **{kind: kinds.count(kind) for kind in MISMATCHES}},
        ))
    return found


def own_tenant_words(params: Mapping[str, Any], language: str) -> Words:
    """What is said of a product whose counts do not fit: the figures (the publisher's where a report has them) and the
    kinds of difference."""
    _ = gettext_for(language)
    figures = _("Seats assigned: %(assigned)s.") if params["enabled"] is None else _(
        "Seats assigned: %(assigned)s. Licences that the publisher counts: %(enabled)s enabled, %(consumed)s in use."
    )
    return mismatch_words(params["product"], params, language, figures % params)
