"""Backfill with `depth` reservations, written as it is defined and without a thought for speed: the yardstick."""

from math import inf


def conservative_starts(
    submits: list[float], runs: list[float], sizes: list[int], estimates: list[float], capacity: int, depth: int
) -> list[float]:
    """When each job starts. At every second that something happens, all reservations are made from nothing."""
    starts: dict[int, float] = {}
    moments = set(submits)
    while moments:
        now = min(moments)
        moments.remove(now)
        booked = [
            (now, max(starts[j] + estimates[j], now), sizes[j]) for j in starts if starts[j] + runs[j] > now
        ]  # one that is over its estimate holds its accelerators now, and is expected to be gone at once
        held = sum(sizes[j] for j in starts if starts[j] + runs[j] > now)
        waiting = [j for j in range(len(submits)) if submits[j] <= now and j not in starts]
        reserved = 0
        for job in waiting:
            at = _earliest(booked, now, sizes[job], estimates[job], capacity)
            if at == now and held + sizes[job] <= capacity:
                starts[job] = now
                held += sizes[job]
                moments.add(now + runs[job])
            elif reserved >= depth:
                continue
            else:
                reserved += 1
            booked.append((at, at + estimates[job], sizes[job]))
    return [starts[j] for j in range(len(submits))]


def _earliest(booked: list[tuple[float, float, int]], now: float, size: int, lasts: float, capacity: int) -> float:
    """The first instant, now or at the end of something, from which so many are free for so long."""
    for at in sorted({now, *(end for _, end, _ in booked if end > now)}):
        instants = {at, *(begin for begin, _, _ in booked if at < begin < at + lasts)}
        if all(sum(n for b, e, n in booked if b <= t < e) + size <= capacity for t in instants):
            return at
    return inf
