"""Reading load files: YAML or JSON into plain values, nothing guessed.

Days stay the text that they are in the file and only true and false are flags (`no` and `on` are words), so that YAML
and JSON mean the same; a key that stands twice in one mapping is refused, since readers differ in which they take.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from creditsvc.core.errors import FileError, FileRefused

_GUESSED = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")


class _Loader(yaml.SafeLoader):
    """Plain YAML that leaves days and words as text and refuses a key that stands twice."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _GUESSED]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def read_documents(paths: Iterable[Path]) -> list[tuple[str, Any]]:
    """The files of one load as (name, plain values). Raises FileRefused naming file and line."""
    documents = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise FileRefused([FileError(str(path), 0, "", "", f"cannot be read: {why}")]) from error
        documents.append((path.name, parse_document(path.name, text)))
    return documents


def parse_document(name: str, text: str) -> Any:
    """The plain values of a JSON file (by its name) or a YAML file. Raises FileRefused naming the line."""
    try:
        if name.lower().endswith(".json"):
            return json.loads(text, object_pairs_hook=_no_key_twice)
        return yaml.load(text, _Loader)  # noqa: S506 (a safe loader)  # nosec B506
    except json.JSONDecodeError as error:
        raise FileRefused([FileError(name, error.lineno, "", "", f"is no JSON: {error.msg}")]) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise FileRefused([FileError(name, line, "", "", f"is no YAML: {error.problem}")]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise FileRefused([FileError(name, 0, "", "", f"cannot be read: {error}")]) from error


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key, value in pairs:
        if key in mapping:
            raise ValueError(f"the key {key!r} stands twice")
        mapping[key] = value
    return mapping
