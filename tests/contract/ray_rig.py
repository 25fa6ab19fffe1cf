"""The rig of the Ray engine, on a real cluster."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, cast

import httpx

from suanwang.adapters.clock import SystemClock
from suanwang.adapters.engines.options import read_options
from suanwang.adapters.engines.ray import OPTIONS, Ray
from suanwang.adapters.engines.remote import RemoteEngine
from suanwang.domain.order import Order, OrderState
from tests.contract.engine_rig import ACCELERATORS, OTHER_POOL, POOL, Rig
from tests.small_grid import pool


class RayRig(Rig):
    """Jobs of Ray's. Ids differ between tests: they share a cluster, which never forgets one."""

    lacks: ClassVar[Mapping[str, str]] = {
        "programs": "each job takes seconds; test_ray.py has the programs",
        "haste": "each job takes seconds",
    }
    fixture = "ray_url"
    engine: RemoteEngine

    def __init__(self, folder: Path, needed: object = None) -> None:
        super().__init__(folder)
        self.url = cast(str, needed)
        self.open()

    def open(self, **options: str) -> None:
        """The engine anew, with these options."""
        given = {"dashboard_url": self.url, "resource": "card", "folder": str(self.folder / "state"), **options}
        pools = {
            name: replace(pool(name, "site"), nodes=1, accelerators_per_node=count, engine="ray", options=given)
            for name, count in ((POOL, ACCELERATORS), (OTHER_POOL, 1))
        }
        self.backend = Ray(self.url, pools, read_options(OPTIONS, pools.values()), SystemClock())
        counts = {name: one.accelerators for name, one in pools.items()}
        self.engine = RemoteEngine(self.folder / "root", self.backend, counts, SystemClock(), look_s=0.2)

    def order(self, *command: str, environment: Mapping[str, str] | None = None) -> Order:
        made = super().order(*command, environment=environment)
        self.submitted[-1] = f"{made.id}.{time.time_ns()}"
        return replace(made, id=self.submitted[-1])

    def exits(self, code: int) -> Order:
        return self.order("sh", "-c", f"exit {code}")

    def runs(self) -> Order:
        return self.order("sleep", "600")

    def lose(self) -> Order:
        order = self.runs()
        self.engine.submit(order)
        self.wait(order.id, OrderState.RUNNING)
        job = f"{self.url}/api/jobs/{order.id}"
        httpx.post(f"{job}/stop").raise_for_status()
        while httpx.get(job).json()["status"] != "STOPPED":
            self.pause()
        httpx.delete(job).raise_for_status()
        return order

    def pause(self) -> None:
        time.sleep(0.1)

    def close(self) -> None:
        super().close()
        self.backend.close()
