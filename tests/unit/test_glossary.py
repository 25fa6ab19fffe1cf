"""The words and the map of the house are complete: each noun has its Chinese word, each room its line."""

import importlib
import pkgutil
import re
from pathlib import Path

import suanwang.domain
from suanwang.domain.job import JobState
from suanwang.domain.placement import CostPart

REPO = Path(__file__).parents[2]
GLOSSARY = (REPO / "docs" / "glossary.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (?P<word>[^|]+) \| (?P<zh>[^|]+) \| (?P<meaning>[^|]+) \|$", re.MULTILINE)
ROWS = [row for row in ROW.finditer(GLOSSARY) if row["word"] not in ("English", "---")]
WORDS = {row["word"].lower() for row in ROWS}


def nouns() -> set[str]:
    """The public classes of the domain, as words: JobEvent -> "job event"."""
    modules = [
        importlib.import_module(f"suanwang.domain.{m.name}") for m in pkgutil.iter_modules(suanwang.domain.__path__)
    ]
    names = {
        value.__name__
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and not value.__name__.startswith("_")
    }
    return {re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower() for name in names}


def test_nouns_are_found() -> None:
    assert {"job event", "model spec", "money", "usage record", "cost part"} <= nouns()


def test_every_noun_has_an_entry() -> None:
    assert sorted(nouns() - WORDS) == []


def test_every_state_and_part_of_a_cost_has_an_entry() -> None:
    assert sorted({word.value for word in [*JobState, *CostPart]} - WORDS) == []


def test_entries_are_whole_and_said_once() -> None:
    assert len(WORDS) == len(ROWS)
    assert [row["word"] for row in ROWS if not re.search(r"[\u4e00-\u9fff]", row["zh"])] == []
    assert len({row["zh"] for row in ROWS}) == len(ROWS)


def test_every_room_is_on_the_map() -> None:
    page = (REPO / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    rooms = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (REPO / "suanwang").iterdir()
        if not path.name.startswith("_") and path.name != "py.typed"
    }
    assert sorted(room for room in rooms if f"`{room}`" not in page) == []


def test_modules_that_the_pages_name_exist() -> None:
    dead = [
        f"{page.name}: {name}"
        for page in [REPO / "CONTRIBUTING.md", *(REPO / "docs").rglob("*.md")]
        for name in re.findall(r"`(?:suanwang/)?([\w/]+\.py)`", page.read_text(encoding="utf-8"))
        if not (REPO / "suanwang" / name).exists() and not (REPO / name).exists()
    ]
    assert dead == []
