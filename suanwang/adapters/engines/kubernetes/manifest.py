"""The Job of an order: what the pool's options and the order make of it.

Nothing of it restarts by itself (`backoffLimit: 0`, `restartPolicy: Never`, pods replaced only when they have failed):
another attempt is the grid's to make, under another name. Kubernetes itself says that "the same program may sometimes
be started twice"; where a pool has a `state_claim`, a hard link on that volume keeps the second one from running.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from suanwang.adapters.engines.devices import RESOURCE_NAMES
from suanwang.adapters.engines.options import Option
from suanwang.adapters.engines.programs import refused
from suanwang.domain.order import Order
from suanwang.domain.site import Pool
from suanwang.errors import msg

IMAGE = "SUANWANG_IMAGE"
LABEL, QUEUE_LABEL = "app.kubernetes.io/managed-by", "kueue.x-k8s.io/queue-name"
OURS, ORDER = "suanwang", "suanwang/order"
STATE = "/suanwang"
OBJECT_BYTES_MAX = 1_000_000
"""The API server takes objects of up to 1.5 MiB."""
ENV_NAME = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]*")

OPTIONS = (
    Option(name="kubeconfig", default="", description="kubeconfig file; in-cluster or ~/.kube/config if not given."),
    Option(name="context", default="", description="Context of the kubeconfig; its current one if not given."),
    Option(name="namespace", default="default", description="Namespace of the Jobs."),
    Option(name="image", default="", description="Image of orders that name none in SUANWANG_IMAGE.", needed=True),
    Option(
        name="resource", default="", description="Extended resource that counts the accelerators; by vendor if empty."
    ),
    Option(
        name="kueue", default="no", description="yes: the pool's queue is a LocalQueue of Kueue's.", among=("yes", "no")
    ),
    Option(
        name="node_selector", default="", description="Labels that nodes must have: a=b,c=d.", check=lambda t: _pairs(t)
    ),
    Option(
        name="service_account", default="", description="Service account of the pods; the namespace's if not given."
    ),
    Option(name="energy_url", default="", description="Prometheus that keeps what DCGM exporters say of the nodes."),
    Option(name="priority_class", default="", description="Priority class of the pods."),
    Option(name="state_claim", default="", description="Persistent volume claim for checkpoints and output."),
    Option(
        name="cpus", default="0", description="Processors for each accelerator; none are asked for at 0.", check=int
    ),
    Option(name="memory_mb", default="0", description="MB for each accelerator; none is asked for at 0.", check=int),
)

ONCE = """\
run=/suanwang/orders/$SUANWANG_ORDER
mkdir -p "$run" "$SUANWANG_CHECKPOINT_DIR" "$SUANWANG_DATA_DIR" "$SUANWANG_OUTPUT_DIR"
mine=$run/claim.$HOSTNAME.${JOB_COMPLETION_INDEX:-0}.$$; echo "$HOSTNAME" > "$mine"
ln "$mine" "$run/claim.${JOB_COMPLETION_INDEX:-0}" || { echo "another pod runs this order"; exit 75; }
exec "$@"
"""


def _pairs(text: str) -> dict[str, str]:
    """`a=b,c=d`; raises ValueError."""
    pairs = [part.partition("=") for part in text.split(",") if part]
    if not all(name and sign for name, sign, _ in pairs):
        raise ValueError(text)
    return {name.strip(): value.strip() for name, _, value in pairs}


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesPool:
    """A pool and its options, read."""

    pool: Pool
    options: Mapping[str, str]

    @property
    def resource(self) -> str:
        """Raises Never(engine-refused) where the vendor's device plugin is not known."""
        name = self.options["resource"] or RESOURCE_NAMES.get(self.pool.accelerator.vendor, "")
        if not name:
            what = msg("no resource name is known for accelerators of {vendor}", vendor=self.pool.accelerator.vendor)
            raise refused(what)
        return name

    @property
    def selector(self) -> dict[str, str]:
        return _pairs(self.options["node_selector"])

    def nodes_for(self, order: Order) -> int:
        """Over how many pods its accelerators spread evenly. Raises Never(engine-refused) where they cannot."""
        count = order.accelerators
        fewest = max(1, math.ceil(count / self.pool.accelerators_per_node))
        found = next((n for n in range(fewest, self.pool.nodes + 1) if count % n == 0), None)
        if found is None:
            what = msg(
                "{count} accelerators do not spread evenly over nodes of pool {pool}", count=count, pool=self.pool.id
            )
            raise refused(what)
        return found


def name_of(order_id: str) -> str:
    """A name that Kubernetes takes (RFC 1123 label), the same for the same order: readable, with a hash."""
    plain = re.sub(r"[^a-z0-9]+", "-", order_id.lower()).strip("-")[:30]
    return f"sw-{plain}-{hashlib.sha256(order_id.encode()).hexdigest()[:10]}".replace("--", "-")


