"""The rigs of the Slurm engine, on a real cluster."""

import time
from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError
from typing import cast

from suanwang.adapters.clock import SystemClock
from suanwang.adapters.engines.options import read_options
from suanwang.adapters.engines.slurm.cluster import Cluster
from suanwang.adapters.engines.slurm.commands import Commands
from suanwang.adapters.engines.slurm.engine import SlurmEngine
from suanwang.adapters.engines.slurm.pools import OPTIONS, SlurmPool
from suanwang.adapters.engines.slurm.rest import Rest
from suanwang.domain.order import Order, OrderState
from suanwang.domain.site import Pool
from tests.contract.engine_rig import ACCELERATORS, OTHER_POOL, POOL, Rig
from tests.small_grid import CARD
from tools.slurm_clusters import SlurmClusters

SITE = "guian"


def slurm_pools(**options: str) -> list[SlurmPool]:
    """pool-a and pool-b, with these options."""
    pools = [
        Pool(
            id=name,
            site_id=SITE,
            accelerator=CARD,
            nodes=1,
            accelerators_per_node=count,
            engine="slurm",
            price_book_id="book",
            queue="main",
            options={"gres": "gpu:ascend910b", **options},
        )
        for name, count in ((POOL, ACCELERATORS), (OTHER_POOL, 1))
    ]
    read = read_options(OPTIONS, pools)
    return [SlurmPool(pool=pool, options=read[pool.id]) for pool in pools]


class SlurmRig(Rig):
    """Slurm by its commands."""

    fixture = "slurm_clusters"
    engine: SlurmEngine

    def __init__(self, folder: Path, needed: object = None) -> None:
        super().__init__(folder)
        self.clusters = cast(SlurmClusters, needed)
        self.opens = f"""
from tests.contract.slurm_rig import Commands, Rest, SlurmEngine, slurm_pools
cluster = {self.made()}
engine = SlurmEngine(Path(sys.argv[1]) / "root", cluster, slurm_pools(), SystemClock(), poll_share=0.5, forgotten_s=3)
"""
        self.engine = SlurmEngine(
            folder / "root", self.cluster(), slurm_pools(), SystemClock(), poll_share=0.5, forgotten_s=3
        )

    def cluster(self) -> Cluster:
        return Commands(str(self.clusters.conf(SITE)))

    def made(self) -> str:
        """The same, as Python source."""
        return f"Commands({str(self.clusters.conf(SITE))!r})"

    def exits(self, code: int) -> Order:
        return self.order("sh", "-c", f"exit {code}")

    def runs(self) -> Order:
        return self.order("sleep", "600")

    def lose(self) -> Order:
        order = self.runs()
        self.engine.submit(order)
        node = self.wait(order.id, OrderState.RUNNING).evidence["nodes"]
        self.clusters.kill_node(SITE, node)
        self.clusters.run(SITE, "scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        self.clusters.start_node(SITE, node)
        with suppress(CalledProcessError):  # its slurmd has come back by itself (ReturnToService)
            self.clusters.run(SITE, "scontrol", "update", f"nodename={node}", "state=resume")
        self.clusters.start(SITE)
        return order

    def pause(self) -> None:
        time.sleep(0.01)

    def close(self) -> None:
        super().close()
        while self.clusters.run(SITE, "squeue", "-h", "-t", "running,completing"):
            self.pause()


class SlurmRestRig(SlurmRig):
    """Slurm by slurmrestd, with a token."""

    def cluster(self) -> Cluster:
        token = self.clusters.token(SITE)
        self.rest = Rest(self.clusters.rest_url(SITE), lambda: token)
        return self.rest

    def close(self) -> None:
        super().close()
        self.rest.close()

    def made(self) -> str:
        return f"Rest({self.clusters.rest_url(SITE)!r}, lambda: {self.clusters.token(SITE)!r})"
