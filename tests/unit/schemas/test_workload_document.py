"""What a client sends to a hub is the whole workload: written as a document and read again, it is the same."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest

from suanwang.adapters.catalog import load_catalog
from suanwang.domain.workload import Workload
from suanwang.schemas.json_file import read_json
from suanwang.schemas.workload import read_workload, read_workload_document
from suanwang.schemas.workload_document import document_of

NOW = datetime(2026, 8, 1, tzinfo=UTC)
CATALOG = load_catalog(())
EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "workloads").glob("*.yaml"))
HEAD = "apiVersion: suanwang/v1\nkind: Workload\nworkload:\n  name: all\n  tenant: me\n"
EVERYTHING = (
    HEAD
    + f"""\
  kind: pretrain
  model: llama-2-7b
  tokens: 1e9
  sequence_length: 4096
  global_batch: 256
  command: [python, train.py]
  environment: {{A: b}}
  accelerators: {{count: 8, least: 2, serial_share: 0.1, kinds: [h100-sxm5-80gb], capabilities: [bf16]}}
  data: [{{name: corpus, at: shanghai, size: 1.5 TB, uri: "s3://corpus/t", sha256: {"ab" * 32}}}]
  outputs: [{{path: model.bin, uri: "s3://models/m"}}]
  earliest_start: 2026-08-02T00:00Z
  deadline: 2026-09-02T00:00Z
  latency: {{city: beijing, max: 20 ms}}
  budget: 12345.678901 CNY
  time_limit: 30 d
  priority: 3
  preemptible: true
  checkpoint: {{every: 20 min, retries: 2, pause: 3 min, size: 80 GB}}
  requires: {{province: [CN-GZ]}}
  labels: {{team: x}}
  vouchers: [help]
  after: [{{workload: prepare, data: 1 GB}}, {{workload: check}}]
  near: [prepare]
  apart: [other]
"""
)
SERVED = (
    HEAD
    + """\
  kind: serve
  model: llama-2-7b
  dtype: fp8
  serving: {requests_per_s: 2, input_tokens: 1000, output_tokens: 300, duration: 30 d, cache_dtype: fp8,
    prefix_reuse: 0.3, first_token_max: 1 s, per_token_max: 50 ms}
"""
)
SIZED = HEAD + "  kind: batch\n  batch: {flops: 5 PFLOP, memory_traffic: 1 TB, memory: 16 GB, efficiency: 0.3}\n"
KNOWN = (
    HEAD + "  kind: batch\n  batch: {duration: 3 h, duration_accelerator: h100-sxm5-80gb, duration_accelerators: 4}\n"
)


def again(workload: Workload) -> Workload:
    document = read_json(json.dumps(document_of(workload)), "request")
    return read_workload_document(document, CATALOG, NOW, "", None)


@pytest.mark.parametrize("text", [EVERYTHING, SERVED, SIZED, KNOWN])
def test_nothing_is_lost_on_the_way(text: str) -> None:
    workload = read_workload(text, "w.yaml", CATALOG, NOW, "me")
    assert again(workload) == workload


def test_everything_is_tried() -> None:
    workload = read_workload(EVERYTHING, "w.yaml", CATALOG, NOW, "me")
    plain = read_workload(KNOWN, "w.yaml", CATALOG, NOW, "me")
    same = [f.name for f in fields(Workload) if getattr(workload, f.name) == getattr(plain, f.name)]
    assert same == ["name", "tenant"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_arrive_as_they_are(path: Path) -> None:
    workload = read_workload(path.read_text(), path.name, CATALOG, NOW, "me")
    assert again(workload) == workload
