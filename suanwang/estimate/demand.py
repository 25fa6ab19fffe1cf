"""Replicas over time for a demand that changes: a Signal of requests per second in, one of replicas out.

Capacity follows the demand with no delay of its own but is kept for a time after it is needed (`hold`), as starting a
replica takes minutes; `headroom` is room for what a mean over an interval does not show.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil

from suanwang.domain.signal import Signal
from suanwang.units import MICRO, SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What a demand needs over [start, end). `replicas`: how many at which time. Hours are of accelerators.

    `following_hours`: replicas started and stopped with the demand; `fixed_hours`: the most of them all the time.
    `tokens`: output tokens of all requests.
    """

    replicas: Signal
    cards_per_replica: int
    requests: float
    tokens: float
    peak: int
    mean: float
    following_hours: float
    fixed_hours: float

    def hours_per_million_tokens(self, hours: float) -> float:
        """Accelerator-hours for a million output tokens; `hours` is one of the two above."""
        return hours / self.tokens * 1e6


def fleet(
    demand: Signal,
    start: datetime,
    end: datetime,
    *,
    replica_requests_per_s: float,
    cards_per_replica: int,
    output_tokens: int,
    headroom: float = 0.2,
    hold: timedelta = timedelta(minutes=10),
) -> Fleet:
    """Replicas for a demand in requests/s. At least one, as a model that is served answers at any time.

    Raises ValueError for an empty interval or a demand without a request.
    """
    pieces = demand.pieces(start, end)
    requests = float(demand.integral(start, end)) * SECONDS_PER_HOUR
    if not pieces or requests <= 0:
        raise ValueError("a demand needs an interval and a request")
    needed = [
        (a, b, max(1, ceil(micro / MICRO * (1 + headroom) / replica_requests_per_s - 1e-9))) for a, b, micro in pieces
    ]
    kept = held(needed, hold)
    edges, counts = [kept[0][0]], [kept[0][2]]
    for a, _, count in kept[1:]:
        if count != counts[-1]:
            edges.append(a)
            counts.append(count)
    replicas = Signal("replicas", tuple(edges), tuple(c * MICRO for c in counts), kept[-1][1])
    hours = float(replicas.integral(start, end))
    peak = max(counts)
    span = (end - start).total_seconds() / SECONDS_PER_HOUR
    return Fleet(
        replicas=replicas,
        cards_per_replica=cards_per_replica,
        requests=requests,
        tokens=requests * output_tokens,
        peak=peak,
        mean=hours / span,
        following_hours=hours * cards_per_replica,
        fixed_hours=peak * span * cards_per_replica,
    )


def held(needed: list[tuple[datetime, datetime, int]], hold: timedelta) -> list[tuple[datetime, datetime, int]]:
    """Pieces (from, to, replicas), with every count kept for `hold` after the piece that needed it has ended."""
    cuts = sorted({t for a, b, _ in needed for t in (a, b, b + hold)})
    first, last = needed[0][0], needed[-1][1]
    cuts = [t for t in cuts if first <= t <= last]
    result: list[tuple[datetime, datetime, int]] = []
    oldest = 0
    for start, end in pairwise(cuts):
        while needed[oldest][1] + hold <= start:
            oldest += 1
        count, index = 0, oldest
        while index < len(needed) and needed[index][0] <= start:
            count = max(count, needed[index][2])
            index += 1
        result.append((start, end, count))
    return result
