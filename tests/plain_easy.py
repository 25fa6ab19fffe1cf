"""EASY backfill by its definition, without any shortcut: an independent program to compare with."""


def easy_starts(
    submit: list[float], run: list[float], size: list[int], estimate: list[float], capacity: int
) -> list[float]:
    """When each job starts; jobs by submit time. Every job is looked at anew at every event."""
    start: dict[int, float] = {}
    while len(start) < len(submit):
        events = [s for j, s in enumerate(submit) if j not in start]
        events += [start[j] + run[j] for j in start]
        done = max(start.values(), default=-1.0)
        for now in sorted(e for e in set(events) if e >= done):
            before = len(start)
            _admit(now, start, submit, run, size, estimate, capacity)
            if len(start) > before:
                break
    return [start[j] for j in range(len(submit))]


def _admit(
    now: float,
    start: dict[int, float],
    submit: list[float],
    run: list[float],
    size: list[int],
    estimate: list[float],
    capacity: int,
) -> None:
    waiting = [j for j in range(len(submit)) if submit[j] <= now and j not in start]

    def free() -> int:
        return capacity - sum(size[j] for j, s in start.items() if s + run[j] > now or (s == now and run[j] > 0))

    while waiting and size[waiting[0]] <= free():
        start[waiting.pop(0)] = now
    if not waiting:
        return
    head, rest = waiting[0], waiting[1:]
    held = sorted((max(s + estimate[j], now), size[j]) for j, s in start.items() if s + run[j] > now)
    shadow, spare = now, free()
    for at, (end, released) in enumerate(held):
        spare += released
        shadow = end
        if spare >= size[head] and (at + 1 == len(held) or held[at + 1][0] > end):
            break
    spare -= size[head]
    for j in rest:
        ends_in_time = now + estimate[j] <= shadow
        if size[j] <= free() and (ends_in_time or size[j] <= spare):
            start[j] = now
            spare -= 0 if ends_in_time else size[j]
