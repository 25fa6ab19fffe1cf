"""What a pool learns from its runs: a class factor, real over modelled time of a class of work on that pool.

After a run with estimate E (the factor f that was in force within it) and metered time M, the run's own factor is
f M / E. The pool's moves towards it, in logarithms, by 1 / (runs + 1) at first (with the model counting as one run)
and never by less than GAIN_LEAST, so that it follows what changes.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import exp, log

from suanwang.domain.comparison import Comparison
from suanwang.domain.estimate import Assumption, Estimate

GAIN_LEAST = 0.1
RATIO_MOST = 5.0
"""A run that took more than so many times its estimate, or less than one such part, teaches nothing."""
TIMES = ("step_s",)
RATES = ("tokens_per_s", "mfu")
Learned = Mapping[tuple[str, str], Comparison]
"""(pool, class of work) -> the last comparison."""
NOTHING: Learned = {}


def factor_after(
    before: Comparison | None, ratio: float, factor_used: float, *, at_least: bool = False
) -> tuple[float, bool]:
    """(class factor, whether it was learned from) after a run that took `ratio` of its estimate.

    `at_least`: it was ended, and would have taken longer: the factor is no lower than this run's own.
    """
    known = before.factor if before else 1.0
    if not 1 / RATIO_MOST <= ratio <= RATIO_MOST:
        return known, False
    if at_least:
        return max(known, factor_used * ratio), True
    gain = max(1 / ((before.sequence if before else 0) + 2), GAIN_LEAST)
    return exp(log(known) + gain * (log(factor_used * ratio) - log(known))), True


def with_factor(answer: Estimate, learned: Learned) -> Estimate:
    """The estimate in the time that this class of work takes on this pool, as its runs have shown."""
    last = learned.get((answer.pool_id, answer.work))
    if last is None or not answer.work:
        return answer
    factor = last.factor
    runs = Assumption(
        name="class_factor",
        value=factor,
        unit="real time / model",
        source=f"{last.sequence} settled runs of {answer.work} on pool {answer.pool_id}, last {last.at:%Y-%m-%d}",
    )
    results = {
        name: value * factor if name in TIMES else value / factor if name in RATES else value
        for name, value in answer.results.items()
    }
    return replace(
        answer,
        time_s=answer.time_s.scaled(factor),
        energy_kwh_it=answer.energy_kwh_it.scaled(factor),
        breakdown_s={name: seconds * factor for name, seconds in answer.breakdown_s.items()},
        results=results,
        assumptions=(*answer.assumptions, runs),
    )


def factor_in(answer: Estimate) -> float:
    """The class factor within an estimate; 1 where nothing was learned yet."""
    return next((a.value for a in answer.assumptions if a.name == "class_factor"), 1.0)
