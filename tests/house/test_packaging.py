"""What is declared, pinned, imported and shipped is the same."""

import ast
import configparser
import hashlib
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.house.guards import PACKAGE, ROOT, TESTS, python_files

# Needed at run time although no module of ours imports them.
NOT_IMPORTED = {
    "gunicorn",  # started as a process
    "psycopg",  # SQLAlchemy's driver, by URL
    "tzdata",  # time zones where the machine has none
    "bandit", "import-linter", "mypy", "pytest-xdist", "ruff", "types-pyyaml",  # run by make
}

AWAITED = {"itsdangerous"}
"""Pinned ahead of the room that will import them; a test asks for their removal from here once it does."""


def test_direct_requirements_are_pinned_exactly_and_agree_with_the_lists() -> None:
    direct, test = declared("install_requires"), declared("test")
    runtime, testing = listed("requirements.txt"), listed("requirements-test.txt")

    assert direct.items() <= runtime.items()
    assert test.items() <= testing.items()
    assert not runtime.keys() & testing.keys()


def test_what_is_imported_is_declared() -> None:
    assert undeclared(PACKAGE, declared("install_requires")) == set()
    assert undeclared(TESTS, declared("install_requires") | declared("test")) == set()


def test_what_is_declared_is_imported() -> None:
    runtime, testing = declared("install_requires").keys(), declared("test").keys()

    unused = (runtime - distributions(PACKAGE)) | (testing - distributions(TESTS))

    assert unused - NOT_IMPORTED == AWAITED


def test_an_undeclared_import_is_found(tmp_path: Path) -> None:
    (tmp_path / "room.py").write_text("import flask\nimport hypothesis\nimport json\n")

    assert undeclared(tmp_path, {"flask": "3"}) == {"hypothesis"}


def test_vendored_files_are_unchanged_and_keep_their_licence() -> None:
    vendor = PACKAGE / "web" / "static" / "vendor"
    stated = dict(re.findall(r"^\| `(\S+)` .*`([0-9a-f]{64})` \|$", (vendor / "README.md").read_text(), re.M))
    there = {path.relative_to(vendor).as_posix(): path for path in vendor.rglob("*") if path.suffix in (".css", ".js")}

    assert stated == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in there.items()}
    assert all((path.parent / "LICENSE").is_file() for path in there.values())


def test_the_dark_theme_is_that_of_the_vendored_bootstrap() -> None:
    static = PACKAGE / "web" / "static"
    bootstrap = (static / "vendor" / "bootstrap" / "bootstrap.min.css").read_text()
    _, *dark = (static / "dark.css").read_text().splitlines()

    rules = re.findall(r"(?<=})(\[data-bs-theme=dark\][^{}]*{[^{}]*})", bootstrap)

    assert len(rules) > 1
    assert dark == [
        "@media (prefers-color-scheme: dark) {",
        *(rule.replace("[data-bs-theme=dark]", ":root", 1) for rule in rules), "}",
    ]


def test_the_floors_name_every_room_and_none_may_be_absent() -> None:
    floors, _, doors = contracts()
    rooms = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if is_room(path)}
    named = {name.strip() for floor in floors["layers"] for name in floor.split("|")}

    assert named == rooms
    assert {name.removeprefix("creditsvc.") for name in doors["source_modules"]} == (
        rooms - {"app", "web", "api", "jobs", "__main__"}
    )


@pytest.mark.parametrize("name", ["burndown", "crossings", "holds", "restatement"])
def test_the_cases_with_answers_are_there(vectors: Path, name: str) -> None:
    assert (vectors / f"{name}.json").stat().st_size > 1000


def is_room(path: Path) -> bool:
    """Whether this is a module or package below creditsvc that the floors must name."""
    return path.name not in ("__init__.py", "migrations") and (path.suffix == ".py" or (path / "__init__.py").is_file())


def contracts() -> list[dict[str, list[str]]]:
    """The import contracts, in the order of pyproject.toml."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    return list(tools["importlinter"]["contracts"])


def section(name: str) -> configparser.SectionProxy:
    """One section of setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser[name]


def declared(which: str) -> dict[str, str]:
    """The requirements of setup.cfg with their versions."""
    text = section("options")[which] if which == "install_requires" else section("options.extras_require")[which]
    return pins(text)


def listed(file: str) -> dict[str, str]:
    """The requirements of a requirements file with their versions."""
    return pins((ROOT / file).read_text("utf-8"))


def pins(text: str) -> dict[str, str]:
    """`name[extra]==version` lines as a table of normalised names; anything else but comments and -r fails."""
    table = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if line.startswith(("#", "-r ")):
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[a-z]+\])?==([0-9][0-9a-z.]*)", line)
        assert match, f"not pinned exactly: {line}"
        table[normal(match[1])] = match[2]
    return table


def normal(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def top_levels(folder: Path) -> set[str]:
    """The top-level modules that a folder imports, ours and the standard library's aside."""
    names = set()
    for path in [*python_files(folder), *folder.glob("migrations/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
    ours = {"creditsvc"} if folder == PACKAGE else {"creditsvc", "tests", "benchmarks"}
    return names - sys.stdlib_module_names - ours


def distributions(folder: Path) -> set[str]:
    """The distributions that bring what a folder imports."""
    known = packages_distributions()
    return {normal(name) for module in top_levels(folder) for name in known.get(module, [module])}


def undeclared(folder: Path, requirements: dict[str, str]) -> set[str]:
    """The modules that a folder imports and that no requirement brings."""
    known = packages_distributions()
    return {
        module for module in top_levels(folder)
        if not {normal(name) for name in known.get(module, [])} & requirements.keys()
    }
