"""What a benchmark must do, and how often each figure is measured: the best of the repeats that a time allows.

The best, as what a device can deliver is asked for, and whatever else runs on the machine only makes it slower.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

SIZES = (256, 512, 1024, 2048, 4096, 8192, 16384)
REPEATS_MOST = 30
STREAM_BYTES = (1 << 26, 1 << 28, 1 << 30)
STREAM_SHARE = 0.1
"""Of its memory that a device is asked for at most, of what is read and of what is written alike."""
REDUCE_BYTES = (1 << 20, 1 << 24, 1 << 27)


class Device(Protocol):
    """One kind of device. `cards`: how many of them share what is measured (processor cores), 1 for a single card."""

    name: str
    program: str
    cards: int
    dtypes: tuple[str, ...]
    memory_bytes: float | None

    def product(self, dtype: str, size: int) -> Callable[[], None]:
        """A call that multiplies two square matrices and waits for the end. Raises MemoryError, ValueError."""

    def copy(self, size_bytes: int) -> Callable[[], None]:
        """A call that reads and writes so many bytes each and waits. Raises MemoryError."""

    def all_reduce(self, size_bytes: int, /) -> Callable[[], None]:
        """A call that sums so many bytes over all devices and waits. Raises ValueError where there is only one."""

    @property
    def devices(self) -> int:
        """That an all-reduce goes over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One figure: `what` is matmul (operations/s), memory or all_reduce (bytes/s, bus bandwidth for the latter).

    `size`: side of the matrices, or bytes. `value` is of the whole device; `repeats` of which it is the best.
    """

    what: str
    dtype: str
    size: int
    value: float
    unit: str
    repeats: int


def seconds(call: Callable[[], None], budget_s: float) -> tuple[float, int]:
    """(least seconds, repeats) of a call, once to warm up and then at least once, within about `budget_s`."""
    call()
    spent, least, repeats = 0.0, float("inf"), 0
    while not repeats or (spent < budget_s and repeats < REPEATS_MOST):
        began = perf_counter()
        call()
        took = perf_counter() - began
        least, spent, repeats = min(least, took), spent + took, repeats + 1
    return max(least, 1e-9), repeats


def measure(device: Device, budget_s: float) -> Iterator[Measured]:
    """Every figure of a device, one after another, in about `budget_s` seconds.

    Sizes rise; a number format ends where a size would take longer than its share, or does not fit.
    """
    share = budget_s / (len(device.dtypes) + 2)
    for dtype in device.dtypes:
        left = share
        for size in SIZES:
            began = perf_counter()
            try:
                each, repeats = seconds(device.product(dtype, size), left / 6)
            except (MemoryError, ValueError, RuntimeError, TypeError):
                break
            left -= perf_counter() - began
            yield Measured(
                what="matmul", dtype=dtype, size=size, value=2 * size**3 / each, unit="FLOP/s", repeats=repeats
            )
            if left < 16 * each:  # the next size takes eight times as long, and twice: once to warm up
                break
    streams = [size for size in STREAM_BYTES if size <= STREAM_SHARE * (device.memory_bytes or STREAM_BYTES[-1])]
    for size in streams:
        try:
            each, repeats = seconds(device.copy(size), share / len(streams))
        except (MemoryError, RuntimeError):
            break
        yield Measured(what="memory", dtype="", size=size, value=2 * size / each, unit="byte/s", repeats=repeats)
    for size in REDUCE_BYTES if device.devices > 1 else ():
        each, repeats = seconds(device.all_reduce(size), share / len(REDUCE_BYTES))
        moved = 2 * size * (device.devices - 1) / device.devices
        yield Measured(what="all_reduce", dtype="", size=size, value=moved / each, unit="byte/s", repeats=repeats)
