"""The Kubernetes engine beyond its contract: manifests, restarts of ours, lists that expire, gangs, Kueue, outages."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import kubernetes_validate
import pytest

from suanwang.adapters.clock import SystemClock
from suanwang.adapters.engines.kubernetes import open_engines
from suanwang.adapters.engines.kubernetes.backend import sight_of
from suanwang.adapters.engines.kubernetes.manifest import job_of, name_of, service_of
from suanwang.domain.order import EndCause, OrderState
from suanwang.errors import InvalidInput, Never
from suanwang.settings import read_settings
from tests.contract.engine_rig import POOL
from tests.contract.kubernetes_rig import KubernetesRig, kubernetes_pools
from tests.small_grid import pool


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[KubernetesRig]:
    made = KubernetesRig(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("version", ["1.28", "1.31", "1.34", "1.37"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kueue": "yes", "resource": "huawei.com/Ascend910", "node_selector": "zone=a,kind=b"},
        {"state_claim": "suanwang-state", "cpus": "8", "memory_mb": "1000"},
        {"service_account": "runner", "priority_class": "low"},
    ],
    ids=["plain", "kueue", "state", "names"],
)
def test_manifests_are_valid(rig: KubernetesRig, version: str, options: dict[str, str]) -> None:
    one = kubernetes_pools(**options)[POOL]
    wide = replace(one, pool=replace(one.pool, nodes=4, queue="team"))
    for count in (0, 3, 16):
        order = replace(rig.order("python", "-c", "$(HOME)"), accelerators=count, environment={"A": "$(B)"})
        kubernetes_validate.validate(job_of(wide, order, 90.0), version, strict=True)
        kubernetes_validate.validate(service_of(order), version, strict=True)


def test_a_gang_is_an_indexed_job_that_knows_its_head(rig: KubernetesRig) -> None:
    one = kubernetes_pools(kueue="yes")[POOL]
    wide = replace(one, pool=replace(one.pool, nodes=4, queue="team"))
    order = replace(rig.order("train", "$(A)"), accelerators=16)
    job = job_of(wide, order, 90.5)
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    assert (spec["completions"], spec["parallelism"], spec["backoffLimit"], spec["suspend"]) == (2, 2, 0, True)
    assert spec["activeDeadlineSeconds"] == 91
    assert container["resources"]["limits"] == {"example.com/card": "8"}
    assert container["command"] == ["train", "$$(A)"]
    assert {"name": "SUANWANG_HEAD", "value": f"{name_of(order.id)}-0.{name_of(order.id)}"} in container["env"]
    assert pod["subdomain"] == name_of(order.id)


def test_names_are_labels_and_differ(rig: KubernetesRig) -> None:
    ids = ["a.1", "a-1", "A.1", "x" * 128, "_", "01JQ.2"]
    names = [name_of(order_id) for order_id in ids]
    assert len(set(names)) == len(ids)
    assert all(len(name) <= 63 and name == name.lower() for name in names)


def test_another_process_takes_up_where_one_was_killed(rig: KubernetesRig) -> None:
    order = rig.runs()
    rig.engine.submit(order)
    started = rig.wait(order.id, OrderState.RUNNING).started
    rig.open()
    rig.engine.submit(order)
    assert rig.wait(order.id, OrderState.RUNNING).started == started
    assert sum(line.startswith("POST") for line in rig.double.requests) == 1


def test_a_job_that_somebody_deleted_is_lost_and_not_made_again(rig: KubernetesRig) -> None:
    order = rig.runs()
    rig.engine.submit(order)
    rig.wait(order.id, OrderState.RUNNING)
    rig.double.delete("jobs", "default", name_of(order.id))
    assert rig.wait(order.id).cause is EndCause.LOST
    assert sum(line.startswith("POST") for line in rig.double.requests) == 1


def test_a_list_that_expires_is_read_again(rig: KubernetesRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suanwang.adapters.engines.kubernetes.backend.PAGE", 2)
    orders = [replace(rig.exits(3), accelerators=0) for _ in range(5)]
    for order in orders:
        rig.engine.submit(order)
    rig.double.expire_next = True
    assert [rig.wait(order.id).exit_code for order in orders] == [3] * 5
    assert not rig.double.expire_next


def test_waiting_for_kueue_is_not_billed(rig: KubernetesRig) -> None:
    rig.double.admits = False
    rig.open(kueue="yes")
    order = replace(rig.exits(0), queue="team")
    rig.engine.submit(order)
    for _ in range(10):
        rig.pause()
        assert rig.see(order.id).state is OrderState.PENDING
    rig.double.admits = True
    end = rig.wait(order.id)
    assert end.exit_code == 0
    assert end.started is not None


def test_a_job_counts_from_its_container_not_from_its_controller() -> None:
    job = {"metadata": {"name": "j"}, "status": {"startTime": "2026-01-01T00:00:00Z"}}
    assert sight_of(job, []).started is None
    running = {"state": {"running": {"startedAt": "2026-01-01T00:10:00Z"}}}
    pod = {"metadata": {}, "spec": {"nodeName": "n"}, "status": {"containerStatuses": [running]}}
    assert sight_of(job, [pod]).started == 1767226200.0


def test_a_cordoned_node_is_an_outage(rig: KubernetesRig) -> None:
    node = next(n for n in rig.double.all("nodes") if n["metadata"]["name"] == "node-1")
    node["spec"]["unschedulable"] = True
    capacity = rig.engine.capacity(POOL)
    assert capacity.accelerators == 1
    assert [(o.accelerators, o.why) for o in capacity.outages] == [(8, "node-1: cordoned")]


def test_what_kubernetes_refuses_was_never_taken(rig: KubernetesRig) -> None:
    for change in ({"environment": {"WITH SPACE": "x"}}, {"command": ("x" * 2_000_000,)}, {"command": ("\udcff",)}):
        order = replace(rig.runs(), **change)
        with pytest.raises(Never):
            rig.engine.submit(order)
        assert rig.see(order.id).state is OrderState.UNKNOWN


def test_options_are_checked(tmp_path: Path) -> None:
    settings = read_settings({"SUANWANG_HOME": str(tmp_path)})
    wrong = replace(pool("p", "s"), engine="kubernetes", options={"kueue": "maybe", "node_selector": "a"})
    with pytest.raises(InvalidInput) as found:
        open_engines([wrong], settings, SystemClock())
    assert {p.place.rpartition(".")[2] for p in found.value.problems} == {"kueue", "node_selector", "image"}
    assert open_engines([replace(wrong, options={})], settings, SystemClock()) == {}


@pytest.mark.skipif("SUANWANG_LIVE_KUBECONFIG" not in os.environ, reason="SUANWANG_LIVE_KUBECONFIG names no cluster")
def test_a_live_cluster(tmp_path: Path) -> None:
    """For who has one: runs a pod of `busybox` there, in the namespace `default`."""
    options = {"image": "busybox", "kubeconfig": os.environ["SUANWANG_LIVE_KUBECONFIG"]}
    live = replace(pool(POOL, "site"), nodes=1, accelerators_per_node=1, engine="kubernetes", options=options)
    rig = KubernetesRig(tmp_path)
    rig.engine = open_engines([live], read_settings({"SUANWANG_HOME": str(tmp_path)}), SystemClock())[POOL]
    order = replace(rig.order("sh", "-c", "echo hello; exit 3"), accelerators=0)
    try:
        rig.engine.submit(order)
        assert rig.wait(order.id, turns=30_000).exit_code == 3
        assert rig.engine.logs(order.id) == b"hello\n"
    finally:
        rig.close()
