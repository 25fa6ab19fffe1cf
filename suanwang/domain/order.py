"""What the hub asks of an engine (an order) and what the engine says of it (an observation)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from suanwang.errors import Message


class Purpose(StrEnum):
    """What an order is for: to run the job's program, or to bring its data before and take its outputs after."""

    RUN = "run"
    BRING = "bring"
    TAKE = "take"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One attempt of a job at an engine. `id` is the name the engine knows it by: a repeat finds the first.

    `fence` rises with every attempt of a job; an engine never acts on an order with a lower one than it has seen.
    `state_key` names the folder that outlives attempts (checkpoints, data, output); `time_limit_s` in grid time.
    To the engine all purposes are alike: only those that run are metered, the others' attempts count down from -1.
    """

    id: str
    job_id: str
    attempt: int
    fence: int
    pool_id: str
    queue: str
    accelerators: int
    command: tuple[str, ...]
    time_limit_s: float
    directory: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    state_key: str = ""
    purpose: Purpose = Purpose.RUN


class OrderState(StrEnum):
    """`unknown`: the engine never saw it. `lost`: it was there, and its end cannot be known (machine died)."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    RUNNING = "running"
    ENDED = "ended"
    LOST = "lost"


class EndCause(StrEnum):
    """Why an attempt ended, as the engine knows it; the exit code is the workload's own.

    `refused`: the engine, or its site, took the order and then would not start it; the observation's detail says why.
    """

    EXITED = "exited"
    SIGNALLED = "signalled"
    CANCELLED = "cancelled"
    TIME_LIMIT = "time_limit"
    LOST = "lost"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What an engine knows of an order. `started`/`ended` are the engine's own, in grid time (aware UTC).

    `cpu_s` and `memory_bytes_peak` are measured over the attempt's whole process group; `energy_kwh_it` only where a
    sensor measured it. `evidence` is what an auditor can look up at the engine. `detail`: why it waits or how it ended.
    `seen`: the time as of which this holds, where that is not the time at which it was asked for.
    """

    order_id: str
    state: OrderState
    started: datetime | None = None
    ended: datetime | None = None
    cause: EndCause | None = None
    exit_code: int | None = None
    cpu_s: float | None = None
    memory_bytes_peak: float | None = None
    energy_kwh_it: float | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)
    progress: str = ""
    detail: Message | None = None
    seen: datetime | None = None

    def __post_init__(self) -> None:
        if self.started and self.ended and self.ended < self.started:
            raise ValueError(f"order {self.order_id} ended before it started")
        if self.state is OrderState.ENDED and (self.ended is None or self.cause is None):
            raise ValueError(f"order {self.order_id} ended without a time or a cause")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Accelerators of a pool that its engine will not give in [start, end): a drain, a maintenance, a reservation.

    `end` None: nobody knows. `why` is the engine's own word for it.
    """

    start: datetime
    end: datetime | None
    accelerators: int
    why: str = ""

    def __post_init__(self) -> None:
        if self.accelerators < 1 or (self.end is not None and self.end <= self.start):
            raise ValueError("an outage is of at least one accelerator and ends after it starts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What an engine can give now: accelerators in all and free, by pool.

    `healthy` False keeps new work away; so does `drained`, which is the site's own wish. `outages`: what it will give
    less of, and when; those of now are not counted in `accelerators` either.
    """

    pool_id: str
    accelerators: int
    free: int
    healthy: bool = True
    detail: str = ""
    drained: bool = False
    outages: tuple[Outage, ...] = ()


class Ability(StrEnum):
    """What an engine may be able to do beside what every engine must.

    `programs`: run the order's command. `output`: keep what the program writes. `arrays`: take many equal orders in
    one call. `outlook`: know drains, maintenance and reservations of later hours. `data`: keep a folder of the job's
    from order to order, so that data can be brought there. `cpu`, `memory`, `energy`: measure.
    """

    PROGRAMS = "programs"
    OUTPUT = "output"
    ARRAYS = "arrays"
    OUTLOOK = "outlook"
    DATA = "data"
    CPU = "cpu"
    MEMORY = "memory"
    ENERGY = "energy"


Lacks = Mapping[Ability, Message]
"""What an engine cannot do, each with the reason."""
