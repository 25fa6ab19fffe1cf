"""Whatever is done to a good file, it is read or refused with InvalidInput; what is generated well comes back."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.domain.money import Money
from suanwang.domain.workload import Batch, Limits, Workload, WorkloadKind
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.schemas.grid import read_grid
from suanwang.schemas.programme import read_programme
from suanwang.schemas.workload import read_workload
from suanwang.schemas.yaml_file import read_yaml
from tests.small_catalog import GRID, WORKLOAD, small_catalog

CATALOG = small_catalog()
NOW = datetime(2026, 8, 1, tzinfo=UTC)
GOOD_GRID = read_grid(GRID, "g.yaml", CATALOG)
FILES = [read_yaml(text, "f.yaml").data for text in (GRID, WORKLOAD)]

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**30, max_value=10**38),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["", "0 h", "-1 GB", "1e999 GB", "5 CNY", "+1 h", "2026-01-01", "guian", "choose", "0", "9" * 60]),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
    st.just([{}]),
    st.just({"id": None}),
)


def paths(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(found for step, inner in steps for found in paths(inner, (*path, step)))]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A good file with one to six values replaced, removed, renamed or doubled."""
    data: Any = deepcopy(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(1, 6))):
        path = draw(st.sampled_from(paths(data)))
        if not path:
            continue
        parent = data
        for step in path[:-1]:
            parent = parent[step]
        match draw(st.sampled_from(["replace", "remove", "rename", "double"])):
            case "replace":
                parent[path[-1]] = deepcopy(draw(VALUES))
            case "remove":
                del parent[path[-1]]
            case "rename" if isinstance(parent, dict):
                parent[draw(st.text(max_size=6))] = parent.pop(path[-1])
            case _ if isinstance(parent, list):
                parent.append(deepcopy(parent[path[-1]]))
            case _:
                parent[path[-1]] = [deepcopy(parent[path[-1]])]
    return json.dumps(data, ensure_ascii=draw(st.booleans()))


READERS: tuple[Callable[[str], object], ...] = (
    lambda text: read_workload(text, "f.yaml", CATALOG, NOW, "me"),
    lambda text: read_workload(text, "f.yaml", CATALOG, NOW, "me", GOOD_GRID),
    lambda text: read_grid(text, "f.yaml", CATALOG),
    lambda text: read_programme(text, "f.yaml"),
)


def refusal(reader: Callable[[str], object], text: str) -> tuple[Problem, ...]:
    """The problems that a reader finds; empty when it reads the text. Nothing but InvalidInput may be raised."""
    try:
        reader(text)
    except InvalidInput as error:
        return error.problems or (Problem("no problem is given", msg(""), msg("")),)
    return ()


def read_all(text: str) -> None:
    """Read the text as every kind of file; each problem has its place and remedy."""
    for problem in (p for reader in READERS for p in refusal(reader, text)):
        assert problem.place.startswith("f.yaml:")
        assert str(problem.message)
        assert str(problem.remedy)


@settings(max_examples=250, derandomize=True, deadline=None)
@given(mutated())
def test_a_mutated_file_is_read_or_refused_by_name(text: str) -> None:
    read_all(text)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.sampled_from([GRID, WORKLOAD]), st.data())
def test_a_file_with_characters_changed_is_read_or_refused_by_name(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.text(max_size=4)) + text[at + data.draw(st.integers(0, 4)) :]
    read_all(text)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    read_all(text)


NAMES = st.text(st.characters(categories=("L", "N", "P", "S"), codec="utf-8"), min_size=1, max_size=30)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    name=NAMES,
    labels=st.dictionaries(NAMES, NAMES, max_size=3),
    tflop=st.integers(1, 10**12),
    gigabytes=st.integers(0, 10**6),
    micro_cny=st.integers(0, 10**15),
    minutes=st.integers(1, 10**6),
    priority=st.integers(-1000, 1000),
    preemptible=st.booleans(),
)
def test_a_generated_workload_comes_back_as_it_was_meant(
    name: str,
    labels: dict[str, str],
    tflop: int,
    gigabytes: int,
    micro_cny: int,
    minutes: int,
    priority: int,
    preemptible: bool,
) -> None:
    budget = Money(micro_cny, "CNY")
    file = {
        "apiVersion": "suanwang/v1",
        "kind": "Workload",
        "workload": {
            "name": name,
            "kind": "batch",
            "batch": {"flops": f"{tflop} TFLOP", "memory": f"{gigabytes} GB"},
            "budget": f"{budget.decimal:f} CNY",
            "deadline": f"+{minutes} min",
            "earliest_start": NOW.isoformat(),
            "labels": labels,
            "priority": priority,
            "preemptible": preemptible,
        },
    }
    text = yaml.safe_dump(file, allow_unicode=True)
    assert read_workload(text, "w.yaml", CATALOG, NOW, "me") == Workload(
        name=name,
        kind=WorkloadKind.BATCH,
        task=Batch(flops=tflop * 1e12, memory_bytes=gigabytes * 1e9),
        tenant="me",
        limits=Limits(earliest_start=NOW, deadline=NOW + timedelta(minutes=minutes), budget=budget),
        labels=labels,
        priority=priority,
        preemptible=preemptible,
    )
