"""The documentation is true: every code block runs as it is shown, every link leads somewhere, references are current.

How a block is written decides how it is tried (the blocks of one page run in order, in one folder):

    ```python     is executed; asserts in it must hold
    ```console    lines after `$ ` are commands of a shell (one shell a block), the lines below them their output;
                  `…` stands for any text in a line, a line of `…` alone for any lines; no output shown = any output
    ```yaml       is read; a whole file (`apiVersion: suanwang/v1`) is checked as `suanwang` itself checks it
    ```json       is read

A comment on the line before a block changes that: `<!-- exits 2 -->` for a last command that fails on purpose,
`<!-- file: folder/name.csv -->` for the content of a file that later blocks use, `<!-- not run: reason -->` for a block
that cannot run. A block in any other language needs one of the last two.
"""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
import yaml

from suanwang.adapters.catalog import load_catalog
from suanwang.domain.catalog import Catalog
from suanwang.errors import InvalidInput
from suanwang.schemas.grid import read_grid
from suanwang.schemas.price_book import read_price_book
from suanwang.schemas.programme import read_programme
from suanwang.schemas.site_plan import read_site_plan
from suanwang.schemas.workload import read_workload

REPO = Path(__file__).parents[2]
NAMES = ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md")
PAGES = sorted([*(REPO / n for n in NAMES if (REPO / n).exists()), *(REPO / "docs").rglob("*.md")])
BLOCK_S = 240
FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})(?P<language>[\w-]*)[^`]*$")
NOTE = re.compile(r"^\s*<!-- (?:not run: (?P<excuse>\S.*)|exits (?P<status>\d+)|file: (?P<file>[\w./-]+)) -->\s*$")
LINK = re.compile(r"\]\(<?(?P<target>[^)\s>]*)>?\)")
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
SEPARATOR = "\x1e"


@dataclass(frozen=True)
class Block:
    """A fenced code block and what the comment before it says."""

    place: str
    language: str
    body: str
    excuse: str = ""
    status: int = 0
    file: str = ""


def blocks(text: str, name: str) -> Iterator[Block]:
    """The fenced code blocks of a page, in order; text without them is left to the reader."""
    lines = iter(enumerate(text.splitlines(), start=1))
    note = None
    for number, line in lines:
        fence = FENCE.match(line)
        if not fence:
            note = NOTE.match(line) or (note if not line.strip() else None)
            continue
        body = []
        for _, inner in lines:
            if inner.strip() == fence["ticks"]:
                break
            body.append(inner.removeprefix(fence["indent"]))
        else:
            raise AssertionError(f"{name}:{number}: the code block is not closed")
        said = note.groupdict("") if note else {"excuse": "", "status": "", "file": ""}
        status = int(said["status"] or 0)
        yield Block(f"{name}:{number}", fence["language"], "\n".join(body) + "\n", said["excuse"], status, said["file"])
        note = None


def environment(workspace: Path) -> dict[str, str]:
    """A terminal of a new user in the workspace; `suanwang` is this checkout's."""
    return {
        "PATH": f"{workspace / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPO),
        "HOME": str(workspace),
        "SUANWANG_HOME": str(workspace / ".suanwang"),
        "LANG": "C.UTF-8",
        "COLUMNS": "120",
    }


def start(arguments: list[str], workspace: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        cwd=workspace,
        env=environment(workspace),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BLOCK_S,
        check=False,
    )


def run_python(block: Block, workspace: Path) -> None:
    done = start([sys.executable, "-W", "error", "-c", block.body], workspace)
    assert done.returncode == block.status, f"{block.place}: exit status {done.returncode}\n{done.stdout}"


def commands(block: Block) -> list[tuple[str, str]]:
    """The (command, expected output) pairs of a console block."""
    pairs: list[tuple[str, str]] = []
    lines = iter(block.body.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line.removeprefix("$ ")
            while command.endswith("\\"):
                command += "\n" + next(lines)
            pairs.append((command, ""))
        else:
            assert pairs, f"{block.place}: a console block starts with a command after `$ `"
            pairs[-1] = (pairs[-1][0], pairs[-1][1] + line + "\n")
    return pairs


def matches(expected: str, actual: str) -> bool:
    """Whether output is as shown, where `…` is any text in a line and a line of it alone any lines."""
    shown = [line.rstrip() for line in expected.strip().splitlines()]
    got = "".join(f"{line.rstrip()}\n" for line in actual.strip().splitlines())
    wanted = "".join(
        r"(?:.*\n)*" if line.strip() == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n" for line in shown
    )
    return not shown or re.fullmatch(wanted, got) is not None


def run_console(block: Block, workspace: Path) -> None:
    pairs = commands(block)
    marked = [f"{command}\nprintf '{SEPARATOR}%d{SEPARATOR}' $?" for command, _ in pairs]
    output = start(["bash", "-c", "\n".join(marked)], workspace).stdout
    parts = re.split(f"{SEPARATOR}(\\d+){SEPARATOR}", output)
    for index, (command, expected) in enumerate(pairs):
        actual, status = (*parts[2 * index : 2 * index + 2], "none")[:2]
        wanted = block.status if index == len(pairs) - 1 else 0
        assert status == str(wanted), f"{block.place}: $ {command}\nexit status {status}, not {wanted}:\n{actual}"
        assert matches(expected, actual), f"{block.place}: $ {command}\nshown:\n{expected}\nbut it says:\n{actual}"


@cache
def catalog() -> Catalog:
    return load_catalog()


READERS: dict[str, Callable[[str, str], object]] = {
    "Grid": lambda text, name: read_grid(text, name, catalog()),
    "PriceBook": read_price_book,
    "Programme": read_programme,
    "SitePlan": lambda text, name: read_site_plan(text, name, catalog()),
    "Workload": lambda text, name: read_workload(text, name, catalog(), datetime(2026, 1, 1, tzinfo=UTC), "me"),
}


def run_yaml(block: Block, _workspace: Path) -> None:
    content = yaml.safe_load(block.body)
    if isinstance(content, dict) and "apiVersion" in content:
        READERS[content["kind"]](block.body, block.place)


def run_json(block: Block, _workspace: Path) -> None:
    json.loads(block.body)


RUNNERS = {"python": run_python, "console": run_console, "yaml": run_yaml, "json": run_json}


def run_page(text: str, name: str, workspace: Path) -> int:
    """Run every block of a page that is not excused; how many ran."""
    run = [block for block in blocks(text, name) if not block.excuse]
    for block in run:
        if block.file:
            (workspace / block.file).parent.mkdir(parents=True, exist_ok=True)
            (workspace / block.file).write_text(block.body, encoding="utf-8")
        elif block.language not in RUNNERS:
            raise AssertionError(f"{block.place}: nothing runs {block.language!r}: say `not run: reason`")
        else:
            RUNNERS[block.language](block, workspace)
    return len(run)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with the examples, and with a `suanwang` command that is this checkout's."""
    if (REPO / "examples").exists():
        shutil.copytree(REPO / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    command = tmp_path / "bin" / "suanwang"
    command.parent.mkdir()
    call = "import sys; from suanwang.interfaces.cli.main import main; sys.exit(main())"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{call}" "$@"\n')
    command.chmod(0o755)
    return tmp_path


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_page_runs_as_shown(page: Path, workspace: Path) -> None:
    run_page(page.read_text(encoding="utf-8"), str(page.relative_to(REPO)), workspace)


def without_blocks(text: str) -> str:
    return re.sub(r"^ *(`{3,}).*?^ *\1", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the forge makes them."""
    titles = HEADING.findall(without_blocks(page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for link in LINK.finditer(without_blocks(page.read_text(encoding="utf-8"))):
        path, _, anchor = link["target"].partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = page if not path else (page.parent / path).resolve()
        outside = not target.is_relative_to(REPO)
        if outside or not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(link["target"])
    assert dead == []


def test_reference_pages_are_current() -> None:
    for path, text in runpy.run_path(str(REPO / "docs" / "generate.py"))["pages"]().items():
        assert (REPO / path).read_text(encoding="utf-8") == text, f"{path} is not current: make docs"


def page_of(language: str, body: str, note: str = "") -> str:
    return f"Text.\n\n{note}\n```{language}\n{body}\n```\n"


@pytest.mark.parametrize(
    ("text", "ran"),
    [
        ("No block.", 0),
        (page_of("python", "assert 1 + 1 == 2"), 1),
        (page_of("console", "$ printf 'a\\nb\\nc\\n'\na\n…\n$ echo x y z\nx … z"), 1),
        (page_of("console", "$ N=7\n$ echo $N\n7"), 1),
        (page_of("console", "$ echo one \\\n    two\none two"), 1),
        (page_of("console", "$ cd / && false", "<!-- exits 1 -->"), 1),
        (page_of("console", "$ echo $SUANWANG_HOME\n/…/.suanwang"), 1),
        (page_of("yaml", "a: 1"), 1),
        (page_of("json", '{"a": 1}'), 1),
        (page_of("csv", "a,b", "<!-- file: f/a.csv -->") + page_of("console", "$ cat f/a.csv\na,b"), 2),
        (page_of("text", "a picture", "<!-- not run: a picture -->"), 0),
    ],
)
def test_a_true_page_passes(text: str, ran: int, workspace: Path) -> None:
    assert run_page(text, "page.md", workspace) == ran


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (page_of("python", "assert 1 + 1 == 3"), AssertionError),
        (page_of("console", "$ echo a\nb"), AssertionError),
        (page_of("console", "$ printf 'a\\nb\\n'\na"), AssertionError),
        (page_of("console", "$ false\n$ true"), AssertionError),
        (page_of("console", "$ true", "<!-- exits 1 -->"), AssertionError),
        (page_of("console", "$ exit 0\n$ echo b\nb"), AssertionError),
        (page_of("console", "echo without a prompt"), AssertionError),
        (page_of("yaml", "apiVersion: suanwang/v1\nkind: Workload\nworkload: {name: nothing}"), InvalidInput),
        (page_of("yaml", "a: [1"), yaml.YAMLError),
        (page_of("json", "{a: 1}"), json.JSONDecodeError),
        (page_of("", "a picture"), AssertionError),
        (page_of("toml", "a = 1"), AssertionError),
        (page_of("toml", "a = 1", "<!-- not run: -->"), AssertionError),
        (page_of("toml", "a = 1", "<!-- not run: for the block before -->\nText.\n"), AssertionError),
        ("```python\nassert True\n", AssertionError),
    ],
)
def test_a_false_page_fails(text: str, error: type[Exception], workspace: Path) -> None:
    with pytest.raises(error):
        run_page(text, "page.md", workspace)
