"""An external dispatcher of MultiKueue: which clusters a workload of Kueue's is offered to, by the grid's prices.

Kueue leaves that to an outside controller when its configuration names one (`multiKueue.dispatcherName`); it reads
`status.nominatedClusterNames`, and the first cluster of those that reserves quota gets the workload. Written from
Kueue's description of the interface; tried on a double, not on a live Kueue.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kubernetes import client

from suanwang.adapters.engines.kubernetes.backend import ask, connected

GROUP, PLURAL = "kueue.x-k8s.io", "workloads"
Choose = Callable[[Mapping[str, Any]], Sequence[str]]


def waits_for_clusters(workload: Mapping[str, Any]) -> bool:
    """Whether quota is reserved for it here, and no cluster is nominated for it or has it yet."""
    status = workload.get("status", {})
    holds = {c["type"] for c in status.get("conditions", []) if c["status"] == "True"}
    taken = status.get("clusterName") or status.get("nominatedClusterNames")
    return "QuotaReserved" in holds and not holds & {"Finished", "Evicted"} and not taken


def accelerators_of(workload: Mapping[str, Any], resource: str) -> int:
    """How many of an extended resource all its pods ask for together."""
    total = 0
    for pods in workload.get("spec", {}).get("podSets", []):
        containers = pods.get("template", {}).get("spec", {}).get("containers", [])
        each = sum(int(c.get("resources", {}).get("requests", {}).get(resource, 0)) for c in containers)
        total += each * int(pods.get("count", 1))
    return total


class Dispatcher:
    """`choose`: clusters for a workload, best first; none: it waits, and is looked at again."""

    def __init__(self, api: Any, choose: Choose, version: str = "v1beta1") -> None:
        self._objects = client.CustomObjectsApi(api)
        self._choose = choose
        self._version = version

    @classmethod
    def open(cls, kubeconfig: str, context: str, choose: Choose) -> "Dispatcher":
        """On the manager cluster of a kubeconfig."""
        return cls(connected(kubeconfig, context), choose)

    def nominate(self) -> dict[str, list[str]]:
        """Look once at every workload; what was nominated, by namespace/name. A repeat changes nothing."""
        listed = ask(self._objects.list_cluster_custom_object, GROUP, self._version, PLURAL)
        done: dict[str, list[str]] = {}
        for workload in listed.get("items", []):
            names = list(self._choose(workload)) if waits_for_clusters(workload) else []
            if names:
                namespace, name = workload["metadata"]["namespace"], workload["metadata"]["name"]
                body = {"status": {"nominatedClusterNames": names}}
                patch = self._objects.patch_namespaced_custom_object_status
                ask(patch, GROUP, self._version, namespace, PLURAL, name, body)
                done[f"{namespace}/{name}"] = names
        return done


def cheapest(prices: Mapping[str, float], fits: Mapping[str, int], resource: str, most: int = 3) -> Choose:
    """Clusters by the price of an accelerator-hour now, of those that have as many accelerators as are asked for.

    `prices` and `fits` by cluster; at most `most` are offered it at once.
    """

    def choose(workload: Mapping[str, Any]) -> list[str]:
        wanted = accelerators_of(workload, resource)
        able = [name for name in prices if fits.get(name, 0) >= wanted]
        return sorted(able, key=lambda name: (prices[name], name))[:most]

    return choose
