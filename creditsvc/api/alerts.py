"""Alerts: what stands, what you were told of, and what the night would say now."""

from typing import Any

from flask import Response

from creditsvc.alerts import operations, reading
from creditsvc.alerts.incubator import own_document
from creditsvc.alerts.models import Alert
from creditsvc.alerts.night import document
from creditsvc.alerts.reading import Told
from creditsvc.api.alert_schemas import (
    AlertListSchema,
    AlertQuerySchema,
    AlertsOfStartupQuerySchema,
    SnoozeSchema,
    ToldAlertListSchema,
    ToldAlertSchema,
    TonightSchema,
)
from creditsvc.api.paging import id_cursor, page
from creditsvc.api.routes import get, new_blueprint, post
from creditsvc.api.schemas import NothingSchema, PagingSchema
from creditsvc.api.tokens import current_caller
from creditsvc.api.writes import write_once
from creditsvc.core.days import instant_text
from creditsvc.db import MAX_ID
from creditsvc.parties.access import require_startup
from creditsvc.parties.once import Answer

ALERT = f"<int(max={MAX_ID}):alert_id>"

blueprint = new_blueprint("alerts", "Alerts, and what the night would say now.")


@get(blueprint, "/alerts", query=AlertQuerySchema, answers=AlertListSchema)
def list_alerts(query: dict[str, Any]) -> dict[str, Any]:
    """The alerts of the startups you look after, and the incubator's own if you look after all, newest first."""
    return _page(query)


@get(blueprint, "/startups/<key>/alerts", query=AlertsOfStartupQuerySchema, answers=AlertListSchema)
def list_startup_alerts(query: dict[str, Any], key: str) -> dict[str, Any]:
    """The alerts of a startup, newest first, for those who look after it."""
    require_startup(current_caller(), "alerts.see", key)
    return _page({**query, "startup": key})


def _page(query: dict[str, Any]) -> dict[str, Any]:
    found = reading.alerts(
        current_caller(), startup=query.get("startup"), programme=query.get("programme"), rule=query.get("rule"),
        is_open=query.get("open"), before=id_cursor(query.get("after")), limit=query["limit"] + 1,
    )
    return page(found, query["limit"], shown, lambda alert: str(alert.id))


@get(blueprint, "/alerts/told", query=PagingSchema, answers=ToldAlertListSchema)
def list_told_alerts(query: dict[str, Any]) -> dict[str, Any]:
    """What you were told of by mail, newest first, with what you said to it."""
    found = reading.told(current_caller(), before=id_cursor(query.get("after")), limit=query["limit"] + 1)
    return page(found, query["limit"], shown_told, lambda one: str(one.alert.id))


@post(
    blueprint, f"/alerts/{ALERT}/acknowledge", scope="admin", body=NothingSchema, answers=ToldAlertSchema,
    required=False,
)
def acknowledge_alert(body: dict[str, Any], alert_id: int) -> Response:
    """Notes that you have seen an alert that you were told of, as the link in its mail does."""
    caller = current_caller()

    def act() -> Answer:
        reading.find_told(caller, alert_id)
        operations.acknowledge(caller, alert_id)
        return Answer(200, shown_told(reading.find_told(caller, alert_id)))

    return write_once(act)


@post(
    blueprint, f"/alerts/{ALERT}/snooze", scope="admin", body=SnoozeSchema, answers=ToldAlertSchema, required=False
)
def snooze_alert(body: dict[str, Any], alert_id: int) -> Response:
    """Mails you nothing about this matter for some days, as the link in its mail does; a longer snooze stands."""
    caller = current_caller()

    def act() -> Answer:
        reading.find_told(caller, alert_id)
        operations.snooze(caller, alert_id, body["days"])
        return Answer(200, shown_told(reading.find_told(caller, alert_id)))

    return write_once(act)


@get(blueprint, "/night", answers=TonightSchema)
def get_tonight() -> dict[str, Any]:
    """What the night would say if it ran now, of the startups you look after, and when a night last succeeded."""
    caller = current_caller()
    told, last = reading.tonight(caller), reading.last_night(caller.now)
    return {**told, "last_success_at": instant_text(last.succeeded_at), "is_late": last.is_late}


def shown(alert: Alert) -> dict[str, Any]:
    """An alert as JSON."""
    return {
        **(document(alert) if alert.subject is None else own_document(alert)),
        "id": alert.id, "decided_on": alert.decided_on.isoformat(),
        "closed_on": alert.closed_on.isoformat() if alert.closed_on else None,
        "taken_back_on": alert.taken_back_on.isoformat() if alert.taken_back_on else None,
    }


def shown_told(one: Told) -> dict[str, Any]:
    """An alert that you were told of as JSON."""
    return {
        **shown(one.alert), "told_on": one.day.isoformat(), "acknowledged_at": instant_text(one.acknowledged_at),
        "snoozed_until": one.snoozed_until.isoformat() if one.snoozed_until else None,
        "corrected_on": one.corrected_on.isoformat() if one.corrected_on else None,
    }
