"""Which policy a site should take: what it has now against the others on its own jobs, within guard rails."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suanwang.errors import Message, msg
from suanwang.replay.scenario import Case

POLICIES = ("fcfs", "sjf", "predicted_sjf(backfill=yes)", "easy", "conservative", "multifactor", "fair_share", "drf")
STOPPING = ("las", "las(quantum=4h)")
"""Candidates that stop running jobs: only where these have checkpoints."""
GOALS = (
    "mean_wait_s",
    "mean_bounded_slowdown",
    "mean_completion_s",
    "p95_wait_s",
    "makespan_s",
    "energy_cost",
    "carbon_kg",
)
"""Figures of which less is better, and which may be asked for."""

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rails:
    """What a better mean may not cost. `p95`: the 95th percentile of the wait may grow to so many times what it is;
    `fairness`: Jain's index may fall to so many times what it is."""

    p95: float = 1.1
    fairness: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """`best`: its place in the results; 0 is what the site has now. `against`: by place, why a better one is not it."""

    best: int
    against: Mapping[int, Message]


def candidates(now: Case, packings: Sequence[str], *, preemptible: bool, shifting: bool) -> list[Case]:
    """What the site has now first; then every other policy with each packing."""
    policies = [*POLICIES, *(STOPPING if preemptible else ()), *(("shift",) if shifting else ())]
    cases = [Case(policy=policy, packing=packing) for policy in policies for packing in packings]
    return [now, *(case for case in cases if case != now)]


def advise(results: Sequence[Figures], goal: str, rails: Rails) -> Advice:
    """The one with the least `goal` of those that keep the rails; the first unless another is better."""
    now, best, against = results[0], 0, {}
    for place, found in enumerate(results[1:], start=1):
        if found[goal] >= now[goal]:
            continue
        why = _against(found, now, rails)
        if why is not None:
            against[place] = why
        elif found[goal] < results[best][goal]:
            best = place
    return Advice(best=best, against=against)


def _against(found: Figures, now: Figures, rails: Rails) -> Message | None:
    if found["p95_wait_s"] > rails.p95 * now["p95_wait_s"]:
        return msg(
            "One job in twenty waits longer: {h} h instead of {was} h.",
            h=_h(found["p95_wait_s"]),
            was=_h(now["p95_wait_s"]),
        )
    if found["fairness"] < rails.fairness * now["fairness"]:
        return msg(
            "It is less fair: {index} instead of {was} (Jain).",
            index=f"{found['fairness']:.2f}",
            was=f"{now['fairness']:.2f}",
        )
    return None


def _h(seconds: float) -> str:
    return f"{seconds / 3600:,.2f}"


def _short(value: float) -> str:
    """Three digits at least: a wait of half a second is not one of 1 s."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def said(results: Sequence[Figures], advice: Advice, goal: str) -> Message:
    """The recommendation in one sentence."""
    now, best = results[0], results[advice.best]
    if advice.best == 0:
        return msg(
            "Keep {policy}: nothing else that was tried lowers {goal} within the limits.", policy=now["name"], goal=goal
        )
    return msg(
        "Take {policy} instead of {now}: {goal} falls from {was} to {will} ({change}).",
        policy=best["name"],
        now=now["name"],
        goal=goal,
        was=_short(now[goal]),
        will=_short(best[goal]),
        change=f"{best[goal] / now[goal] - 1:+.1%}" if now[goal] else "-",
    )


def fewest(wait_s: Callable[[float], float], allowed_s: float, tries: int = 6) -> float | None:
    """The least share of the accelerators with which the mean wait is at most what is allowed, to a hundredth or so.

    `wait_s`: mean wait with a share of the accelerators. None when even all of them wait longer.
    """
    low, high = 0.3, 1.0
    if wait_s(high) > allowed_s:
        return None
    for _ in range(tries):
        middle = (low + high) / 2
        if wait_s(middle) <= allowed_s:
            high = middle
        else:
            low = middle
    return high
