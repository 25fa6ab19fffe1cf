"""An engine without processes: orders start and end as the clock says. For simulation and for trying plans out.

It keeps its state in memory, measures nothing (`cpu_s` and `memory_bytes_peak` are None) and has no output. What would
happen to an order is decided once, when it is submitted, by a function of the order, so that a run is repeatable.
"""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from suanwang.domain.order import Ability, Capacity, EndCause, Lacks, Observation, Order, OrderState
from suanwang.errors import Never, NotNow, msg
from suanwang.ports import Clock

DURATION = "SUANWANG_SIM_DURATION"
EXIT_CODE = "SUANWANG_SIM_EXIT"
LACKS: Lacks = dict.fromkeys(Ability, msg("The simulated engine runs no programs."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What happens to an order, in grid seconds: it starts `delay_s` after it was submitted and runs `duration_s`.

    `lost`: the engine loses it at that end. A duration of infinity ends by cancel or time limit only.
    """

    duration_s: float
    delay_s: float = 0.0
    exit_code: int = 0
    lost: bool = False


def course_of_environment(order: Order) -> Course:
    """By the order's variables SUANWANG_SIM_DURATION (grid seconds, required) and SUANWANG_SIM_EXIT (default 0).

    Raises Never(engine-refused) when they cannot be read.
    """
    try:
        duration_s = float(order.environment[DURATION])
        exit_code = int(order.environment.get(EXIT_CODE, "0"))
    except (KeyError, ValueError):
        duration_s, exit_code = math.nan, 0
    if not duration_s >= 0:
        raise Never(
            "engine-refused",
            msg("order {order} does not say how long it is simulated to run", order=order.id),
            msg("Set {variable} to a number of seconds.", variable=DURATION),
        )
    return Course(duration_s=duration_s, exit_code=exit_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """An accepted order, when it is to start, and how it is to end unless it is cancelled (None: it goes on)."""

    order: Order
    start: datetime
    end: datetime | None
    cause: EndCause
    exit_code: int | None


class SimulatedEngine:
    """`Engine` driven by the clock alone. Set `reachable` to False and every call raises NotNow(engine-unreachable)."""

    def __init__(
        self, pools: Mapping[str, int], clock: Clock, course: Callable[[Order], Course] = course_of_environment
    ) -> None:
        self.reachable = True
        self._pools = dict(pools)
        self._clock = clock
        self._course = course
        self._mutex = threading.RLock()
        self._runs: dict[str, _Run] = {}
        self._fences: dict[str, int] = {}
        self._cancelled: set[str] = set()  # before they were submitted

    def lacks(self) -> Lacks:
        """Everything that is not a state."""
        return LACKS

    def capacity(self, pool_id: str) -> Capacity:
        """Accelerators in all, and those that no live order has. Raises Never for a pool it does not have."""
        self._answer()
        if pool_id not in self._pools:
            raise Never(
                "engine-refused",
                msg("the simulated engine has no pool {pool}", pool=pool_id),
                msg("Name one of its pools."),
            )
        with self._mutex:
            now = self._clock.now()
            used = sum(
                run.order.accelerators
                for run in self._runs.values()
                if run.order.pool_id == pool_id and (run.end is None or now < run.end)
            )
        total = self._pools[pool_id]
        return Capacity(pool_id=pool_id, accelerators=total, free=max(0, total - used))

    def submit(self, order: Order) -> None:
        """Accept the order; a known id changes nothing. Raises as the port says, and NotNow(engine-full).

        An order with a higher fence than before cancels the job's earlier orders.
        """
        self._answer()
        with self._mutex:
            if order.id in self._runs:
                return
            now = self._clock.now()
            fence = self._fences.get(order.job_id, order.fence)
            if order.fence < fence or not order.command or not order.time_limit_s > 0:
                raise Never(
                    "engine-refused",
                    msg("order {order} is out of date, or lacks a command or time to run", order=order.id),
                    msg("Correct the order; a repeat as it is will not work."),
                )
            run = self._plan(order, now)
            if order.id in self._cancelled:
                run = _cancelled(run, now)
            elif order.accelerators > self.capacity(order.pool_id).free:
                self._refuse_for_room(order)
            if order.fence > fence:
                for older in [run.order.id for run in self._runs.values() if run.order.job_id == order.job_id]:
                    self._runs[older] = _cancelled(self._runs[older], now)
            self._fences[order.job_id] = order.fence
            self._runs[order.id] = run

    def observe(self, order_ids: Sequence[str]) -> Sequence[Observation]:
        """One observation an id, as of now."""
        self._answer()
        with self._mutex:
            now = self._clock.now()
            return [
                _observation(self._runs[order_id], now)
                if order_id in self._runs
                else Observation(order_id=order_id, state=OrderState.UNKNOWN)
                for order_id in order_ids
            ]

    def cancel(self, order_id: str) -> None:
        """End the order now, or never start it."""
        self._answer()
        with self._mutex:
            if order_id in self._runs:
                self._runs[order_id] = _cancelled(self._runs[order_id], self._clock.now())
            else:
                self._cancelled.add(order_id)

    def logs(self, order_id: str, offset: int = 0, limit: int = 65536) -> bytes:  # noqa: ARG002 - the port's
        """Nothing: no program runs."""
        self._answer()
        return b""

    def _answer(self) -> None:
        if not self.reachable:
            raise NotNow(
                "engine-unreachable", msg("the simulated engine is switched off"), msg("It is tried again later.")
            )

    def _refuse_for_room(self, order: Order) -> None:
        total = self._pools[order.pool_id]
        if order.accelerators > total:
            raise Never(
                "engine-refused",
                msg("pool {pool} has {total} accelerators in all", pool=order.pool_id, total=total),
                msg("Ask for fewer."),
            )
        raise NotNow(
            "engine-full",
            msg("pool {pool} has fewer than {count} accelerators free", pool=order.pool_id, count=order.accelerators),
            msg("It is tried again when others have ended."),
        )

    def _plan(self, order: Order, now: datetime) -> _Run:
        course = self._course(order)
        start = now + timedelta(seconds=course.delay_s)
        over = course.duration_s > order.time_limit_s
        runs_s = min(course.duration_s, order.time_limit_s)
        cause = EndCause.TIME_LIMIT if over else EndCause.LOST if course.lost else EndCause.EXITED
        return _Run(
            order=order,
            start=start,
            end=None if math.isinf(runs_s) else start + timedelta(seconds=runs_s),
            cause=cause,
            exit_code=course.exit_code if cause is EndCause.EXITED else None,
        )


def _cancelled(run: _Run, now: datetime) -> _Run:
    """The run, ended now unless it had ended."""
    if run.end is not None and run.end <= now:
        return run
    return replace(run, end=now, cause=EndCause.CANCELLED, exit_code=None)


def _observation(run: _Run, now: datetime) -> Observation:
    ended = run.end is not None and run.end <= now
    begun = run.start <= now and not (run.cause is EndCause.CANCELLED and run.end is not None and run.end <= run.start)
    if not ended:
        return Observation(
            order_id=run.order.id,
            state=OrderState.RUNNING if begun else OrderState.PENDING,
            started=run.start if begun else None,
            evidence={"engine": "simulated"},
        )
    return Observation(
        order_id=run.order.id,
        state=OrderState.LOST if run.cause is EndCause.LOST else OrderState.ENDED,
        started=run.start if begun else None,
        ended=run.end,
        cause=run.cause,
        exit_code=run.exit_code,
        evidence={"engine": "simulated"},
    )
