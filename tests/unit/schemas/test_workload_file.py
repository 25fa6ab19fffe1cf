"""The workload file: every field to the domain, and a table of bad files, each with place, message and remedy."""

from datetime import UTC, datetime

import pytest
import yaml

from suanwang.domain.money import Money
from suanwang.domain.site import Grid
from suanwang.domain.workload import (
    Batch,
    Checkpointing,
    DataSet,
    Demand,
    FinetuneMethod,
    Limits,
    Program,
    Serving,
    Training,
    Workload,
    WorkloadKind,
)
from suanwang.errors import InvalidInput, Problem
from suanwang.schemas.grid import read_grid
from suanwang.schemas.workload import read_workload
from tests.small_catalog import GRID, WORKLOAD, small_catalog

NOW = datetime(2026, 8, 1, tzinfo=UTC)
CATALOG = small_catalog()

FINETUNE = WORKLOAD
SERVE = """\
apiVersion: suanwang/v1
kind: Workload
workload:
  name: serve
  kind: serve
  model: llama-2-7b
  serving: {requests_per_s: 2, input_tokens: 1000, output_tokens: 300, duration: 30 d, first_token_max: 1 s}
"""
BATCH = """\
apiVersion: suanwang/v1
kind: Workload
workload:
  name: batch
  kind: batch
  batch: {flops: 500 TFLOP, memory_traffic: 1 TB, memory: 16 GiB}
"""


def read(text: str, grid: Grid | None = None) -> Workload:
    return read_workload(text, "w.yaml", CATALOG, NOW, "me", grid)


def test_a_file_may_have_blanks_in_its_name() -> None:
    with pytest.raises(InvalidInput) as raised:
        read_workload(BATCH.replace("batch\n", "bathc\n") + "  near: [a, a]\n", "my work load.yaml", CATALOG, NOW, "me")
    places = [problem.place for problem in raised.value.problems]
    assert places[0].startswith("my work load.yaml:"), places
    assert all(place.startswith("my work load.yaml:") for place in places)


def problems(text: str, grid: Grid | None = None) -> tuple[Problem, ...]:
    with pytest.raises(InvalidInput) as raised:
        read(text, grid)
    return raised.value.problems


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_every_field_comes_into_the_domain_in_base_units() -> None:
    workload = read(FINETUNE)
    assert workload == Workload(
        name="tune",
        kind=WorkloadKind.FINETUNE,
        task=Training(
            model=CATALOG.model("llama-2-7b"),
            tokens=2e9,
            sequence_length=4096,
            global_batch=64,
            dtype="bf16",
            method=FinetuneMethod.LORA,
            lora_rank=8,
        ),
        tenant="lab",
        program=Program(
            command=("python", "train.py", "--epochs", "3"),
            environment={"OMP_NUM_THREADS": "8"},
            directory="./code",
        ),
        demand=Demand(
            count=8,
            accelerators=("a100-sxm4-80gb", "h800-sxm5-80gb"),
            vendors=("NVIDIA",),
            capabilities=("bf16",),
        ),
        limits=Limits(
            earliest_start=datetime(2026, 8, 1, 1, tzinfo=UTC),
            deadline=datetime(2026, 8, 1, 12, tzinfo=UTC),
            latency_ms_max=20.0,
            city="beijing",
            budget=Money.parse("5000", "CNY"),
            time_limit_s=21600.0,
        ),
        data=(DataSet(name="corpus", at="shanghai", size_bytes=8e10, uri="s3://corpus/tokens"),),
        requires={"province": ("CN-GZ", "CN-NX"), "side": ("west",)},
        labels={"project": "7"},
        priority=5,
        preemptible=True,
        checkpointing=Checkpointing(every_s=600.0, retries=2),
        vouchers=("west",),
    )


def test_serving_and_batch_and_their_defaults() -> None:
    serve = read(SERVE)
    assert serve.tenant == "me"
    assert serve.program is None
    assert serve.demand == Demand()
    assert serve.limits == Limits()
    assert serve.task == Serving(
        model=CATALOG.model("llama-2-7b"),
        requests_per_s=2.0,
        input_tokens=1000,
        output_tokens=300,
        duration_s=2592000.0,
        first_token_ms_max=1000.0,
    )
    assert read(BATCH).task == Batch(flops=5e14, memory_traffic_bytes=1e12, memory_bytes=16 * 2.0**30)
    timed = "{duration: 90 min, duration_accelerator: a100-sxm4-80gb, duration_accelerators: 4}"
    assert read(BATCH.replace(BATCH[BATCH.index("{") :], timed)).task == Batch(
        duration_s=5400.0, duration_accelerator="a100-sxm4-80gb", duration_accelerators=4
    )


