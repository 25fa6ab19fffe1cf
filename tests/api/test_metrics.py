"""Metrics say what happened, to those who may know it."""

from tests.hub_world import HubWorld


def test_metrics_count_what_was_asked(hub: HubWorld) -> None:
    member = hub.client("member")
    assert member.post("/v1/jobs", json=hub.workload()).status_code == 201
    assert member.get("/v1/jobs/none").status_code == 404
    answer = hub.client("auditor").get("/metrics")
    assert answer.status_code == 200
    lines = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    assert float(lines['suanwang_requests_total{status="2xx"}']) >= 1
    assert float(lines['suanwang_requests_total{status="4xx"}']) >= 1
    assert float(lines['suanwang_request_seconds_bucket{le="+Inf"}']) == float(lines["suanwang_request_seconds_count"])
    assert float(lines['suanwang_jobs{state="submitted"}']) == 1
    assert float(lines['suanwang_pool_up{pool="toys"}']) == 1
    assert 'suanwang_balance{kind="tenant",unit="CNY"}' in lines


def test_metrics_are_not_for_everybody(hub: HubWorld) -> None:
    assert hub.client().get("/metrics").status_code == 401
    assert hub.client("admin").get("/metrics").status_code == 403
