"""What is published about the files is what the reader does: schemas, reference page and examples agree.

After a change of the models, write the pages anew: `python -m tests.unit.schemas.write_pages`.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from suanwang.adapters.catalog import load_catalog
from suanwang.domain.catalog import Catalog
from suanwang.domain.site import Grid
from suanwang.schemas.grid import read_grid
from suanwang.schemas.reference import reference_page
from suanwang.schemas.workload import read_workload
from suanwang.schemas.yaml_file import read_yaml
from tests.small_catalog import GRID
from tests.unit.schemas.write_pages import PAGES, ROOT, SCHEMAS

NOW = datetime(2026, 11, 1, tzinfo=UTC)
WORKLOADS = sorted((ROOT / "examples" / "workloads").glob("*.yaml"))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def three_hubs(catalog: Catalog) -> Grid:
    path = ROOT / "examples" / "grids" / "three-hubs.yaml"
    return read_grid(path.read_text(encoding="utf-8"), path.name, catalog)


@pytest.mark.parametrize("noun", SCHEMAS)
def test_the_committed_schema_is_current(noun: str) -> None:
    committed = json.loads((PAGES / "schemas" / f"{noun}.v1.json").read_text(encoding="utf-8"))
    assert committed == SCHEMAS[noun]
    Draft202012Validator.check_schema(committed)


def test_the_reference_page_is_current() -> None:
    assert (PAGES / "files.md").read_text(encoding="utf-8") == reference_page()


def test_every_field_is_described() -> None:
    for schema in SCHEMAS.values():
        for name, part in {"file": schema, **schema["$defs"]}.items():
            for field, form in part.get("properties", {}).items():
                assert form.get("description"), f"{name}.{field}"


def test_the_grid_of_the_examples_validates_and_reads(three_hubs: Grid) -> None:
    text = (ROOT / "examples" / "grids" / "three-hubs.yaml").read_text(encoding="utf-8")
    Draft202012Validator(SCHEMAS["grid"]).validate(read_yaml(text, "g").data)
    assert [site.province for site in three_hubs.sites] == ["CN-GZ", "CN-NX", "CN-SH"]
    for pool in three_hubs.pools:
        book = three_hubs.price_book(pool.price_book_id, NOW)
        assert book is not None
        assert pool.node_overhead_w
        assert pool.accelerator.peak_or_raise("bf16") > 0
        assert pool.accelerator.power_or_raise() > 0


@pytest.mark.parametrize("path", WORKLOADS, ids=lambda path: path.stem)
def test_the_workloads_of_the_examples_validate_and_read(path: Path, catalog: Catalog, three_hubs: Grid) -> None:
    text = path.read_text(encoding="utf-8")
    Draft202012Validator(SCHEMAS["workload"]).validate(read_yaml(text, path.name).data)
    workload = read_workload(text, path.name, catalog, NOW, "me", three_hubs)
    assert workload.tenant == "me"
    assert workload.program is not None


def test_there_is_an_example_of_every_kind() -> None:
    assert {path.stem for path in WORKLOADS} >= {"pretrain-7b", "finetune-8b-lora", "serve-8b", "batch"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("12.5 CNY", "12.5"),
        ("pue: 1.25", "pue: 0.5"),
        ("nodes: 2", "nodes: two"),
        ("engine: slurm", "engin: slurm"),
        ("10 Gbit/s", "10 GB"),
        ("2026-01-01T00:00+08:00, value", "2026-01-01, value"),
        ("ratio: 30 %", "ratio: much"),
        ("apiVersion: suanwang/v1", "apiVersion: suanwang/v2"),
    ],
)
def test_the_published_schema_refuses_bad_forms_too(old: str, new: str) -> None:
    validator = Draft202012Validator(SCHEMAS["grid"])
    assert validator.is_valid(read_yaml(GRID, "g").data)
    assert not validator.is_valid(read_yaml(GRID.replace(old, new), "g").data)