def test_a_shape_stands_for_a_model() -> None:
    shape = "{id: mine, layers: 4, hidden: 64, heads: 4, ffn: 256, vocab: 100}"
    task = read(changed(FINETUNE, "model: llama-2-7b", f"model: {shape}")).task
    assert isinstance(task, Training)
    assert (task.model.id, task.model.head_size) == ("mine", 16)


# what is replaced in a good file, by what, and the path and message of the one problem that follows
BAD: list[tuple[str, str, str, str, str]] = [
    (FINETUNE, "apiVersion: suanwang/v1", "apiVersion: suanwang/v2", "apiVersion", "'suanwang/v2'"),
    (FINETUNE, "kind: Workload", "kind: Grid", "kind", "'Grid'"),
    (FINETUNE, "  name: tune\n", "", "workload.name", "name is missing"),
    (FINETUNE, "name: tune", "name: 7", "workload.name", "7 must be text"),
    (FINETUNE, "name: tune", 'name: ""', "workload.name", "too short"),
    (FINETUNE, "name: tune", 'name: "a\\nb"', "workload.name", "characters that do not print"),
    (FINETUNE, "name: tune", "nmae: x\n  name: tune", "workload.nmae", "unknown field nmae"),
    (FINETUNE, "kind: finetune", "kind: tune", "workload.kind", "'tune'"),
    (FINETUNE, "tokens: 2 B", "tokens: 2 X", "workload.tokens", "unknown unit 'X'"),
    (FINETUNE, "tokens: 2 B", "tokens: -5", "workload.tokens", "-5 must be greater than 0"),
    (FINETUNE, "tokens: 2 B", "tokens: 0", "workload.tokens", "0 must be greater than 0"),
    (FINETUNE, "tokens: 2 B", "tokens: true", "workload.tokens", "True has no unit"),
    (FINETUNE, "tokens: 2 B", "tokens: 1e308 T", "workload.tokens", "too large"),
    (FINETUNE, "tokens: 2 B", "tokens: 1000", "workload.tokens", "262144 tokens is more than tokens"),
    (FINETUNE, "  tokens: 2 B\n", "", "workload.tokens", "a finetune workload needs tokens"),
    (FINETUNE, "sequence_length: 4096", "sequence_length: 4096.5", "workload.sequence_length", "whole number"),
    (FINETUNE, "sequence_length: 4096", "sequence_length: '4096'", "workload.sequence_length", "whole number"),
    (FINETUNE, "global_batch: 64", "global_batch: 0", "workload.global_batch", "0 must be at least 1"),
    (FINETUNE, "model: llama-2-7b", "model: llama-2-7", "workload.model", "'llama-2-7' is not among the models"),
    (FINETUNE, "  model: llama-2-7b\n", "", "workload.model", "a finetune workload needs model"),
    (
        FINETUNE,
        "model: llama-2-7b",
        "model: {layers: 4, hidden: 8, heads: 2, vocab: 9}",
        "workload.model.ffn",
        "missing",
    ),
    (
        FINETUNE,
        "model: llama-2-7b",
        "model: {layers: 4, hidden: 10, heads: 3, vocab: 9, ffn: 8}",
        "workload.model",
        "hidden 10 is not a multiple of heads 3",
    ),
    (FINETUNE, "model: llama-2-7b", "model: [llama-2-7b]", "workload.model", "must be a mapping"),
    (FINETUNE, "method: lora", "method: lowrank", "workload.method", "'lowrank'"),
    (FINETUNE, "method: lora", "method: full", "workload.lora_rank", "method is full"),
    (FINETUNE, "dtype: bf16", "dtype: bf61", "workload.dtype", "'bf61' is not known here"),
    (FINETUNE, "dtype: bf16", "dtype: fp64", "workload.accelerators", "dtype fp64 and kinds contradict"),
    (FINETUNE, "[python, train.py, --epochs, 3]", "python train.py", "workload.command", "must be a list"),
    (FINETUNE, "--epochs, 3]", "--rate, 0.1]", "workload.command[3]", "0.1 must be text"),
    (FINETUNE, "NUM_THREADS: 8", "NUM_THREADS: true", "workload.environment.OMP_NUM_THREADS", "True must be text"),
    (FINETUNE, "count: 8", "count: 0", "workload.accelerators.count", "0 must be at least 1"),
    (FINETUNE, "count: 8", "cuont: 8", "workload.accelerators.cuont", "unknown field cuont"),
    (FINETUNE, "[a100-sxm4-80gb,", "[a100-sxm4,", "workload.accelerators.kinds[0]", "'a100-sxm4' is not among"),
    (FINETUNE, "vendors: NVIDIA", "vendors: Nvidia", "workload.accelerators.vendors[0]", "'Nvidia' is not among"),
    (FINETUNE, "vendors: NVIDIA", "vendors: Huawei", "workload.accelerators", "kinds and vendors contradict"),
    (FINETUNE, "[bf16]}", "[bf17]}", "workload.accelerators.capabilities[0]", "'bf17' is not among"),
    (FINETUNE, "[bf16]}", "[npu]}", "workload.accelerators", "kinds and capabilities contradict"),
    (SERVE, "model: llama-2-7b", "model: llama-2-7b\n  accelerators: any", "workload.accelerators", "'any'"),
    (FINETUNE, "size: 80 GB", "size: 80", "workload.data[0].size", "80 has no unit"),
    (FINETUNE, "size: 80 GB", "size: 80 h", "workload.data[0].size", "unknown unit 'h'"),
    (FINETUNE, "size: 80 GB", "size: -1 GB", "workload.data[0].size", "must be not negative"),
    (FINETUNE, "name: corpus, ", "", "workload.data[0].name", "name is missing"),
    (
        FINETUNE,
        '    - {name: corpus, at: shanghai, size: 80 GB, uri: "s3://corpus/tokens"}\n',
        "    - {name: a, at: b, size: 1 B}\n    - {name: a, at: b, size: 1 B}\n",
        "workload.data[1].name",
        "'a' is given twice (first at w.yaml:19)",
    ),
    (FINETUNE, "s3://corpus/tokens", "oss://corpus/tokens", "workload.data[0].uri", "is no place of a file"),
    (FINETUNE, "s3://corpus/tokens", "s3://corpus", "workload.data[0].uri", "is no place of a file"),
    (FINETUNE, "name: corpus", "name: ../corpus", "workload.data[0].name", "'../corpus' is no path within a folder"),
    (FINETUNE, '"s3://corpus/tokens"', "s3://c/t, sha256: 12", "workload.data[0].sha256", "12"),
    (FINETUNE, 'uri: "s3://corpus/tokens"', f"sha256: {'a' * 64}", "workload.data[0].sha256", "there is no uri"),
    (
        FINETUNE,
        "  data:",
        "  outputs: [{path: /a, uri: s3://b/c}]\n  data:",
        "workload.outputs[0].path",
        "no path within",
    ),
    (
        FINETUNE,
        "  data:",
        "  outputs: [{path: a, uri: b}]\n  data:",
        "workload.outputs[0].uri",
        "is no place of a file",
    ),
    (FINETUNE, "09:00+08:00", "09:00", "workload.earliest_start", "no offset from UTC"),
    (FINETUNE, "2026-08-01T09:00+08:00", "tomorrow", "workload.earliest_start", "'tomorrow' is not a time"),
    (FINETUNE, "2026-08-01T09:00+08:00", "2026-08-01", "workload.earliest_start", "no offset from UTC"),
    (FINETUNE, "2026-08-01T09:00+08:00", "0001-01-01T00:00+08:00", "workload.earliest_start", "out of range"),
    (FINETUNE, "2026-08-01T09:00+08:00", "20260801", "workload.earliest_start", "20260801 is not a time"),
    (FINETUNE, "deadline: +12 h", "deadline: +30 min", "workload.deadline", "contradict: no time is left"),
    (FINETUNE, "deadline: +12 h", "deadline: +12", "workload.deadline", "12 is not a time"),
    (FINETUNE, "deadline: +12 h", "deadline: +999999 w", "workload.deadline", "out of range"),
    (FINETUNE, "city: beijing", "city: bejing", "workload.latency.city", "'bejing' is not among the cities"),
    (FINETUNE, ", max: 20 ms", "", "workload.latency.max", "max is missing"),
    (FINETUNE, "budget: 5000 CNY", "budget: 5000", "workload.budget", "5000 is not an amount with a currency"),
    (FINETUNE, "budget: 5000 CNY", "budget: -5 CNY", "workload.budget", "must not be negative"),
    (FINETUNE, "budget: 5000 CNY", "budget: 5000 CNY/h", "workload.budget", "is per h, not per 1"),
    (FINETUNE, "budget: 5000 CNY", "budget: 0.0000001 CNY", "workload.budget", "finer than a millionth"),
    (FINETUNE, "budget: 5000 CNY", f"budget: {'9' * 30} CNY", "workload.budget", "is not an amount"),
    (FINETUNE, "time_limit: 6 h", "time_limit: 0 h", "workload.time_limit", "must be greater than 0"),
    (FINETUNE, "time_limit: 6 h", "time_limit: 5 min", "workload.checkpoint", "checkpoint.every and time_limit"),
    (FINETUNE, "priority: 5", "priority: high", "workload.priority", "'high' must be a whole number"),
    (FINETUNE, "priority: 5", "priority: 5000", "workload.priority", "5000 must be at most 1000"),
    (FINETUNE, "preemptible: true", "preemptible: yes", "workload.preemptible", "'yes' must be true or false"),
    (FINETUNE, "retries: 2", "retries: -1", "workload.checkpoint.retries", "-1 must be at least 0"),
    (FINETUNE, "[CN-GZ, CN-NX]", "[]", "workload.requires.province", "one of nothing"),
    (FINETUNE, "requires: {province: [CN-GZ, CN-NX], side: west}", "requires: [CN-GZ]", "workload.requires", "mapping"),
    (FINETUNE, "vouchers: [west]", "vouchers: [west, west]", "workload.vouchers[1]", "'west' is given twice"),
    (SERVE, "requests_per_s: 2", "requests_per_s: 0", "workload.serving.requests_per_s", "greater than 0"),
    (SERVE, "duration: 30 d, ", "", "workload.serving.duration", "duration is missing"),
    (SERVE, "input_tokens: 1000", "input_tokens: 4000", "workload.serving", "exceed the model's context of 4096"),
    (SERVE, "kind: serve", "kind: serve\n  tokens: 5", "workload.tokens", "tokens means nothing to a serve workload"),
    (BATCH, "flops: 500 TFLOP, ", "", "workload.batch", "none of flops, items and duration"),
    (BATCH, "flops: 500 TFLOP", "flops: 500", "workload.batch.flops", "500 has no unit"),
    (
        BATCH,
        "flops: 500 TFLOP",
        "flops: 1 TFLOP, duration: 1 h, duration_accelerator: a100-sxm4-80gb",
        "workload.batch",
        "more than one of flops, items and duration",
    ),
    (BATCH, "flops: 500 TFLOP", "duration: 1 h", "workload.batch.duration", "needs duration_accelerator"),
    (
        BATCH,
        "flops: 500 TFLOP",
        "duration: 1 h, duration_accelerator: a100",
        "workload.batch.duration_accelerator",
        "'a100' is not among",
    ),
]


