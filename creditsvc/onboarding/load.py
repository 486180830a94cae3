"""The load file: partners to grants from YAML or JSON, all or nothing (CONTRACT: section 4).

Several files are one load. What is new is added by the operations that forms and the API use; paperwork (names,
people, texts) that differs is updated; a fact that differs (an amount, an interval) is refused by name, so that
repeating a load changes nothing. What a file does not mention stays as it is.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from marshmallow import ValidationError
from sqlalchemy import select

from creditsvc.core.errors import FileError
from creditsvc.db import db
from creditsvc.ledger.locks import lock_pools
from creditsvc.ledger.models import Pool
from creditsvc.onboarding.load_consulting import load_consultants, load_policies
from creditsvc.onboarding.load_grants import load_grants
from creditsvc.onboarding.load_licences import load_products, load_seats
from creditsvc.onboarding.load_offers import load_offers
from creditsvc.onboarding.load_people import load_enrolments, load_package_awards, load_startups, load_users
from creditsvc.onboarding.load_rates import load_rates
from creditsvc.onboarding.load_scopes import load_scopes
from creditsvc.onboarding.loading import Item, Loading, LoadReport, raise_faults
from creditsvc.onboarding.schemas import LoadFile, shape_errors, value_at
from creditsvc.parties.access import Caller, require
from creditsvc.parties.trail import record

SECTIONS = ("partners", "resources", "programmes", "pools", "startups", "grants", "rates", "users", "products",
            "consultants", "seats")


def load_documents(caller: Caller, documents: Sequence[tuple[str, Any]]) -> LoadReport:
    """Loads documents (name, plain values as `documents.parse_document` gives them) in the door's transaction.

    Raises Forbidden and FileRefused, whose errors name file, path (`grants[3].amount`), value and what would be
    right; nothing may be kept then.
    """
    require(caller, "load")
    names = [name for name, _ in documents]
    loading = Loading(caller, f"load:{' '.join(names)}"[:200])
    sections = _checked(documents)
    load_offers(loading, sections)
    load_policies(loading, sections["programmes"])
    load_products(loading, sections["products"])
    # pools first, then accounts (L12): this load may touch any of them
    lock_pools(db.session.scalars(select(Pool.id)))
    load_rates(loading, sections["rates"])
    load_startups(loading, sections["startups"])
    load_enrolments(loading, sections["startups"])
    load_scopes(loading, sections["startups"])
    load_grants(loading, sections["grants"])
    load_package_awards(loading, sections["startups"])
    load_seats(loading, sections["seats"])
    load_users(loading, sections["users"])
    load_consultants(loading, sections["consultants"])
    if not loading.report.is_unchanged:
        record(
            caller, "load", loading.reference, after={"new": loading.report.new, "changed": loading.report.changed}
        )
    db.session.flush()
    return loading.report


def _checked(documents: Sequence[tuple[str, Any]]) -> dict[str, list[Item]]:
    """The items of all files by section, with the right shape and each thing once."""
    faults: list[FileError] = []
    sections: dict[str, list[Item]] = {section: [] for section in SECTIONS}
    for name, document in documents:
        raw = {} if document is None else document
        try:
            loaded = LoadFile().load(raw)
        except ValidationError as error:
            faults += shape_errors(name, raw, error)
            continue
        for section in SECTIONS:
            for number, data in enumerate(loaded[section] or ()):
                place = f"{section}[{number}]"
                sections[section].append(Item(name, place, data, value_at(raw, (section, number))))
    raise_faults(faults)
    raise_faults([*_twice(sections), *_two_names(sections)])
    return sections


def _twice(sections: dict[str, list[Item]]) -> list[FileError]:
    """Each thing may stand once in a load."""
    programmes, startups = sections["programmes"], sections["startups"]
    faults: list[FileError] = []
    for section in ("partners", "resources", "programmes", "pools", "startups", "grants", "products", "consultants"):
        faults += _repeated(sections[section], "key", lambda item: item.data["key"])
    faults += _repeated(sections["users"], "email", lambda item: item.data["email"].strip().lower())
    faults += _repeated(sections["rates"], "day", lambda item: " ".join(
        (item.data["from_currency"].strip().upper(), item.data["to_currency"].strip().upper(), str(item.data["day"]))
    ))
    faults += _repeated(sections["seats"], "email", lambda item: " ".join(
        (item.data["grant"], item.data["email"].strip().lower(), str(item.data["starts"]))
    ))
    faults += _repeated([child for item in programmes for child in item.children("cohorts")], "key",
                        lambda item: item.data["key"])
    for item in programmes:
        faults += _repeated(item.children("packages"), "key", lambda child: child.data["key"])
    for item in startups:
        faults += _repeated(item.children("members"), "email", lambda child: child.data["email"].strip().lower())
        faults += _repeated(item.children("enrolments"), "cohort", lambda child: child.data["cohort"])
    return faults


def _repeated(items: Iterable[Item], name: str, key: Callable[[Item], str]) -> list[FileError]:
    first: dict[str, Item] = {}
    faults = []
    for item in items:
        before = first.setdefault(key(item), item)
        if before is not item:
            faults.append(item.fault(name, f"stands twice in this load: {before.file} has it at {before.path} too"))
    return faults


def _two_names(sections: dict[str, list[Item]]) -> list[FileError]:
    """One person, one name: else each load would write the other one."""
    first: dict[str, Item] = {}
    faults = []
    members = [child for item in sections["startups"] for child in item.children("members")]
    for item in [*members, *sections["users"]]:
        before = first.setdefault(item.data["email"].strip().lower(), item)
        if before.data["name"].strip() != item.data["name"].strip():
            faults.append(
                item.fault("name", f"is another name for the same address than at {before.path} in {before.file}")
            )
    return faults


__all__ = ["LoadReport", "load_documents"]
