"""What a programme asks of each alert: on or off, its own thresholds, whether its people may turn it off."""

import re
from collections.abc import Callable
from typing import TypeVar

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.alerts.operations import set_setting, settings_of
from creditsvc.alerts.reading import Tonight, say_tonight
from creditsvc.core.due_alerts import RULES
from creditsvc.core.errors import RuleBroken
from creditsvc.db import transaction
from creditsvc.parties.access import Caller
from creditsvc.programmes.operations import own_programme
from creditsvc.web import session
from creditsvc.web.alert_choices import RULE_WORDS
from creditsvc.web.forms import Form, posted, text_of
from creditsvc.web.night import title_of

pages = session.private_pages("programme_alerts", __name__)

T = TypeVar("T")


@pages.route("/programmes/<key>/alerts", methods=["GET", "POST"])
def edit(key: str) -> ResponseReturnValue:
    """The rules as they hold in the programme, and saying them anew, all in one act."""
    caller = session.caller()
    own_programme(caller, key)
    form, said = _form(), None
    if request.method == "POST" and request.form.get("step") == "preview":
        said = _tried(form, caller, key)
    elif request.method == "POST":
        if _saved(form, caller, key):
            flash(_("Saved. It counts from tonight on."), "success")
            return redirect(url_for("programmes.one", key=key), 303)
    else:
        form.fill(_stands(key))
    usual = {name: ", ".join(str(one) for one in sorted(rule.defaults)) for name, rule in RULES.items()}
    page = render_template(
        "programme_alerts.html", form=form, key=key, rules=RULES, words=RULE_WORDS, usual=usual,
        said=said, title_of=title_of,
    )
    return page, form.status


def _stands(key: str) -> dict[str, str]:
    stands: dict[str, str] = {}
    for rule, setting in settings_of(key).items():
        stands |= {
            f"enabled.{rule}": "true" if setting.enabled else "",
            f"mandatory.{rule}": "true" if setting.mandatory else "",
            f"thresholds.{rule}": ", ".join(str(one) for one in setting.thresholds),
        }
    return stands


def _form() -> Form:
    labels: dict[str, str] = {}
    for rule in RULES:
        labels |= {
            f"enabled.{rule}": _("On"), f"mandatory.{rule}": _("Its people cannot turn it off"),
            f"thresholds.{rule}": _("Thresholds: %(rule)s", rule=RULE_WORDS[rule]),
        }
    return posted(labels)


def _saved(form: Form, caller: Caller, key: str) -> bool:
    return _done(form, caller, key, lambda: True, keep=True) or False


def _tried(form: Form, caller: Caller, key: str) -> Tonight | None:
    """What a night that ran now would say with what the form says; none of it is kept.

    The settings are saved, the night asked and all rolled back, so that it is what will be, not what was rebuilt.
    """
    return _done(form, caller, key, lambda: say_tonight(caller, key), keep=False)


def _done(form: Form, caller: Caller, key: str, then: Callable[[], T], *, keep: bool) -> T | None:
    """Saves what the form says and asks `then`, in one transaction; None where the form is refused."""
    wanted: dict[str, list[int]] = {}
    for rule in RULES:
        words = [] if RULES[rule].beginning else re.split(r"[\s,;]+", form.value(f"thresholds.{rule}").strip())
        words = [word for word in words if word]
        if not all(re.fullmatch(r"[0-9]{1,4}", word) for word in words):
            form.refuse(f"thresholds.{rule}", _("Write whole numbers with commas between, such as 60, 30, 7."))
        else:
            wanted[rule] = [int(word) for word in words]
    if form.is_refused:
        return None
    failing = ""

    def act() -> T:
        nonlocal failing
        own_programme(caller, key, locked=True)
        if keep:
            form.refuse_changed(_stands(key))
        for rule, thresholds in wanted.items():
            failing = rule
            set_setting(
                caller, programme=key, rule=rule, thresholds=thresholds, enabled=bool(form.value(f"enabled.{rule}")),
                mandatory=bool(form.value(f"mandatory.{rule}")),
            )
        return then()

    try:
        return transaction(act, keep=keep)
    except RuleBroken as refusal:
        if failing:
            form.refuse(f"thresholds.{failing}", text_of(refusal))
        else:
            form.show(refusal)
        return None
