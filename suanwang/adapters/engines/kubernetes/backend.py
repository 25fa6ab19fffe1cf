"""Kubernetes as a backend: its official client, Jobs and pods as plain JSON, two lists for all orders.

A Job's own start time is when its controller noticed it; what is billed starts with the first container.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from suanwang.adapters.engines.kubernetes.manifest import (
    LABEL,
    ORDER,
    OURS,
    KubernetesPool,
    check,
    job_of,
    name_of,
    service_of,
)
from suanwang.adapters.engines.remote import Ground, Sight
from suanwang.adapters.meters.dcgm import Dcgm
from suanwang.domain.order import Ability, EndCause, Lacks, Order, Outage
from suanwang.errors import Never, NotNow, msg
from suanwang.ports import Clock

PAGE = 500
LEAST_S = 0.001
"""Kubernetes keeps whole seconds: a program that began and ended within one of them ran for this long."""
TIMEOUT_S = 30
EXPIRED, CONFLICT, MISSING = 410, 409, 404
LACKS: Lacks = {
    Ability.ARRAYS: msg("Each order is a Job of its own: its pods differ in their environment."),
    Ability.CPU: msg("The API keeps no usage of pods that have ended."),
    Ability.MEMORY: msg("The API keeps no usage of pods that have ended."),
    Ability.ENERGY: msg("The API has no energy; a DCGM exporter on the nodes has."),
}
LOST_REASONS = frozenset(
    {"NodeLost", "Evicted", "Preempting", "Shutdown", "NodeShutdown", "Terminated", "UnexpectedAdmissionError"}
)


class Kubernetes:
    """`Backend` on one namespace."""

    name = "kubernetes"

    def __init__(
        self, api: Any, namespace: str, pools: Mapping[str, KubernetesPool], clock: Clock, meter: Dcgm | None = None
    ) -> None:
        self._meter = meter
        self._batch, self._core = client.BatchV1Api(api), client.CoreV1Api(api)
        self._namespace = namespace
        self._pools = pools
        self._clock = clock

    @classmethod
    def open(
        cls, kubeconfig: str, context: str, namespace: str, pools: Mapping[str, KubernetesPool], clock: Clock
    ) -> "Kubernetes":
        """From a kubeconfig, or from inside of a cluster. Raises NotNow(engine-unreachable)."""
        api = connected(kubeconfig, context)
        url = next(iter(pools.values())).options["energy_url"]
        return cls(api, namespace, pools, clock, Dcgm(url, "pod") if url else None)

    def lacks(self) -> Lacks:
        if all(pool.options["state_claim"] for pool in self._pools.values()):
            return LACKS
        return {**LACKS, Ability.DATA: msg("The pools name no state_claim, a volume that outlives a pod.")}

    def check(self, order: Order) -> None:
        check(order)
        job_of(self._pools[order.pool_id], order, 1.0)

    def create(self, order: Order) -> None:
        """A Job of that name that is there is ours: names follow from ids."""
        pool = self._pools[order.pool_id]
        body = job_of(pool, order, self._clock.wall_seconds(order.time_limit_s))
        if body["spec"]["completions"] > 1:
            ask(self._core.create_namespaced_service, self._namespace, service_of(order), known={CONFLICT})
        ask(self._batch.create_namespaced_job, self._namespace, body, known={CONFLICT})

    def stop(self, order_id: str) -> None:
        """In the foreground: the Job is there until its pods are gone."""
        options = {"propagationPolicy": "Foreground"}
        name = name_of(order_id)
        ask(self._batch.delete_namespaced_job, name, self._namespace, body=options, known={MISSING, CONFLICT})
        ask(self._core.delete_namespaced_service, name, self._namespace, known={MISSING})

    def look(self, orders: Sequence[Order]) -> Mapping[str, Sight]:
        jobs = {job["metadata"]["name"]: job for job in self._list(self._batch.list_namespaced_job)}
        pods: dict[str, list[dict[str, Any]]] = {}
        for pod in self._list(self._core.list_namespaced_pod):
            pods.setdefault(_job_name(pod), []).append(pod)
        found = {}
        for order in orders:
            name = name_of(order.id)
            if name in jobs and jobs[name]["metadata"].get("annotations", {}).get(ORDER) == order.id:
                found[order.id] = self._metered(name, sight_of(jobs[name], pods.get(name, [])))
        return found

    def _metered(self, name: str, sight: Sight) -> Sight:
        """With the energy of its pods, when it is over."""
        if self._meter is None or sight.cause is None or sight.started is None or sight.ended is None:
            return sight
        return replace(sight, energy_kwh_it=self._meter.energy_kwh(f"{name}-.*", sight.started, sight.ended))

    def ground(self, pool_id: str) -> Ground:
        """Nodes that are ready and open, less what pods that are not ours ask of them."""
        pool = self._pools[pool_id]
        resource, now = pool.resource, self._clock.now()
        up: dict[str, int] = {}
        outages: list[Outage] = []
        selector = ",".join(f"{k}={v}" for k, v in pool.selector.items())
        for node in self._pages(lambda **page: self._core.list_node(label_selector=selector, **page)):
            count = int(node.get("status", {}).get("allocatable", {}).get(resource, "0"))
            why = _shut(node)
            if count and why:
                name = node["metadata"]["name"]
                outages.append(Outage(start=now, end=None, accelerators=count, why=f"{name}: {why}"))
            elif count:
                up[node["metadata"]["name"]] = count
        others = sum(_asks(pod, resource) for pod in self._others() if pod["spec"].get("nodeName") in up)
        detail = "" if up else f"no node is ready that has {resource}"
        return Ground(accelerators=sum(up.values()), others=others, outages=tuple(outages), detail=detail)

    def output(self, order_id: str) -> bytes:
        """Of the pod of index 0, from its start."""
        pods = [pod for pod in self._list(self._core.list_namespaced_pod) if _job_name(pod) == name_of(order_id)]
        first = min(pods, key=_index, default=None)
        if first is None:
            return b""
        return ask_raw(
            self._core.read_namespaced_pod_log, first["metadata"]["name"], self._namespace, known={MISSING, 400}
        )

    def _others(self) -> Iterator[dict[str, Any]]:
        """Pods of anybody else that have not ended."""
        query = "status.phase!=Succeeded,status.phase!=Failed"
        label = f"{LABEL}!={OURS}"
        return self._pages(
            lambda **page: self._core.list_pod_for_all_namespaces(field_selector=query, label_selector=label, **page)
        )

    def _list(self, call: Callable[..., Any]) -> Iterator[dict[str, Any]]:
        label = f"{LABEL}={OURS}"
        return self._pages(lambda **page: call(self._namespace, label_selector=label, **page))

    def _pages(self, call: Callable[..., Any]) -> Iterator[dict[str, Any]]:
        """All items of a list, in pages; from the start again when the server has forgotten the page (410)."""
        for again in (True, False):
            items: list[dict[str, Any]] = []
            try:
                token = ""
                while True:
                    known = ask(call, limit=PAGE, _continue=token)
                    items += known.get("items", [])
                    token = known.get("metadata", {}).get("continue", "")
                    if not token:
                        return iter(items)
            except _Expired:
                if not again:
                    raise _unreachable("its list changes faster than it can be read") from None
        raise AssertionError("unreachable")


class _Expired(Exception):
    """The server has forgotten where a list was (410 Gone)."""


def sight_of(job: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]) -> Sight:
    """What a Job and its pods say. Over when the Job has the condition Complete or Failed."""
    states = [s for pod in pods for s in pod.get("status", {}).get("containerStatuses", [])]
    ran = [s["state"][kind] for s in states for kind in ("running", "terminated") if kind in s.get("state", {})]
    starts = [when for one in ran if (when := _seconds(one.get("startedAt"))) is not None]
    ends = [when for one in ran if (when := _seconds(one.get("finishedAt"))) is not None]
    over = [
        c
        for c in job.get("status", {}).get("conditions", [])
        if c["type"] in ("Complete", "Failed") and c["status"] == "True"
    ]
    evidence = {
        "job": str(job["metadata"]["name"]),
        "uid": str(job["metadata"].get("uid", "")),
        "nodes": ",".join(sorted({str(p["spec"]["nodeName"]) for p in pods if p.get("spec", {}).get("nodeName")})),
        "reason": str(over[0].get("reason", "")) if over else "",
    }
    cause, code = (None, None) if not over else _cause(over[0], pods)
    ended = max(ends, default=_seconds(over[0].get("lastTransitionTime"))) if over else None
    started = min(starts, default=None)
    if started is not None and ended is not None:
        ended = max(ended, started + LEAST_S)
    return Sight(
        started=started,
        ended=ended,
        cause=cause,
        exit_code=code,
        evidence={name: value for name, value in evidence.items() if value},
    )


def _cause(condition: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]) -> tuple[EndCause, int | None]:
    """Why it ended, with the exit code of the program that failed first, or 0."""
    if condition["type"] == "Complete":
        return EndCause.EXITED, 0
    ended = sorted(
        (
            s["state"]["terminated"]
            for p in pods
            for s in p["status"].get("containerStatuses", [])
            if "terminated" in s["state"]
        ),
        key=lambda one: str(one.get("finishedAt", "")),
    )
    code = next((int(one["exitCode"]) for one in ended if one.get("exitCode")), None)
    if condition.get("reason") == "DeadlineExceeded":
        return EndCause.TIME_LIMIT, code
    lost = any(p["status"].get("reason") in LOST_REASONS or _disrupted(p) for p in pods)
    if lost or code is None:
        return EndCause.LOST, None
    return (EndCause.SIGNALLED if 128 < code <= 192 else EndCause.EXITED), code


def _disrupted(pod: Mapping[str, Any]) -> bool:
    return any(c["type"] == "DisruptionTarget" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def _shut(node: Mapping[str, Any]) -> str:
    """Why a node takes no pods; "" when it does."""
    if node.get("spec", {}).get("unschedulable"):
        return "cordoned"
    conditions = {c["type"]: c["status"] for c in node.get("status", {}).get("conditions", [])}
    return "" if conditions.get("Ready") == "True" else "not ready"


def _asks(pod: Mapping[str, Any], resource: str) -> int:
    containers = pod.get("spec", {}).get("containers", [])
    return sum(int(c.get("resources", {}).get("limits", {}).get(resource, 0)) for c in containers)


def _job_name(pod: Mapping[str, Any]) -> str:
    labels = pod["metadata"].get("labels", {})
    return str(labels.get("batch.kubernetes.io/job-name") or labels.get("job-name", ""))


def _index(pod: Mapping[str, Any]) -> int:
    return int(pod["metadata"].get("annotations", {}).get("batch.kubernetes.io/job-completion-index", "0"))


def connected(kubeconfig: str, context: str) -> Any:
    """A connection from a kubeconfig, or from inside of a cluster. Raises NotNow(engine-unreachable)."""
    connect: Callable[..., Any] = config.new_client_from_config
    try:
        return connect(kubeconfig or None, context or None)
    except (config.ConfigException, OSError) as error:
        raise _unreachable(str(error)) from error


def _seconds(text: str | None) -> float | None:
    return None if not text else datetime.fromisoformat(text).timestamp()


def ask(call: Callable[..., Any], *arguments: Any, known: frozenset[int] | set[int] = frozenset(), **more: Any) -> Any:
    """The answer as JSON; {} for the statuses that are `known` to be no harm."""
    return json.loads(ask_raw(call, *arguments, known=known, **more) or b"{}")


def ask_raw(
    call: Callable[..., Any], *arguments: Any, known: frozenset[int] | set[int] = frozenset(), **more: Any
) -> bytes:
    try:
        answer = call(*arguments, _preload_content=False, _request_timeout=TIMEOUT_S, **more)
        return bytes(answer.data)
    except ApiException as error:
        if error.status in known:
            return b""
        if error.status == EXPIRED:
            raise _Expired from error
        if error.status in (400, 403, 413, 422):
            why = _message(error.body)
            raise Never(
                "engine-refused",
                msg("Kubernetes refused it: {why}", why=why),
                msg("Correct the order or the pool's options."),
            ) from error
        raise _unreachable(f"{error.status} {error.reason}") from error
    except (HTTPError, OSError) as error:
        raise _unreachable(str(error)) from error


def _message(body: Any) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return str(body)[:300]


def _unreachable(why: str) -> NotNow:
    return NotNow("engine-unreachable", msg("Kubernetes does not answer: {why}", why=why), msg("It is tried again."))
