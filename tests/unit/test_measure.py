"""`measure`: the benchmark on this machine's processors, the overlay that it writes, a device that only pretends."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from suanwang.adapters.catalog import check_catalog, load_catalog
from suanwang.adapters.measure.bench import Measured, measure
from suanwang.adapters.measure.overlay import best_of, tables, write
from suanwang.adapters.measure.processors import Processors
from suanwang.adapters.measure.torch_devices import TorchDevice
from suanwang.errors import InvalidInput
from suanwang.estimate.machine import machine
from suanwang.estimate.notional import notional_pool
from suanwang.interfaces.cli.main import cli
from suanwang.interfaces.cli.terminal import Terminal

CATALOG = load_catalog()


def figure(what: str, value: float, dtype: str = "", size: int = 1024) -> Measured:
    return Measured(what=what, dtype=dtype, size=size, value=value, unit="", repeats=3)


def test_the_processors_are_measured_in_about_the_time_given() -> None:
    found = list(measure(Processors(), 0.3))
    assert {(m.what, m.dtype) for m in found} == {("matmul", "fp64"), ("matmul", "fp32"), ("memory", "")}
    assert all(m.value > 1e6 and m.repeats >= 1 for m in found)
    with pytest.raises(ValueError, match="one device"):
        Processors().all_reduce(1024)


def test_a_figure_of_many_cards_is_that_of_one() -> None:
    found = [figure("matmul", 8e12, "fp32"), figure("matmul", 6e12, "fp32", 2048), figure("memory", 4e10)]
    best = best_of(found, 4)
    assert (best.flops_per_s, best.memory_bytes_per_s, best.all_reduce_bytes_per_s) == ({"fp32": 2e12}, 1e10, None)


def test_an_overlay_for_a_card_of_the_catalog_is_what_estimates_then_use(tmp_path: Path) -> None:
    card = CATALOG.accelerator("h100-sxm5-80gb")
    found = [figure("matmul", 600e12, "bf16"), figure("memory", 3e12), figure("all_reduce", 360e9)]
    device = Processors()
    write(tmp_path, tables(best_of(found, 1), device, card.id, card, "2026-11-25"))
    assert check_catalog(tmp_path) == []
    catalog = load_catalog([tmp_path])
    seen = machine(notional_pool(catalog.accelerator(card.id), catalog, 8), "bf16", 8)
    assert seen.gemm_flops_per_s == pytest.approx(600e12, rel=1e-3)
    assert seen.memory_bytes_per_s == pytest.approx(3e12, rel=1e-3)
    assert seen.link == pytest.approx(360e9, rel=1e-3)
    assert any("suanwang measure" in a.source for a in seen.assumptions)


def test_a_measured_rate_over_the_peak_is_the_peak_at_most(tmp_path: Path) -> None:
    card = replace(CATALOG.accelerator("t4"))
    rows = tables(best_of([figure("matmul", 1e15, "fp16")], 1), Processors(), card.id, card, "2026-11-25")
    assert rows["efficiencies"][0]["ratio"] == "1.0000"
    assert rows["efficiencies"][0]["note"] == "measured 1000.0 TFLOP/s, above the catalog's peak of 65.0"
    write(tmp_path, rows)
    assert check_catalog(tmp_path) == []


def test_a_format_without_a_published_peak_is_a_bare_figure(tmp_path: Path) -> None:
    card = CATALOG.accelerator("t4")
    rows = tables(best_of([figure("matmul", 5e12, "bf16")], 1), Processors(), card.id, card, "2026-11-25")
    assert [(r["dtype"], r["value"]) for r in rows["measured"]] == [("bf16", "5")]
    write(tmp_path, rows)
    assert check_catalog(tmp_path) == []


def test_the_command_writes_a_card_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "measured"
    words = ["measure", "--for", "0.3 s", "--processors", "--id", "lab-node", "--out", str(out), "--json"]
    shown = json.loads(CliRunner().invoke(cli, words, obj=Terminal("en")).stdout)
    assert shown["cards"] == Processors().cards
    assert {f["what"] for f in shown["figures"]} == {"matmul", "memory"}
    assert check_catalog(out) == []
    card = load_catalog([out]).accelerator("lab-node")
    assert card.peak_flops_per_s["fp32"] > 1e6
    assert card.memory_bytes
    assert card.provenance.source == "suanwang measure"


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidInput):
        write(tmp_path / "file" / "below", {"accelerators": [{"id": "x"}]})


class Tensor:
    """As little of a torch tensor as the benchmark touches."""

    device = "cuda:0"

    def to(self, _kind: object) -> "Tensor":
        return self

    def copy_(self, _other: "Tensor") -> None:
        pass

    def add_(self, _other: "Tensor") -> None:
        pass


class Cuda:
    """Two devices that answer at once."""

    def device_count(self) -> int:
        return 2

    def get_device_name(self, _index: int) -> str:
        return "Pretended"

    def get_device_properties(self, _index: int) -> "Cuda":
        return self

    total_memory = 1e9
    nccl = None
    matmul = None

    def synchronize(self, _index: int) -> None:
        pass


class Torch:
    """The names of torch that are used, with nothing behind them: the order of calls is tried, no figure is."""

    __version__ = "9.9"
    float64 = float32 = float16 = bfloat16 = uint8 = object()
    cuda = Cuda()

    class backends:  # noqa: N801
        class cuda:  # noqa: N801
            class matmul:  # noqa: N801
                allow_tf32 = False

    def _tensor(self, *_: object, **__: object) -> Tensor:
        return Tensor()

    randn = ones = empty_like = matmul = _tensor


def test_the_calls_to_torch_go_in_an_order_that_runs() -> None:
    device = TorchDevice(Torch(), "cuda")
    products = [device.product(d, 64) for d in device.dtypes]
    for call in (*products, device.copy(64), device.all_reduce(64)):
        call()
    assert (device.devices, device.name, device.program, device.memory_bytes) == (2, "Pretended", "torch 9.9", 1e9)
