"""Exports that may speak of some scopes alone: what a startup's own people upload (U12)."""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from creditsvc.core.errors import FileError, FileRefused, refusal_for
from creditsvc.core.sentences import Sentence
from creditsvc.usage.readers.faults import Fault

OwnScopes = Mapping[tuple[str, str], Sequence[tuple[date, date]]]
"""The charge days, first to last, on which each (provider, scope id) is one's own."""

NOT_OWN = Sentence(
    "is no billing scope of yours on this charge day: upload an export of your own scopes alone, and only of days on "
    "which they are yours"
)


def foreign_faults(groups: pl.DataFrame, own: OwnScopes) -> list[Fault]:
    """Rows of scopes that are not one's own on their charge day, counted or left out; nothing is told of whose they
    are, or whether anybody's."""
    foreign: dict[int, dict[str, set[str]]] = {}
    counts: dict[int, int] = {}
    columns = groups.select("part", "of", "where", "day", "scope", "date", "rows").drop_nulls(["of", "where", "day"])
    for part, provider, scope, day, text, written, rows in columns.iter_rows():
        if not is_own(own, provider, scope, day, day):
            foreign.setdefault(part, {}).setdefault(text, set()).add(written)
            counts[part] = counts.get(part, 0) + rows
    return [
        Fault(part, "scope", counts[part], _rows(by_scope), pl.col("scope"), lambda _: NOT_OWN)
        for part, by_scope in sorted(foreign.items())
    ]


def check_cover(
    name: str, scopes: frozenset[tuple[str, str]], cover: tuple[date, date] | None, own: OwnScopes
) -> None:
    """Refuses an export whose days reach beyond those on which one of its scopes is one's own: what it leaves out
    would be taken away there (U4). Raises FileRefused."""
    if cover is None:
        nothing = Sentence("has no row that says a charge day: there is nothing to take")
        raise FileRefused([FileError(name, 0, "", "", nothing)])
    first, last = cover
    errors = [
        FileError(
            name, 0, "", scope,
            Sentence(
                "is not yours on every day from %(first)s to %(last)s, which this export covers: upload an export of "
                "your own scopes alone, and only of days on which they are yours",
                first=first.isoformat(), last=last.isoformat(),
            ),
        )
        for provider, scope in sorted(scopes)
        if not is_own(own, provider, scope, first, last)
    ]
    if errors:
        raise refusal_for(errors)


def is_own(own: OwnScopes, provider: str, scope: str, first: date, last: date) -> bool:
    """Whether the scope is one's own on every day from first to last."""
    return any(begins <= first and last <= ends for begins, ends in own.get((provider, scope), ()))


def _rows(by_scope: Mapping[str, set[str]]) -> pl.Expr:
    return pl.any_horizontal(*(
        (pl.col("scope") == text) & pl.col("date").is_in(sorted(written)) for text, written in sorted(by_scope.items())
    ))