def line_of(text: str, path: str) -> int:
    """The line of a path, or of what is nearest around it, by another way than the reader's: composed nodes."""
    node, line = yaml.compose(text, yaml.SafeLoader), 1
    for step in path.replace("[", ".").replace("]", "").split("."):
        if isinstance(node, yaml.SequenceNode):
            node = node.value[int(step)]
            line = node.start_mark.line + 1
            continue
        found = [pair for pair in node.value if pair[0].value == step] if isinstance(node, yaml.MappingNode) else []
        if not found:
            return line
        line, node = found[0][0].start_mark.line + 1, found[0][1]
    return line


@pytest.mark.parametrize(("text", "old", "new", "path", "message"), BAD, ids=range(len(BAD)))
def test_a_bad_file_is_told_where_what_and_what_to_do(text: str, old: str, new: str, path: str, message: str) -> None:
    bad = changed(text, old, new)
    (problem,) = problems(bad)
    assert problem.place == f"w.yaml:{line_of(bad, path)} {path}"
    assert message in str(problem.message)
    assert str(problem.remedy)


def test_unknown_fields_and_words_are_told_the_nearest() -> None:
    (field,) = problems(changed(FINETUNE, "deadline:", "dead_line:"))
    assert str(field.remedy) == "Did you mean deadline?"
    (card,) = problems(changed(FINETUNE, "[a100-sxm4-80gb,", "[a100-sxm-80gb,"))
    assert "a100-sxm4-80gb" in str(card.remedy)
    (dtype,) = problems(changed(FINETUNE, "dtype: bf16", "dtype: bf61"))
    assert str(dtype.remedy).startswith("Write one of: bf16")


