"""The rig of the Kubernetes engine, on a double of its API over real HTTP."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import kubernetes

from suanwang.adapters.clock import SystemClock
from suanwang.adapters.engines.kubernetes.backend import Kubernetes
from suanwang.adapters.engines.kubernetes.manifest import OPTIONS, KubernetesPool
from suanwang.adapters.engines.options import read_options
from suanwang.adapters.engines.remote import RemoteEngine
from suanwang.domain.order import Order
from tests.contract.engine_rig import ACCELERATORS, OTHER_POOL, POOL, Rig
from tests.kubernetes_double import KubernetesDouble
from tests.small_grid import pool


def kubernetes_pools(**options: str) -> dict[str, KubernetesPool]:
    """pool-a and pool-b, with these options."""
    given = {"image": "registry.example/none", "resource": "example.com/card", **options}
    pools = [
        replace(pool(name, "site"), nodes=1, accelerators_per_node=count, engine="kubernetes", options=given)
        for name, count in ((POOL, ACCELERATORS), (OTHER_POOL, 1))
    ]
    read = read_options(OPTIONS, pools)
    return {one.id: KubernetesPool(pool=one, options=read[one.id]) for one in pools}


class KubernetesRig(Rig):
    """Jobs on a double."""

    lacks: ClassVar[Mapping[str, str]] = {
        "programs": "the double's containers run nothing",
        "data": "the double's containers run nothing",
    }
    engine: RemoteEngine

    def __init__(self, folder: Path, needed: object = None) -> None:
        super().__init__(folder)
        self.double = KubernetesDouble({"node-1": ACCELERATORS, "node-2": 1})
        self.open()

    def open(self, **options: str) -> None:
        """The engine anew, with these options."""
        configuration = kubernetes.client.Configuration(host=self.double.url)
        pools = kubernetes_pools(**options)
        self.api = kubernetes.client.ApiClient(configuration)
        backend = Kubernetes(self.api, "default", pools, SystemClock())
        counts = {name: one.pool.accelerators for name, one in pools.items()}
        self.engine = RemoteEngine(self.folder / "root", backend, counts, SystemClock(), look_s=0.05)

    def exits(self, code: int) -> Order:
        return self.order("exit", str(code))

    def runs(self) -> Order:
        return self.order("run")

    def lose(self) -> Order:
        order = self.order("lose")
        self.engine.submit(order)
        return order

    def pause(self) -> None:
        time.sleep(0.01)

    def close(self) -> None:
        super().close()
        shut: Callable[[], None] = self.api.close
        shut()
        self.double.close()
