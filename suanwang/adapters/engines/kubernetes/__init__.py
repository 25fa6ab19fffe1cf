"""The Kubernetes engine: an order is a batch/v1 Job, with Kueue's label where the pool names a queue of Kueue's.

It was tested against the official schemas and a double of the API, not on a live cluster.
"""

import hashlib
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from suanwang.adapters.engines.kubernetes.manifest import OPTIONS, KubernetesPool
from suanwang.adapters.engines.options import groups, read_options
from suanwang.adapters.engines.remote import RemoteEngine
from suanwang.domain.site import Pool
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.ports import Clock
from suanwang.settings import Settings

REACHED_BY = ("kubeconfig", "context", "namespace", "energy_url")


def open_engines(pools: Sequence[Pool], settings: Settings, clock: Clock) -> dict[str, RemoteEngine]:
    """One engine for the pools of each cluster and namespace. A pool without options is left out: it can be quoted.

    Raises InvalidInput for options that it does not have, or when the client library is not installed.
    """
    driven = [pool for pool in pools if pool.options]
    if not driven:
        return {}
    options = read_options(OPTIONS, driven)
    if find_spec("kubernetes") is None:
        what = msg("the kubernetes engine needs the Kubernetes client library.")
        remedy = msg("Install it: pip install 'suanwang[{extra}]'.", extra="kubernetes")
        raise InvalidInput([Problem(f"grid.pools[{driven[0].id}].engine", what, remedy)])
    backends = import_module(f"{__name__}.backend")
    engines: dict[str, RemoteEngine] = {}
    for group in groups(driven, options, REACHED_BY):
        first = options[group[0].id]
        key = hashlib.sha256("\n".join(first[name] for name in REACHED_BY).encode()).hexdigest()[:12]
        members = {pool.id: KubernetesPool(pool=pool, options=options[pool.id]) for pool in group}
        config = str(Path(first["kubeconfig"]).expanduser()) if first["kubeconfig"] else ""
        backend = backends.Kubernetes.open(config, first["context"], first["namespace"], members, clock)
        counts = {pool.id: pool.accelerators for pool in group}
        engine = RemoteEngine(settings.home / "kubernetes" / key, backend, counts, clock)
        engines |= dict.fromkeys(counts, engine)
    return engines
