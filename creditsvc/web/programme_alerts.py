"""What a programme asks of each alert: on or off, its own thresholds, whether its people may turn it off."""

import re

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.alerts.operations import set_setting, settings_of
from creditsvc.core.due_alerts import RULES
from creditsvc.core.errors import RuleBroken
from creditsvc.db import transaction
from creditsvc.parties.access import Caller
from creditsvc.programmes.operations import own_programme
from creditsvc.web import session
from creditsvc.web.alert_choices import RULE_WORDS
from creditsvc.web.forms import Form, posted, text_of

pages = session.private_pages("programme_alerts", __name__)


@pages.route("/programmes/<key>/alerts", methods=["GET", "POST"])
def edit(key: str) -> ResponseReturnValue:
    """The rules as they hold in the programme, and saying them anew, all in one act."""
    caller = session.caller()
    own_programme(caller, key)
    form = _form()
    if request.method == "POST":
        if _save(form, caller, key):
            flash(_("Saved. It counts from tonight on."), "success")
            return redirect(url_for("programmes.one", key=key), 303)
    else:
        for rule, setting in settings_of(key).items():
            form.typed |= {
                f"enabled.{rule}": "true" if setting.enabled else "",
                f"mandatory.{rule}": "true" if setting.mandatory else "",
                f"thresholds.{rule}": ", ".join(str(one) for one in setting.thresholds),
            }
    usual = {name: ", ".join(str(one) for one in sorted(rule.defaults)) for name, rule in RULES.items()}
    page = render_template(
        "programme_alerts.html", form=form, key=key, rules=RULES, words=RULE_WORDS, usual=usual,
    )
    return page, form.status


def _form() -> Form:
    labels: dict[str, str] = {}
    for rule in RULES:
        labels |= {
            f"enabled.{rule}": _("On"), f"mandatory.{rule}": _("Its people cannot turn it off"),
            f"thresholds.{rule}": _("Thresholds: %(rule)s", rule=RULE_WORDS[rule]),
        }
    return posted(labels)


def _save(form: Form, caller: Caller, key: str) -> bool:
    wanted: dict[str, list[int]] = {}
    for rule in RULES:
        words = [] if RULES[rule].beginning else re.split(r"[\s,;]+", form.value(f"thresholds.{rule}").strip())
        words = [word for word in words if word]
        if not all(re.fullmatch(r"[0-9]{1,4}", word) for word in words):
            form.refuse(f"thresholds.{rule}", _("Write whole numbers with commas between, such as 60, 30, 7."))
        else:
            wanted[rule] = [int(word) for word in words]
    if form.is_refused:
        return False
    failing = ""

    def act() -> None:
        nonlocal failing
        for rule, thresholds in wanted.items():
            failing = rule
            set_setting(
                caller, programme=key, rule=rule, thresholds=thresholds, enabled=bool(form.value(f"enabled.{rule}")),
                mandatory=bool(form.value(f"mandatory.{rule}")),
            )

    try:
        transaction(act)
    except RuleBroken as refusal:
        form.refuse(f"thresholds.{failing}", text_of(refusal))
        return False
    return True
