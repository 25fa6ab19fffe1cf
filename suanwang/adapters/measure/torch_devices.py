"""Accelerators that torch drives: CUDA and ROCm devices, or those of a vendor's plug-in (npu, mlu, musa, xpu).

torch is no dependency: it is used where it is installed. One card is measured; all-reduce goes over all cards of the
machine in this process, as reduce to the first card and copies back where torch has no collective for one process.
"""

import importlib
import re
from collections.abc import Callable
from typing import Any

PLUG_INS = {"npu": "torch_npu", "mlu": "torch_mlu", "musa": "torch_musa", "xpu": ""}
DTYPES = {"fp64": "float64", "fp32": "float32", "fp16": "float16", "bf16": "bfloat16", "tf32": "float32"}


def find_torch_device() -> "TorchDevice | None":
    """The accelerator that torch sees; None where torch is not installed or sees none."""
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        return None
    if torch.cuda.is_available():
        return TorchDevice(torch, "cuda")
    for kind, plug_in in PLUG_INS.items():
        try:
            if plug_in:
                importlib.import_module(plug_in)
        except ImportError:
            continue
        module = getattr(torch, kind, None)
        if module is not None and module.is_available():
            return TorchDevice(torch, kind)
    return None


class TorchDevice:
    """The first accelerator of a kind that torch drives."""

    cards = 1
    dtypes = tuple(DTYPES)

    def __init__(self, torch: Any, kind: str) -> None:
        self._torch, self._kind, self._module = torch, kind, getattr(torch, kind)
        self.devices = int(self._module.device_count())
        self.memory_bytes: float | None = float(self._module.get_device_properties(0).total_memory)
        self.name = str(self._module.get_device_name(0))
        self.program = f"torch {re.sub(r'[^0-9a-zA-Z.+]', '', str(torch.__version__))}"

    def _wait(self) -> None:
        for index in range(self.devices):
            self._module.synchronize(index)

    def product(self, dtype: str, size: int) -> Callable[[], None]:
        torch = self._torch
        kind = getattr(torch, DTYPES[dtype])
        a = torch.randn(size, size, device=f"{self._kind}:0").to(kind)
        b = torch.randn(size, size, device=f"{self._kind}:0").to(kind)
        if dtype in ("fp32", "tf32") and self._kind == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"

        def run() -> None:
            torch.matmul(a, b)
            self._wait()

        return run

    def copy(self, size_bytes: int) -> Callable[[], None]:
        torch = self._torch
        source = torch.ones(size_bytes, dtype=torch.uint8, device=f"{self._kind}:0")
        target = torch.empty_like(source)

        def run() -> None:
            target.copy_(source)
            self._wait()

        return run

    def all_reduce(self, size_bytes: int, /) -> Callable[[], None]:
        if self.devices < 2:
            raise ValueError("one device has nobody to sum with")
        torch = self._torch
        parts = [torch.ones(size_bytes // 4, device=f"{self._kind}:{i}") for i in range(self.devices)]
        collective = getattr(getattr(torch.cuda, "nccl", None), "all_reduce", None) if self._kind == "cuda" else None

        def run() -> None:
            if collective is not None:
                collective(parts)
            else:
                for part in parts[1:]:
                    parts[0].add_(part.to(parts[0].device))
                for part in parts[1:]:
                    part.copy_(parts[0])
            self._wait()

        return run
