"""`make audit`: what is installed against what is pinned, file by file, with licences; asks no network.

It knows no advisories: whether a pinned version is known to be vulnerable must be asked elsewhere (decision 0010).
"""

import base64
import hashlib
import re
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions

from tests.house.guards import ROOT

UNPINNED = {"creditsvc", "pip", "setuptools", "wheel"}
"""The product itself, and what made the environment."""


def pins(*names: str) -> dict[str, str]:
    """The versions in lists of requirements, by normal name."""
    lines = "\n".join((ROOT / name).read_text() for name in names)
    return {normal(name): version for name, version in re.findall(r"^([\w.-]+)(?:\[\w+\])?==(\S+)$", lines, re.M)}


def normal(name: str) -> str:
    """A distribution's name in its one spelling."""
    return re.sub(r"[-_.]+", "-", name).lower()


def strays(installed: Iterable[Distribution], pinned: dict[str, str]) -> list[str]:
    """What is installed in another version than pinned, or not pinned at all."""
    return [
        f"{found.name} {found.version}: pinned is {pinned.get(normal(found.name), 'nothing')}"
        for found in installed
        if normal(found.name) not in UNPINNED and pinned.get(normal(found.name)) != found.version
    ]


def altered(found: Distribution) -> list[str]:
    """The files that are gone or are not what the distribution's own record says."""
    bad = []
    for file in found.files or []:
        path = file.locate()
        if not path.is_file():
            if file.hash is not None:
                bad.append(f"{found.name}: {file} is gone")
        elif file.hash is not None:
            digest = hashlib.new(file.hash.mode, path.read_bytes()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
                bad.append(f"{found.name}: {file} was changed")
    return bad


def licence(found: Distribution) -> str:
    """What the distribution says of its licence, in a line."""
    stated = found.metadata
    classified = [text.rpartition(" :: ")[2] for text in stated.get_all("Classifier", []) if text.startswith("License")]
    said = stated.get("License-Expression") or ", ".join(classified) or stated.get("License") or "states none"
    return str(said).strip().splitlines()[0][:70]


def main() -> int:
    """The licences, then what is wrong; 1 when anything is."""
    installed = sorted(distributions(), key=lambda found: normal(found.name))
    for found in installed:
        print(f"{found.name:32} {found.version:18} {licence(found)}")
    wrong = strays(installed, pins("requirements.txt", "requirements-test.txt"))
    wrong += [line for found in installed if normal(found.name) not in UNPINNED for line in altered(found)]
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(installed)} distributions; {len(wrong)} faults.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
