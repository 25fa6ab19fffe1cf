"""Metrics for Prometheus: requests, ticks, the queue, sites, the ledger and the money. They are read with a token."""

from collections.abc import Iterator

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from suanwang.domain.identity import Permission
from suanwang.interfaces.serving.caller import needs
from suanwang.interfaces.serving.front import Front, front_of
from suanwang.service.listing import ask_pools
from suanwang.units import MICRO

router = APIRouter(tags=["health"], include_in_schema=False)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/metrics", dependencies=[Depends(needs(Permission.LEDGER_READ))])
def metrics(request: Request) -> Response:
    """Everything that is counted, as it is at this moment."""
    registry = CollectorRegistry()
    registry.register(_Moment(front_of(request)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE)


class _Moment:
    """What Prometheus calls a collector: it reads everything anew for each answer."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def collect(self) -> Iterator[Metric]:
        yield from _requests(self._front)
        yield from _ticks(self._front)
        yield from _grid(self._front)


def _requests(front: Front) -> Iterator[Metric]:
    counted = CounterMetricFamily("suanwang_requests", "Requests answered, by class of status.", labels=["status"])
    for status, count in front.served.by_status().items():
        counted.add_metric([status], count)
    yield counted
    times = HistogramMetricFamily("suanwang_request_seconds", "How long answers took.")
    times.add_metric([], front.served.buckets(), front.served.total("seconds"))
    yield times
    yield GaugeMetricFamily("suanwang_requests_in_flight", "Requests being answered.", front.served.total("in_flight"))
    yield GaugeMetricFamily("suanwang_streams_open", "Event streams that are open.", front.served.total("streams"))
    reads, faults = front.served.total("signal_reads"), front.served.total("signal_faults")
    yield CounterMetricFamily("suanwang_signal_reads", "Times that the signals of sites were read.", reads)
    yield CounterMetricFamily("suanwang_signal_faults", "Signals that could not be read; the last ones hold.", faults)


def _ticks(front: Front) -> Iterator[Metric]:
    total = front.served.total
    if not total("ticking"):
        return
    yield CounterMetricFamily("suanwang_ticks", "Ticks of this hub.", total("ticks"))
    yield CounterMetricFamily("suanwang_tick_faults", "Ticks of this hub that did not end well.", total("tick_faults"))
    yield GaugeMetricFamily("suanwang_tick_seconds", "How long the last tick took.", total("tick_seconds"))
    yield CounterMetricFamily("suanwang_jobs_replanned", "Waiting jobs that this hub has moved.", total("replanned"))
    yield GaugeMetricFamily("suanwang_tick_leader", "1 while this hub holds the lease.", total("tick_leader"))


def _grid(front: Front) -> Iterator[Metric]:
    house = front.house
    with house.store.reading() as tx:
        counts, balances, last = tx.operations.job_counts(), tx.ledger.balances(), tx.ledger.last()[0]
        drained = len(tx.operations.drained())
    jobs = GaugeMetricFamily("suanwang_jobs", "Jobs, by state.", labels=["state"])
    for state, count in sorted(counts.items()):
        jobs.add_metric([state], count)
    yield jobs
    yield CounterMetricFamily("suanwang_transfers", "Transfers of the ledger.", last)
    yield GaugeMetricFamily("suanwang_drains", "Sites and pools that take no new work.", drained)
    money = GaugeMetricFamily(
        "suanwang_balance", "Posted balances, by kind of account, in units.", labels=["kind", "unit"]
    )
    sums: dict[tuple[str, str], int] = {}
    for balance in balances:
        key = (balance.account_id.partition(":")[0], balance.unit)
        sums[key] = sums.get(key, 0) + balance.posted
    for (kind, unit), micro in sorted(sums.items()):
        money.add_metric([kind, unit], micro / MICRO)
    yield money
    up = GaugeMetricFamily("suanwang_pool_up", "1 where the pool's engine answers and is well.", labels=["pool"])
    free = GaugeMetricFamily("suanwang_pool_free", "Accelerators that are free, as the engine says.", labels=["pool"])
    for pool, capacity in ask_pools(house.hub, house.hub.engines).items():
        up.add_metric([pool], int(capacity is not None and capacity.healthy))
        if capacity is not None:
            free.add_metric([pool], capacity.free)
    yield up
    yield free
