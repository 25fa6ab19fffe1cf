"""The style of the house, as far as a machine can check it. A list that is not empty says what to mend and where."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from suanwang.domain.reason import MEANING, Reason
from suanwang.errors import CODES

REPO = Path(__file__).parents[2]
ROOT = REPO / "suanwang"
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

CLOCK = ROOT / "adapters" / "clock.py"
CLOCK_READ = re.compile(r"\b(datetime\.(now|utcnow|today)|date\.today|time\.time(_ns)?)\(")
UNFINISHED = re.compile(r"TODO|FIXME|\bXXX\b|NotImplemented|pragma: no cover|type: ignore")
VAGUE = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc"}
REFUSALS = {"SuanwangError", "NotFound", "Conflict", "NotPermitted", "NotNow", "Never"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def shown(path: Path, line: int) -> str:
    return f"{path.relative_to(REPO)}:{line}"


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def lines_matching(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{shown(path, number)} {line.strip()[:100]}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]


def tracked() -> list[Path]:
    """The text files of the project: what git tracks or would track, or all of them where there is no git."""
    try:
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        listing = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        hidden = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
        paths = [p.relative_to(REPO) for p in REPO.rglob("*")]
        listing = [str(p) for p in paths if not hidden & set(p.parts)]
    return [REPO / name for name in listing if (REPO / name).is_file() and is_text(REPO / name)]


def is_text(path: Path) -> bool:
    return b"\0" not in path.read_bytes()[:8192]


def test_sources_are_found() -> None:
    assert len(sources()) > 30
    assert ROOT / "errors.py" in sources()
    assert REPO / "pyproject.toml" in tracked()


def test_no_file_is_too_long() -> None:
    lengths = {shown(p, 1): len(p.read_text(encoding="utf-8").splitlines()) for p in sources()}
    assert {name: n for name, n in lengths.items() if n > FILE_LINES_MAX} == {}


def test_no_function_is_too_long() -> None:
    long = [
        f"{shown(path, node.lineno)} {node.name}: {length} lines"
        for path in sources()
        for node in functions(path)
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_every_module_says_what_it_is() -> None:
    assert [shown(path, 1) for path in sources() if not ast.get_docstring(tree(path))] == []


def test_the_clock_is_read_in_one_place() -> None:
    assert lines_matching(CLOCK_READ, [p for p in sources() if p != CLOCK]) == []


def test_nothing_is_left_unfinished_or_silenced() -> None:
    assert lines_matching(UNFINISHED, sources()) == []


def test_names_say_what_is_in_them() -> None:
    parts = {p.relative_to(REPO): {part.removesuffix(".py") for part in p.relative_to(ROOT).parts} for p in sources()}
    assert [str(path) for path, names in parts.items() if names & VAGUE] == []


def test_imports_stand_at_the_top() -> None:
    """Only commands of the command line may import late, so that `--help` is quick."""
    late = [
        f"{shown(path, node.lineno)} in {function.name}"
        for path in sources()
        if not path.is_relative_to(ROOT / "interfaces" / "cli")
        for function in functions(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert late == []


def speaks_for_itself(node: Function | ast.ClassDef) -> bool:
    """A function of one statement, and a class of names and values alone (a state enumeration)."""
    if isinstance(node, ast.ClassDef):
        return all(isinstance(line, ast.Assign) for line in node.body)
    return len(node.body) == 1


def undocumented(path: Path) -> Iterator[str]:
    """Public functions and classes of a module without a docstring; methods may have theirs in the port."""
    definitions = [node for node in tree(path).body if isinstance(node, Function | ast.ClassDef)]
    for node in definitions:
        if not (node.name.startswith("_") or ast.get_docstring(node) or speaks_for_itself(node)):
            yield f"{shown(path, node.lineno)} {node.name}"


def test_what_is_public_is_documented() -> None:
    assert [line for path in sources() for line in undocumented(path)] == []


def refusals() -> Iterator[tuple[str, ast.expr]]:
    """Every place that makes a refusal, with the expression of its code."""
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in REFUSALS:
                    yield shown(path, node.lineno), node.args[0]


def literals(node: ast.AST) -> set[str]:
    return {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def test_every_error_code_has_a_meaning() -> None:
    assert [
        f"{place} {sorted(codes - set(CODES))}" for place, code in refusals() if (codes := literals(code)) - set(CODES)
    ] == []


def test_every_error_code_is_raised_somewhere() -> None:
    """Counted in any text of the package beside the table itself: a code may be handed over as an argument."""
    used = {text for path in sources() if path != ROOT / "errors.py" for text in literals(tree(path))}
    assert sorted(set(CODES) - used - {"invalid-input"}) == []


def test_every_reason_has_a_meaning() -> None:
    assert set(MEANING) == set(Reason)
    assert all(text.endswith(".") for text in [*MEANING.values(), *CODES.values()])


HOSTS = r"pypi\.org|pythonhosted\.org|npmjs\.|ghcr\.io|docker\.io"
PATHS = r"/work/|/root/|/home/\w|/Users/"


@pytest.mark.parametrize("pattern", [HOSTS, PATHS], ids=["registry hosts", "machine paths"])
def test_no_file_names_a_machine(pattern: str) -> None:
    assert lines_matching(re.compile(pattern), [path for path in tracked() if path != Path(__file__)]) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (CLOCK_READ, "when = datetime.now(UTC)"),
        (CLOCK_READ, "began = time.time()"),
        (UNFINISHED, "# TODO later"),
        (UNFINISHED, "raise NotImplementedError"),
        (re.compile(HOSTS), "index = https://pypi.org/simple"),
        (re.compile(PATHS), "see /work/here"),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)
