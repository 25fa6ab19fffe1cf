"""The same problem for HiGHS: a column for each option and start, a row for each workload, pool and hour."""

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np

from suanwang.place.instance import Assignment, Floats, Instance, Ints, sums


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Cost and bound of HiGHS; `prices` (P, T) are minus the duals of the capacities (LP only)."""

    cost: float
    bound: float
    prices: Floats
    share: Floats
    option: Ints
    start: Ints


def solve(
    instance: Instance,
    *,
    whole: bool = False,
    time_limit_s: float = 60.0,
    threads: int = 1,
    begin: Assignment | None = None,
    gap: float = 1e-6,
) -> Answer:
    """The linear relaxation, or with `whole` the problem itself."""
    pools, hours = instance.capacity.shape
    starts = instance.last - instance.first + 1
    option = np.repeat(np.arange(len(starts)), starts)
    start = instance.first[option] + np.arange(len(option)) - np.repeat(np.cumsum(starts) - starts, starts)
    total, rate, length = sums(instance.per_hour), instance.rate[option], instance.hours[option]
    cost = instance.gang[option] * (total[rate, start + length] - total[rate, start]) + instance.fixed[option]
    w, n = instance.workloads, len(option)
    size = np.concatenate([1 + length, np.ones(w, np.int64)])
    begins = np.concatenate([[0], np.cumsum(size)])
    column = np.repeat(np.arange(n + w), size)
    offset = np.arange(begins[-1]) - begins[column]
    row_of = np.concatenate([instance.workload[option], np.arange(w)])
    place = np.concatenate([w + instance.pool[option].astype(np.int64) * hours + start - 1, np.zeros(w, np.int64)])
    amount = np.concatenate([instance.gang[option], np.ones(w)])
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = n + w, w + pools * hours
    model.col_cost_ = np.concatenate([cost, instance.refusal])
    model.col_lower_, model.col_upper_ = np.zeros(n + w), np.ones(n + w)
    model.row_lower_ = np.concatenate([np.ones(w), np.full(pools * hours, -highspy.kHighsInf)])
    model.row_upper_ = np.concatenate([np.ones(w), instance.capacity.ravel().astype(np.float64)])
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = begins.astype(np.int32)
    model.a_matrix_.index_ = np.where(offset == 0, row_of[column], place[column] + offset).astype(np.int32)
    model.a_matrix_.value_ = np.where(offset == 0, 1.0, amount[column])
    if whole:
        model.integrality_ = [highspy.HighsVarType.kInteger] * (n + w)
    highs: Any = highspy.Highs  # it has no types
    solver = highs()
    for name, value in {
        "output_flag": False,
        "time_limit": time_limit_s,
        "threads": threads,
        "mip_rel_gap": gap,
    }.items():
        solver.setOptionValue(name, value)
    solver.passModel(model)
    if begin is not None:
        hint = highspy.HighsSolution()
        chosen = (begin.option[instance.workload[option]] == option) & (begin.start[instance.workload[option]] == start)
        hint.col_value = np.concatenate([chosen, begin.option < 0]).astype(float).tolist()
        solver.setSolution(hint)
    solver.run()
    info, found = solver.getInfo(), solver.getSolution()
    duals = np.array(found.row_dual[w:]) if not whole else np.zeros(pools * hours)
    objective = float(info.objective_function_value)
    return Answer(
        cost=objective,
        bound=float(info.mip_dual_bound) if whole else objective,
        prices=-duals.reshape(pools, hours),
        share=np.array(found.col_value),
        option=option,
        start=start,
    )
