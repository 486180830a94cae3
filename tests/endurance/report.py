"""The figures of a run as a table for people, as JSON, and in docs/endurance.md."""

import json
import platform
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.endurance.rounds import Plan, Round
from tests.endurance.trials import Tally

FIGURES, NIGHTS = "figures", "nights"
"""The parts of the document."""


def is_clean(rounds: Sequence[Round]) -> bool:
    """Whether every fault that was put in was found, and nothing else differed."""
    proven = all(proof.found for one in rounds for proof in (*one.proofs, *one.night_proofs))
    return proven and all(tally.is_clean for one in rounds for tally in (*one.killed, *one.troubled, *one.nights))


def complaints(rounds: Sequence[Round]) -> list[str]:
    """Everything that differed, a line each, and every fault that was put in and not found."""
    lines = [f"not found on {proof.database}: {proof.fault}" for one in rounds
             for proof in (*one.proofs, *one.night_proofs) if not proof.found]
    return lines + [line for one in rounds for tally in (*one.killed, *one.troubled, *one.nights)
                    for line in tally.complaints]


def markdown(rounds: Sequence[Round], plan: Plan, command: str, postgres: str) -> str:
    """All figures as Markdown."""
    killed = [tally for one in rounds for tally in one.killed]
    troubled = [tally for one in rounds for tally in one.troubled]
    lines = [
        f"Made by `{command}` with Python {platform.python_version()}, SQLite {sqlite3.sqlite_version} and "
        f"PostgreSQL {postgres}: {' and '.join(_kills(one) for one in rounds)}, "
        f"{sum(tally.trials for tally in troubled)} trials with mail, network, disk, server or clock in trouble.",
        "",
    ]
    if plan.at_least:
        lines += [f"At random by the seed {plan.seed}, up to five times in a row.", ""]
    if plan.kills is not None:
        lines += [f"Sized down: {plan.kills} points of each scenario, chosen by the seed {plan.seed}.", ""]
    lines += ["### Faults put in on purpose", "", "| fault | database | kills or troubles until found | found as |",
              "|---|---|---:|---|"]
    lines += [
        f"| {proof.fault} | {proof.database} | {proof.kills} | {proof.found_as if proof.found else '**not found**'} |"
        for one in rounds for proof in one.proofs
    ]
    lines += ["", "### Killed", "", *_table(killed, "statements", with_kills=True)]
    lines += ["", "### Mail, network, disk, server and clock in trouble", "", *_table(troubled, "", with_kills=False)]
    return "\n".join([*lines, ""])


def _kills(one: Round) -> str:
    return f"{sum(tally.kills for tally in one.killed)} kills on {one.database}"


def markdown_of_nights(rounds: Sequence[Round], command: str, postgres: str) -> str:
    """The figures of nights of two schedulers and two senders as Markdown; empty where there were none."""
    came = [nights for one in rounds for nights in one.nights]
    if not came:
        return ""
    lines = [f"Made by `{command}` with Python {platform.python_version()} and PostgreSQL {postgres}.", "",
             "| fault put in on purpose | nights until found | kills by then | found as |", "|---|---:|---:|---|"]
    lines += [
        f"| {proof.fault} | {proof.nights} | {proof.kills} | {proof.found_as if proof.found else '**not found**'} |"
        for one in rounds for proof in one.night_proofs
    ]
    words = ("seed", "nights", "kills of schedulers", "of senders", "alerts", "corrections", "mails", "kills in doubt",
             "uncertain", "lost", "twice", "other differences")
    lines += ["", f"| {' | '.join(words)} |", f"|{'---:|' * len(words)}"]
    for one in came:
        figures = (one.seed, one.nights, one.scheduler_kills, one.sender_kills, one.alerts, one.corrections, one.mails,
                   one.in_doubt, one.uncertain, one.lost, one.twice, one.other)
        lines.append(f"| {' | '.join(map(str, figures))} |")
    return "\n".join([*lines, ""])


def _table(tallies: Sequence[Tally], first: str, *, with_kills: bool) -> list[str]:
    words = ["scenario", "database", *([first] if first else []), "trials", *(["kills"] if with_kills else []), "lost",
             "twice", "other differences", "uncertain"]
    lines = [f"| {' | '.join(words)} |", f"|---|---|{'---:|' * (len(words) - 2)}"]
    rows = [*tallies, _sum(tallies)]
    for tally in rows:
        cells = [tally.scenario, tally.database, *([str(tally.statements or "")] if first else []), str(tally.trials),
                 *([str(tally.kills)] if with_kills else []), str(tally.lost), str(tally.twice), str(tally.other),
                 str(tally.uncertain)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _sum(tallies: Sequence[Tally]) -> Tally:
    whole = Tally("**all**", "")
    for word in ("statements", "trials", "kills", "lost", "twice", "other", "uncertain"):
        setattr(whole, word, sum(getattr(tally, word) for tally in tallies))
    return whole


def write_document(path: Path, part: str, figures: str) -> None:
    """Puts the figures into their part of the document."""
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    path.write_text(f"{before}{begin}\n\n{figures}\n{end}{after}", encoding="utf-8")


def write_json(path: Path, rounds: Sequence[Round], plan: Plan) -> None:
    """Everything, for programs."""
    document = {"plan": asdict(plan), "rounds": [asdict(one) for one in rounds], "clean": is_clean(rounds)}
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