def test_all_problems_are_reported_together_in_the_order_of_the_file() -> None:
    text = FINETUNE
    for old, new in [
        ("name: tune", "nmae: tune"),
        ("model: llama-2-7b", "model: gpt-9"),
        ("tokens: 2 B", "tokens: -2"),
        ("dtype: bf16", "dtype: fp64"),
        ("size: 80 GB", "size: 80"),
        ("at: shanghai", "at: 5"),
        ("deadline: +12 h", "deadline: 2026-07-31T00:00Z"),
        ("max: 20 ms", "max: 20 GB"),
        ("retries: 2", "retires: 2"),
        ("every: 10 min", "every: 10 h"),
        ("[CN-GZ, CN-NX]", "[]"),
    ]:
        text = changed(text, old, new)
    found = [(p.place.removeprefix("w.yaml:"), str(p.message)) for p in problems(text)]
    expected = [
        ("3 workload.name", "missing"),
        ("4 workload.nmae", "unknown field"),
        ("7 workload.model", "'gpt-9'"),
        ("10 workload.tokens", "greater than 0"),
        ("17 workload.accelerators", "fp64"),
        ("19 workload.data[0].at", "must be text"),
        ("19 workload.data[0].size", "no unit"),
        ("21 workload.deadline", "past"),
        ("21 workload.deadline", "contradict"),
        ("22 workload.latency.max", "unknown unit"),
        ("27 workload.checkpoint.retires", "unknown field"),
        ("27 workload.checkpoint", "nothing is saved"),
        ("28 workload.requires.province", "one of nothing"),
    ]
    assert [place for place, _ in found] == [place for place, _ in expected]
    assert [(m, e) for (_, m), (_, e) in zip(found, expected, strict=True) if e not in m] == []


