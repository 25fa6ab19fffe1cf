"""Counters of the books as Prometheus text: what was charged, paid, delivered and held since the first transfer."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from suanwang.service.figures import Figure


def metrics_text(figures: Iterable[Figure]) -> str:
    """In the text format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Given(list(figures)))
    return generate_latest(registry).decode()


class _Given(Collector):
    """Figures that are known already."""

    def __init__(self, figures: list[Figure]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        for name in dict.fromkeys(f.name for f in self._figures):
            same = [f for f in self._figures if f.name == name]
            family = CounterMetricFamily if same[0].counts else GaugeMetricFamily
            metric = family(name, same[0].meaning, labels=sorted(same[0].labels))
            for figure in same:
                metric.add_metric([figure.labels[label] for label in sorted(figure.labels)], figure.value)
            yield metric
