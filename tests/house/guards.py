"""What the guards look for. Each takes one file as text and returns what is wrong in it, as `line: what`."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "creditsvc"
TESTS = ROOT / "tests"
DOORS = ("app.py", "__main__.py", "web/", "api/", "jobs/")

LONGEST_FILE = 400
LONGEST_FUNCTION = 70

Guard = Callable[[str], list[str]]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def python_files(folder: Path, below: tuple[str, ...] = ("",)) -> Iterator[Path]:
    """The Python files of a folder whose path in it starts with one of `below`; migrations and caches aside."""
    for path in sorted(folder.rglob("*.py")):
        inside = path.relative_to(folder).as_posix()
        if not inside.startswith("migrations/") and inside.startswith(below):
            yield path


def offences(guard: Guard, paths: Iterator[Path]) -> list[str]:
    """What the guard finds in these files, as `path:line: what`."""
    return [
        f"{path.relative_to(ROOT).as_posix()}:{offence}" for path in paths for offence in guard(path.read_text("utf-8"))
    ]


def commits(source: str) -> list[str]:
    """Calls of a method named commit."""
    return _calls(source, lambda name: name.split(".")[-1] == "commit" and "." in name, "commits")


def transactions(source: str) -> list[str]:
    """Uses of `transaction`, other than its definition."""
    return _calls(source, lambda name: name.split(".")[-1] == "transaction", "opens a transaction")


def clock_readings(source: str) -> list[str]:
    """Readings of the wall clock."""
    readings = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}
    return _calls(source, lambda name: ".".join(name.split(".")[-2:]) in readings, "reads the clock")


def built_statements(source: str) -> list[str]:
    """Statements for the database put together with values in them."""
    return [
        f"{node.lineno}: a statement with values in it"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.JoinedStr)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in ("execute", "exec_driver_sql", "text")
    ]


def sleeps(source: str) -> list[str]:
    """Calls of sleep, however it was imported."""
    return _calls(source, lambda name: name.split(".")[-1] == "sleep", "sleeps")


def floats(source: str) -> list[str]:
    """Binary fractions: float(), a float annotation, a literal such as 0.5, a Float column, a Float64 cast.

    Asking `isinstance(value, float)` is how one is refused, and allowed.
    """
    found = []
    tree = ast.parse(source)
    asked = {
        id(inner) for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"
        for argument in node.args[1:] for inner in ast.walk(argument)
    }
    for node in (each for each in ast.walk(tree) if id(each) not in asked):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            found.append(f"{node.lineno}: the literal {node.value} is a float")
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name in ("float", "Float", "Double", "Float32", "Float64", "REAL", "Numeric"):
            found.append(f"{node.lineno}: {name}")  # type: ignore[attr-defined]
    return found


def hidden_imports(source: str) -> list[str]:
    """Imports inside functions, and those that only a type checker sees: both hide circles."""
    found = []
    for node in ast.walk(ast.parse(source)):
        hides = isinstance(node, FUNCTIONS) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        if hides:
            inner = [each for each in ast.walk(node) if isinstance(each, ast.Import | ast.ImportFrom)]
            found += [f"{each.lineno}: {ast.unparse(each)}" for each in inner]
    return sorted(set(found))


def sizes(source: str) -> list[str]:
    """A file or a function that has grown too long."""
    lines = len(source.splitlines())
    found = [f"1: {lines} lines, {LONGEST_FILE} at most"] if lines > LONGEST_FILE else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, FUNCTIONS) and node.end_lineno:
            long = node.end_lineno - node.lineno + 1
            if long > LONGEST_FUNCTION:
                found.append(f"{node.lineno}: {node.name} has {long} lines, {LONGEST_FUNCTION} at most")
    return found


def contents(source: str) -> list[str]:
    """Anything at all, in a file that stays empty."""
    return ["1: not empty"] if source.strip() else []


def silent_tests(source: str) -> list[str]:
    """Tests that state nothing: no assert, no expected refusal, no helper that does so (here or named for it)."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, FUNCTIONS)]
    stating = {function.name for function in functions if _states_something(function, set())}
    return [
        f"{function.lineno}: {function.name} asserts nothing"
        for function in functions
        if function.name.startswith("test") and not _states_something(function, stating)
    ]


def skips(source: str) -> list[str]:
    """Ways of not running a test, or of not minding that it fails."""
    found = []
    for node in ast.walk(ast.parse(source)):
        name = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if name in ("pytest.skip", "pytest.xfail", "pytest.importorskip") or (
            name.startswith(("pytest.mark.skip", "pytest.mark.xfail", "unittest.skip"))
        ):
            found.append(f"{node.lineno}: {name}")  # type: ignore[attr-defined]
    return found


def _states_something(function: ast.AST, helpers: set[str]) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).split(".")[-1]
            if name in helpers | {"raises", "warns", "fail", "expect"} or name.startswith(("assert_", "check_")):
                return True
    return False


def _calls(source: str, wanted: Callable[[str], bool], what: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = ast.unparse(node.func)
            if wanted(name):
                found.append(f"{node.lineno}: {name}() {what}")
    return found
