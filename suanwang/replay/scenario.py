"""Scenarios: a trace under a policy and a packing, with what is changed against the trace; many can be compared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from math import ceil, floor
from statistics import mean, stdev
from typing import Any

import numpy as np

from suanwang.domain.entitlement import Entitlements
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.replay.costs import Costs, Rates, costs
from suanwang.replay.cycles import Terms, play
from suanwang.replay.engine import Jobs, Played, replay
from suanwang.replay.metrics import Metrics, measure
from suanwang.replay.series import Series, series
from suanwang.schedule.packing.by_name import find_packing, packing_name
from suanwang.schedule.packing.layout import Layout, like_nodes, seeded, whole_demands
from suanwang.schedule.packing.nodes import Demand, Nodes
from suanwang.schedule.packing.shelves import RULES, Shelves
from suanwang.schedule.policies import find_policy
from suanwang.schedule.policy import Holding, Keyed, Policy
from suanwang.schedule.scaling import Scaling
from suanwang.schedule.snapshot import PoolState


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeShape:
    """How a pool's accelerators lie on nodes: so many on each, so many nodes in a rack, racks in a pod (0: all)."""

    per_node: int
    nodes_per_rack: int = 0
    racks_per_pod: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Elasticity:
    """What a trace does not tell of its jobs: that they run on `least` to `most` times what they asked for, with a
    serial share. An assumption; results with it say so."""

    least: float
    most: float
    serial: float

    def scaling(self, _number: int, size: int) -> Scaling:
        """Of a job that asked for so many; at least 1."""
        low, high = max(1, ceil(size * self.least)), max(1, floor(size * self.most))
        return Scaling(least=min(low, size), most=max(high, size), serial=self.serial)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where a trace is played: pools with nothing on them, what they cost (none: not known), and the terms."""

    jobs: Jobs
    pools: tuple[PoolState, ...]
    begin: datetime
    shape: NodeShape | None = None
    rates: tuple[Rates, ...] = ()
    currency: str = ""
    entitlements: Entitlements = Entitlements()
    elasticity: Elasticity | None = None
    restart_s: float = 0.0
    every_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One line of a comparison. `changes`: by name (CHANGES), against the ground."""

    policy: str
    packing: str = ""
    changes: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """As a table's head names it."""
        changed = ", ".join(f"{name}={value:g}" for name, value in self.changes.items())
        return self.policy + (f" + {self.packing}" if self.packing else "") + (f" ({changed})" if changed else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a case with one seed."""

    metrics: Metrics
    costs: Costs | None
    series: Series | None


def run_case(
    ground: Ground,
    case: Case,
    seed: int = 0,
    *,
    timeline: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Play it. Raises NotFound, InvalidInput."""
    ground = changed(ground, case.changes, seed)
    policy = find_policy(case.policy)
    played = _play(ground, policy, case.packing, seed, progress)
    money = costs(played, ground.rates, ground.currency) if ground.rates else None
    return Outcome(metrics=measure(played), costs=money, series=series(played) if timeline else None)


def play_case(ground: Ground, case: Case, seed: int = 0) -> Played:
    """What ran when, for those who measure it otherwise. Raises NotFound, InvalidInput."""
    return _play(changed(ground, case.changes, seed), find_policy(case.policy), case.packing, seed, None)


def _play(ground: Ground, policy: Policy, packing: str, seed: int, progress: Callable[[int], None] | None) -> Played:
    """A queue that never changes its order is kept from event to event; any other policy is asked for each cycle."""
    jobs = ground.jobs
    layouts = [_layout(ground, pool, packing, seed) for pool in ground.pools]
    plain = len(ground.pools) == 1 and not jobs.speeds and not ground.every_s
    if plain and isinstance(policy, Keyed) and not isinstance(policy, Holding):
        keys = policy.keys(jobs.submit_s, jobs.estimate_s)
        return replay(jobs, ground.pools[0].accelerators, policy.queue, keys, layouts[0])
    pools = [replace(pool, layout=layout) for pool, layout in zip(ground.pools, layouts, strict=True)]
    terms = Terms(
        begin=ground.begin,
        restart_s=ground.restart_s,
        every_s=ground.every_s,
        entitlements=ground.entitlements,
        scaling=ground.elasticity.scaling if ground.elasticity else None,
    )
    return play(jobs, pools, policy, terms, progress)


def _layout(ground: Ground, pool: PoolState, packing: str, seed: int) -> Layout | None:
    if not packing:
        return None
    if ground.shape is None:
        remedy = msg("Say how many accelerators a node has, with --per-node, or name a pool of a grid file.")
        raise InvalidInput([Problem(packing, msg("a packing needs nodes, and the trace does not tell them"), remedy)])
    work = ground.shape
    if pool.accelerators % work.per_node:
        remedy = msg("Give a multiple of {n}.", n=work.per_node)
        what = msg("{n} accelerators are no whole nodes", n=pool.accelerators)
        raise InvalidInput([Problem(pool.pool_id, what, remedy)])
    rows = like_nodes(
        pool.accelerators // work.per_node, work.per_node, rack=work.nodes_per_rack, pod=work.racks_per_pod
    )
    nodes = Nodes(rows)
    rule = find_packing(packing, _demands(ground.jobs, work.per_node))(nodes, seeded(seed))
    name = packing_name(packing)
    return Shelves(nodes, rule, name) if name in RULES else Layout(nodes, rule)


def _demands(jobs: Jobs, per_node: int) -> list[Demand]:
    """The parts of all gangs: what the packings that know the workload are told of it. A sample of 10,000 jobs."""
    whole = whole_demands(per_node)
    sizes = jobs.size[:: max(1, len(jobs) // 10_000)].tolist()
    return [whole[(size % per_node or per_node) - 1] for size in sizes] + list(whole)


CHANGES: Mapping[str, str] = {
    "load": "times as many jobs",
    "accelerators": "times as many accelerators in each pool",
    "run": "times as long runs",
    "tariff": "times the price of energy",
    "rent": "price of an accelerator-hour, in the grid's currency",
    "power": "times the power of an accelerator",
}
"""What a case may change, and what its number means."""


def read_changes(text: str) -> Mapping[str, float]:
    """`load=1.3, accelerators=1.25`. Raises InvalidInput with every problem."""
    changes: dict[str, float] = {}
    problems = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        known = ", ".join(f"{n} ({meaning})" for n, meaning in CHANGES.items())
        try:
            changes[name.strip()] = float(value)
            bad = name.strip() not in CHANGES or not 0 < float(value) < 1e6
        except ValueError:
            bad = True
        if bad:
            remedy = msg("Write name=number, above 0. Known: {known}.", known=known)
            problems.append(Problem(text, msg("{part!r} cannot be read", part=part), remedy))
    if problems:
        raise InvalidInput(problems)
    return changes


def changed(ground: Ground, changes: Mapping[str, float], seed: int) -> Ground:
    """The ground of a what-if."""
    jobs, pools, rates = ground.jobs, ground.pools, ground.rates
    if "load" in changes:
        jobs = more_work(jobs, changes["load"], seed)
    if "run" in changes:
        jobs = replace(jobs, run_s=jobs.run_s * changes["run"], estimate_s=jobs.estimate_s * changes["run"])
    if "accelerators" in changes:
        step = ground.shape.per_node if ground.shape else 1
        sizes = [max(step, round(p.accelerators * changes["accelerators"] / step) * step) for p in pools]
        pools = tuple(replace(p, accelerators=n, free=n) for p, n in zip(pools, sizes, strict=True))
    priced = {"tariff", "rent", "power"} & set(changes)
    if priced and not rates:
        remedy = msg("Give --grid and --pool.")
        raise InvalidInput([Problem(name, msg("the pool's prices are not known"), remedy) for name in sorted(priced)])
    for name in priced:
        rates = tuple(_rate(rate, name, changes[name]) for rate in rates)
    return replace(ground, jobs=jobs, pools=pools, rates=rates)


def _rate(rate: Rates, name: str, value: float) -> Rates:
    if name == "rent":
        return replace(rate, rent=value)
    if name == "power":
        return replace(rate, power_w=rate.power_w * value)
    return replace(rate, price=replace(rate.price, values=rate.price.values * value))


def more_work(jobs: Jobs, factor: float, seed: int) -> Jobs:
    """`factor` times as many jobs: above 1 more are drawn of them, each at the time of another job (so that hours and
    days keep their pattern); below 1 some are left out."""
    draw = np.random.default_rng(seed)
    count, wanted = len(jobs), round(len(jobs) * factor)
    if wanted <= count:
        chosen = np.sort(draw.choice(count, wanted, replace=False))
        return _pick(jobs, chosen, jobs.submit_s[chosen], [jobs.job_ids[i] for i in chosen])
    extra = draw.integers(0, count, wanted - count)
    times = np.concatenate((jobs.submit_s, jobs.submit_s[draw.integers(0, count, wanted - count)]))
    order = np.argsort(times, kind="stable")
    ids = [*jobs.job_ids, *(f"more-{i}" for i in range(wanted - count))]
    return _pick(jobs, np.concatenate((np.arange(count), extra))[order], times[order], [ids[i] for i in order])


def _pick(jobs: Jobs, rows: np.ndarray[Any, np.dtype[np.int64]], submit: Any, ids: Sequence[str]) -> Jobs:
    def words(column: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(column[i] for i in rows.tolist()) if column else ()

    deadline = None
    if jobs.deadline_s is not None:
        deadline = submit + (jobs.deadline_s - jobs.submit_s)[rows]
    return replace(
        jobs,
        job_ids=tuple(ids),
        submit_s=submit,
        run_s=jobs.run_s[rows],
        size=jobs.size[rows],
        estimate_s=jobs.estimate_s[rows],
        user=words(jobs.user),
        tenant=words(jobs.tenant),
        kind=words(jobs.kind),
        deadline_s=deadline,
        priority=None if jobs.priority is None else jobs.priority[rows],
        recorded_start_s=None,
    )


def summary(case: Case, ground: Ground, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures of a case in the field's words: means over the seeds; for several, a standard deviation too."""
    figures: dict[str, Any] = {"policy": case.policy, "packing": case.packing or None, "changes": dict(case.changes)}
    sizes = changed(
        replace(ground, jobs=ground.jobs), {k: v for k, v in case.changes.items() if k == "accelerators"}, 0
    )
    figures["accelerators"] = sum(pool.accelerators for pool in sizes.pools)
    if not outcomes:
        return figures
    figures["seeds"] = len(outcomes)
    for name in (f.name for f in fields(Metrics)):
        figures[name] = _mean([getattr(outcome.metrics, name) for outcome in outcomes])
    waits = [outcome.metrics.mean_wait_s for outcome in outcomes]
    figures["mean_wait_s_standard_deviation"] = stdev(waits) if len(waits) > 1 else None
    money = [asdict(outcome.costs) for outcome in outcomes if outcome.costs]
    for name in money[0] if money else ():
        figures[name] = _mean([each[name] for each in money])
    return figures


def _mean(values: Sequence[Any]) -> Any:
    if any(value is None or isinstance(value, str) for value in values) or len(set(values)) == 1:
        return values[0]
    return mean(values)