def check(order: Order) -> None:
    """Raises Never(engine-refused) for what no Job can carry."""
    words = [*order.command, *order.environment, *order.environment.values(), order.directory]
    try:
        size = sum(len(word.encode()) for word in words)
    except UnicodeEncodeError:
        raise refused(msg("Kubernetes takes only text: order {order} has other bytes", order=order.id)) from None
    if size > OBJECT_BYTES_MAX:
        raise refused(msg("order {order} has {size} bytes, more than Kubernetes takes", order=order.id, size=size))
    odd = [name for name in order.environment if ENV_NAME.fullmatch(name) is None]
    if odd:
        raise refused(msg("Kubernetes takes no variable of the name {name!r}", name=odd[0]))


def job_of(pool: KubernetesPool, order: Order, limit_s: float) -> dict[str, Any]:
    """The manifest, valid for batch/v1 from Kubernetes 1.28 on. `limit_s` in wall seconds."""
    name, nodes = name_of(order.id), pool.nodes_for(order)
    queue = order.queue or pool.pool.queue
    kueue = pool.options["kueue"] == "yes" and bool(queue)
    labels = {LABEL: OURS, "suanwang/pool": pool.pool.id}
    spec: dict[str, Any] = {
        "backoffLimit": 0,
        "completions": nodes,
        "parallelism": nodes,
        "completionMode": "Indexed",
        "podReplacementPolicy": "Failed",
        "suspend": kueue,  # Kueue admits it by taking this back
        "template": {"metadata": {"labels": labels}, "spec": _pod(pool, order, name, nodes)},
    }
    if not math.isinf(limit_s):
        spec["activeDeadlineSeconds"] = max(1, math.ceil(limit_s))
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "labels": labels | ({QUEUE_LABEL: queue} if kueue else {}),
            "annotations": {ORDER: order.id},
        },
        "spec": spec,
    }


def service_of(order: Order) -> dict[str, Any]:
    """The headless Service by which the pods of a gang find its first one."""
    name = name_of(order.id)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": {LABEL: OURS}},
        "spec": {
            "clusterIP": "None",
            "selector": {"batch.kubernetes.io/job-name": name},
            "publishNotReadyAddresses": True,
        },
    }


def _pod(pool: KubernetesPool, order: Order, name: str, nodes: int) -> dict[str, Any]:
    claim, state = pool.options["state_claim"], order.state_key or order.job_id
    container: dict[str, Any] = {
        "name": "program",
        "image": order.environment.get(IMAGE) or pool.options["image"],
        "command": [_literal(word) for word in order.command],
        "env": [{"name": k, "value": _literal(v)} for k, v in _environment(order, name, nodes, state).items()],
        "resources": _resources(pool, order.accelerators // nodes),
    }
    spec: dict[str, Any] = {"restartPolicy": "Never", "containers": [container]}
    if order.directory:
        container["workingDir"] = order.directory
    if claim:
        container["command"] = ["/bin/sh", "-c", _literal(ONCE), "sh", *container["command"]]
        container["volumeMounts"] = [{"name": "state", "mountPath": STATE}]
        spec["volumes"] = [{"name": "state", "persistentVolumeClaim": {"claimName": claim}}]
    if nodes > 1:
        spec["subdomain"] = name
    if pool.selector:
        spec["nodeSelector"] = pool.selector
    for field, option in (("serviceAccountName", "service_account"), ("priorityClassName", "priority_class")):
        if pool.options[option]:
            spec[field] = pool.options[option]
    return spec


def _environment(order: Order, name: str, nodes: int, state: str) -> dict[str, str]:
    ours = {
        "SUANWANG_ORDER": order.id,
        "SUANWANG_JOB_ID": order.job_id,
        "SUANWANG_ATTEMPT": str(order.attempt),
        "SUANWANG_ACCELERATORS": str(order.accelerators),
        "SUANWANG_NODES": str(nodes),
        "SUANWANG_CHECKPOINT_DIR": f"{STATE}/state/{state}/checkpoint",
        "SUANWANG_DATA_DIR": f"{STATE}/state/{state}/data",
        "SUANWANG_OUTPUT_DIR": f"{STATE}/state/{state}/output",
    }
    if nodes > 1:
        ours["SUANWANG_HEAD"] = f"{name}-0.{name}"
    return {**order.environment, **ours}


def _resources(pool: KubernetesPool, each: int) -> dict[str, Any]:
    wanted: dict[str, str] = {}
    if each:
        wanted[pool.resource] = str(each)
    if each and pool.options["cpus"] != "0":
        wanted["cpu"] = str(int(pool.options["cpus"]) * each)
    if each and pool.options["memory_mb"] != "0":
        wanted["memory"] = f"{int(pool.options['memory_mb']) * each}M"
    return {"limits": wanted, "requests": wanted} if wanted else {}


def _literal(word: str) -> str:
    """Kubernetes puts variables in for $(NAME); `$$(` is a plain `$(`."""
    return word.replace("$(", "$$(")