def test_what_belongs_to_a_command_needs_one() -> None:
    found = problems(changed(FINETUNE, "  command: [python, train.py, --epochs, 3]\n", ""))
    assert [p.place for p in found] == ["w.yaml:14 workload.environment", "w.yaml:15 workload.directory"]


def test_a_kind_lacks_and_refuses_fields() -> None:
    found = problems(changed(BATCH, "kind: batch", "kind: pretrain"))
    assert [p.place.split(".")[-1] for p in found] == ["model", "tokens", "sequence_length", "global_batch", "batch"]


@pytest.mark.parametrize(
    "text", ["", "[]", "5", "workload: 5", "workload: [1]", "workload: {accelerators: {kinds: {}}}"]
)
def test_what_is_no_workload_at_all_is_refused(text: str) -> None:
    assert problems(text)


def test_with_the_grid_its_references_are_checked_too() -> None:
    grid = read_grid(GRID, "g.yaml", CATALOG)
    assert read(FINETUNE, grid) == read(FINETUNE)
    text = changed(changed(FINETUNE, "tenant: lab", "tenant: nobody"), "[west]", "[east]")
    text = changed(changed(text, "at: shanghai", "at: mars"), "5000 CNY", "5000 USD")
    assert [(p.place.partition(" ")[2], str(p.message)) for p in problems(text, grid)] == [
        ("workload.tenant", "'nobody' is not among the tenants of the grid."),
        ("workload.data[0].at", "'mars' is not among the cities and sites."),
        ("workload.budget", "the budget is in USD, the grid in CNY."),
        ("workload.vouchers[0]", "'east' is not among the voucher programmes of the grid."),
    ]
    assert read(changed(FINETUNE, "at: shanghai", "at: guian"), grid).data[0].at == "guian"
