"""The options of a pool that Slurm drives, and what they mean for an order: sbatch's options, the script, the count."""

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from suanwang.adapters.engines.devices import VISIBLE_DEVICES
from suanwang.adapters.engines.options import Option
from suanwang.adapters.engines.programs import refused
from suanwang.adapters.engines.shell import GRACE_S, command_text
from suanwang.adapters.engines.slurm.cluster import Node
from suanwang.adapters.engines.slurm.script import Launch
from suanwang.domain.order import Order
from suanwang.domain.site import Pool
from suanwang.errors import msg

IMAGE = "SUANWANG_IMAGE"
"""The variable of an order that names the image it runs in."""
MARGIN_S = 60 + GRACE_S
"""Slurm's own limit comes later than ours: it has whole minutes, and the script is to say how it ended."""

OPTIONS = (
    Option(name="slurm_conf", default="", description="slurm.conf of the cluster; the machine's own if not given."),
    Option(name="rest_url", default="", description="slurmrestd's address, to be used in place of the commands."),
    Option(name="rest_token_file", default="", description="File with the JWT for slurmrestd; read for each request."),
    Option(name="rest_user", default="", description="User of the token; this process's own if not given."),
    Option(name="folder", default="", description="Folder that the nodes see too; in SUANWANG_HOME if not given."),
    Option(name="account", default="", description="Account that is charged at the site (sbatch --account)."),
    Option(name="qos", default="", description="Quality of service (sbatch --qos)."),
    Option(name="reservation", default="", description="Reservation that the jobs run in (sbatch --reservation)."),
    Option(name="constraint", default="", description="Features that nodes must have (sbatch --constraint)."),
    Option(
        name="gres",
        default="gpu",
        description="Generic resource that counts the accelerators, with its type: gpu, gpu:h800, npu; "
        "cpu where processors are counted.",
    ),
    Option(
        name="cpus", default="0", description="Processors for each accelerator; the site's default at 0.", check=int
    ),
    Option(name="memory_mb", default="0", description="MB for each accelerator; the site's default at 0.", check=int),
    Option(
        name="containers",
        default="none",
        description="What runs the image that an order names in SUANWANG_IMAGE.",
        among=("none", "apptainer", "singularity", "pyxis"),
    ),
    Option(name="energy_url", default="", description="Prometheus that keeps what DCGM exporters say of the nodes."),
    Option(name="setup", default="", description="A line of shell before the program, such as module load cann."),
    Option(
        name="sbatch", default="", description="Further long options of sbatch: --licenses=x --nice.", check=shlex.split
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmPool:
    """A pool and its options, read."""

    pool: Pool
    options: Mapping[str, str]

    @property
    def gres(self) -> str:
        return self.options["gres"]

    def nodes_for(self, order: Order) -> int:
        """Over how many nodes its accelerators spread evenly. Raises Never(engine-refused) where they cannot."""
        count, each = order.accelerators, self.pool.accelerators_per_node
        fewest = max(1, math.ceil(count / each))
        found = next((n for n in range(fewest, self.pool.nodes + 1) if count % n == 0), None)
        if found is None:
            raise refused(
                msg(
                    "{count} accelerators do not spread evenly over nodes of pool {pool}",
                    count=count,
                    pool=self.pool.id,
                )
            )
        return found

    def sbatch_options(self, order: Order, limit_s: float) -> dict[str, str]:
        """Long options without dashes. No requeue: another attempt is the grid's to make, under another id."""
        nodes = self.nodes_for(order)
        each = order.accelerators // nodes
        options = {"no-requeue": "", "output": "/dev/null", "error": "/dev/null", "chdir": "/"}
        options |= {"nodes": str(nodes), "ntasks-per-node": "1", "time": _minutes(limit_s)}
        if order.queue or self.pool.queue:
            options["partition"] = order.queue or self.pool.queue
        for name in ("account", "qos", "reservation", "constraint"):
            if self.options[name]:
                options[name] = self.options[name]
        cpus = each if self.gres == "cpu" else int(self.options["cpus"]) * each
        if each and self.gres != "cpu":
            options["gres"] = f"{self.gres}:{each}"
        if cpus:
            options["cpus-per-task"] = str(cpus)
        if each and self.options["memory_mb"] != "0":
            options["mem"] = f"{int(self.options['memory_mb']) * each}M"
        for word in shlex.split(self.options["sbatch"]):
            name, _, value = word.lstrip("-").partition("=")
            options[name] = value
        return options

    def launch(self, root: Path, order: Order, limit_s: float) -> tuple[Launch, str]:
        """What the script needs, and the command. Raises Never(engine-refused) for an image where none can run."""
        image = order.environment.get(IMAGE, "")
        how = self.options["containers"]
        if image and how == "none":
            what = msg(
                "pool {pool} runs no containers, and order {order} names an image", pool=self.pool.id, order=order.id
            )
            raise refused(what)
        folders = [str(root), order.directory] if order.directory else [str(root)]
        mounts = ",".join(f"{folder}:{folder}" for folder in folders)
        prefix = [how, "exec", "--bind", ",".join(folders), image] if image and how != "pyxis" else []
        launch = Launch(
            nodes=self.nodes_for(order),
            accelerators=order.accelerators,
            limit_s=limit_s,
            directory=order.directory,
            devices=VISIBLE_DEVICES.get(self.pool.accelerator.vendor, "") if self.gres != "cpu" else "",
            srun_options=[f"--container-image={image}", f"--container-mounts={mounts}"] if image and not prefix else [],
            setup=self.options["setup"],
        )
        return launch, command_text(order, prefix)

    def counts(self, node: Node) -> bool:
        """Whether the node is one of the pool's: in its partition, with its kind of accelerator."""
        return (not self.pool.queue or self.pool.queue in node.partitions) and node.gres.get(self.gres, 0) > 0


def _minutes(limit_s: float) -> str:
    return "UNLIMITED" if math.isinf(limit_s) else str(math.ceil((limit_s + MARGIN_S) / 60))
