"""The processors of this machine, by numpy: its matrix products use all of them."""

import os
import platform
from collections.abc import Callable

import numpy as np

DTYPES = {"fp64": np.float64, "fp32": np.float32}


class Processors:
    """All processor cores that this process may use; a card is one core."""

    dtypes = tuple(DTYPES)
    devices = 1

    def __init__(self) -> None:
        self.cards = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.name = f"{platform.machine()} processor, {self.cards} cores"
        self.program = f"numpy {np.__version__}"
        pages = os.sysconf("SC_PHYS_PAGES") if "SC_PHYS_PAGES" in os.sysconf_names else 0
        self.memory_bytes = float(pages * os.sysconf("SC_PAGE_SIZE")) or None

    def product(self, dtype: str, size: int) -> Callable[[], None]:
        kind = DTYPES[dtype]
        a, b, out = np.ones((size, size), kind), np.ones((size, size), kind), np.empty((size, size), kind)

        def run() -> None:
            np.matmul(a, b, out=out)

        return run

    def copy(self, size_bytes: int) -> Callable[[], None]:
        source, target = np.ones(size_bytes, np.uint8), np.empty(size_bytes, np.uint8)

        def run() -> None:
            np.copyto(target, source)

        return run

    def all_reduce(self, _size_bytes: int, /) -> Callable[[], None]:
        raise ValueError("processors of one machine are one device")
