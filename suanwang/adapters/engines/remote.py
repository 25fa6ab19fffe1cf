"""An engine whose site is reached by an interface alone (Kubernetes, Ray): the promises of the port, kept on a backend.

The backend names each thing it makes by the order's id, so that making it twice is making it once. What was asked, and
the first time that an order was seen to run, are in a journal here: an order whose thing has vanished is lost, not sent
again, and nothing is billed from before its program ran.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from suanwang.adapters.engines.journal import Journal
from suanwang.adapters.engines.programs import (
    NAME,
    answering,
    check_names,
    check_program,
    check_room,
    refused,
)
from suanwang.adapters.engines.taken import Orders, Taken
from suanwang.adapters.store import codec
from suanwang.domain.order import Capacity, EndCause, Lacks, Observation, Order, OrderState, Outage
from suanwang.errors import Never, NotNow, msg
from suanwang.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a backend sees of an order that it has. Times in s since the epoch. `cause` where it is over."""

    started: float | None = None
    ended: float | None = None
    cause: EndCause | None = None
    exit_code: int | None = None
    energy_kwh_it: float | None = None
    progress: str = ""
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a backend has for a pool: accelerators that are up, those that others have of them, and what is shut."""

    accelerators: int
    others: int = 0
    outages: tuple[Outage, ...] = ()
    detail: str = ""


class Backend(Protocol):
    """A site's interface. Every call raises NotNow(engine-unreachable) when it does not answer."""

    name: str

    def lacks(self) -> Lacks: ...

    def check(self, order: Order) -> None:
        """Raises Never(engine-refused) for what it could not run."""

    def create(self, order: Order) -> None:
        """Make it, unless it is there. Raises Never(engine-refused), NotNow."""

    def stop(self, order_id: str) -> None:
        """End it with all that it started; it may be there a while. Unknown ones are left."""

    def look(self, orders: Sequence[Order]) -> Mapping[str, Sight]:
        """Those that are there, by id: one question, however many there are."""

    def ground(self, pool_id: str) -> Ground: ...

    def output(self, order_id: str) -> bytes:
        """All that the program has written so far; nothing where it is not there."""


class RemoteEngine:
    """`Engine` on a backend. `root`: a folder of this machine for the journal and the output of ended orders.

    `look_s`: how old a look at the site may be.
    """

    def __init__(
        self, root: Path, backend: Backend, pools: Mapping[str, int], clock: Clock, *, look_s: float = 1.0
    ) -> None:
        self._root = root.expanduser().absolute()
        self._backend = backend
        self._pools = dict(pools)
        self._clock = clock
        self._orders = Orders()
        self._journal = Journal(self._root / "journal", self._orders.play)
        self._look_s = look_s
        self._looked = 0.0
        self._sights: Mapping[str, Sight] = {}

    def lacks(self) -> Lacks:
        return self._backend.lacks()

    def capacity(self, pool_id: str) -> Capacity:
        """What is up, less what others and our open orders have. Raises Never for a pool it does not have."""
        if pool_id not in self._pools:
            raise refused(msg("the {engine} engine has no pool {pool}", engine=self._backend.name, pool=pool_id))
        with self._reachable():
            self._journal.catch_up()
            ground = self._backend.ground(pool_id)
        total = min(self._pools[pool_id], ground.accelerators)
        used = self._orders.used[pool_id]
        return Capacity(
            pool_id=pool_id,
            accelerators=total,
            free=max(0, min(total, ground.accelerators - ground.others) - used),
            healthy=ground.accelerators > 0,
            detail=ground.detail,
            outages=ground.outages,
        )

    def submit(self, order: Order) -> None:
        """Write it down, then have the site make it. A known id is only seen to."""
        check_names(order)
        with self._reachable():
            self._journal.catch_up()
            if order.id in self._orders.taken:
                return
            check_program(order)
            check_room(order, self._pools, self._backend.name)
            self._backend.check(order)
            with self._journal.alone():
                if order.id not in self._orders.taken:
                    self._accept(order)

    def observe(self, order_ids: Sequence[str]) -> Sequence[Observation]:
        """One observation an id; what a crash left half done is seen to. Raises NotNow(engine-unreachable)."""
        with self._reachable():
            self._journal.catch_up()
            taken = [self._orders.taken.get(order_id) for order_id in order_ids]
            alive = [one for one in taken if one is not None and one.ended is None]
            sights = self._look(alive) if alive else {}
            seen = {one.order.id: self._see(one, sights.get(one.order.id)) for one in alive}
            self._journal.sync()
            return [
                Observation(order_id=order_id, state=OrderState.UNKNOWN) if one is None else one.ended or seen[order_id]
                for order_id, one in zip(order_ids, taken, strict=True)
            ]

    def cancel(self, order_id: str) -> None:
        """It never starts from now on, and what runs is ended. Raises NotNow: ask again."""
        if NAME.fullmatch(order_id) is None:
            return
        with self._reachable():
            self._journal.catch_up()
            one = self._orders.taken.get(order_id)
            if one is None or one.ended is None:
                with self._journal.alone():
                    self._cancel(order_id, "asked for")

    def logs(self, order_id: str, offset: int = 0, limit: int = 65536) -> bytes:
        """Up to `limit` bytes of output from `offset`: of an ended order as it was kept here, else as it is there."""
        if offset < 0 or limit <= 0 or order_id not in self._orders.taken:
            return b""
        with self._reachable():
            kept = self._root / "logs" / order_id
            whole = kept.read_bytes() if kept.exists() else self._backend.output(order_id)
            return whole[offset : offset + limit]

    def _accept(self, order: Order) -> None:
        fence = self._orders.fences.get(order.job_id, order.fence)
        if order.fence < fence:
            raise refused(msg("order {order} is older than another of job {job}", order=order.id, job=order.job_id))
        stopped = self._orders.cancelled.get(order.id)
        if order.accelerators and not stopped:
            free = self.capacity(order.pool_id).free
            if order.accelerators > free:
                raise NotNow(
                    "engine-full",
                    msg("pool {pool} has {free} accelerators free", pool=order.pool_id, free=free),
                    msg("It is tried again when others have ended."),
                )
        for older in self._orders.older(order):
            self._cancel(older.order.id, f"superseded by {order.id}")
        self._journal.append(["take", codec.dump(order)])
        if stopped:
            self._end(self._orders.taken[order.id], Sight(cause=EndCause.CANCELLED))
            return
        try:
            self._create(self._orders.taken[order.id])
        except Never:
            self._journal.append(["refused", order.id])
            raise

    def _create(self, one: Taken) -> None:
        self._backend.create(one.order)
        self._journal.append(["there", one.order.id])
        self._looked = 0.0

    def _cancel(self, order_id: str, why: str) -> None:
        if order_id not in self._orders.cancelled:
            self._journal.append(["cancel", order_id, why])
            self._journal.sync()
        if order_id in self._orders.taken:
            self._looked = 0.0
            self._backend.stop(order_id)

    def _look(self, alive: Sequence[Taken]) -> Mapping[str, Sight]:
        if time.monotonic() - self._looked > self._look_s or any(one.order.id not in self._sights for one in alive):
            began = time.monotonic()
            self._sights = self._backend.look([one.order for one in self._orders.taken.values() if one.ended is None])
            self._looked = began
        return self._sights

    def _see(self, one: Taken, sight: Sight | None) -> Observation:
        """What a sight means; it is written down where it is news."""
        if sight is None or sight.cause is not None or (sight.started is not None and one.started is None):
            with self._journal.alone():
                self._note(one, sight)
        if one.ended is not None:
            return one.ended
        return Observation(
            order_id=one.order.id,
            state=OrderState.PENDING if one.started is None else OrderState.RUNNING,
            started=None if one.started is None else self._clock.from_wall(one.started),
            evidence={"engine": self._backend.name} if sight is None else sight.evidence,
            progress="" if sight is None else sight.progress,
        )

    def _note(self, one: Taken, sight: Sight | None) -> None:
        if one.ended is not None:
            return
        if sight is not None and not one.there:
            self._journal.append(["there", one.order.id])
        if sight is not None and sight.started is not None and one.started is None:
            self._journal.append(["start", one.order.id, sight.started])
        if sight is None and one.cancelled:
            self._end(one, Sight(cause=EndCause.CANCELLED))
        elif sight is None and one.there:
            self._end(one, Sight(cause=EndCause.LOST))
        elif sight is None:
            self._create(one)
        elif sight.cause is not None:
            self._end(one, sight)

    def _end(self, one: Taken, sight: Sight) -> None:
        """Write how it ended, with its output. It was cancelled if it was to be, unless it had ended by itself."""
        cause = sight.cause
        if one.cancelled and cause in (EndCause.SIGNALLED, EndCause.LOST):
            cause = EndCause.CANCELLED
        started = None if one.started is None else self._clock.from_wall(one.started)
        ended = None if sight.ended is None else self._clock.from_wall(sight.ended)
        if ended is None and cause is not EndCause.LOST:
            ended = self._clock.now()
        if started is not None and ended is not None:
            ended = max(started, ended)
        over = Observation(
            order_id=one.order.id,
            state=OrderState.LOST if cause is EndCause.LOST else OrderState.ENDED,
            started=started,
            ended=ended,
            cause=cause,
            exit_code=None if cause is EndCause.LOST else sight.exit_code,
            energy_kwh_it=sight.energy_kwh_it,
            evidence={**sight.evidence, "engine": self._backend.name}
            | ({"cancel": one.cancelled} if one.cancelled else {}),
            progress=sight.progress,
        )
        self._keep_output(one)
        self._journal.append(["end", one.order.id, codec.dump(over)])

    def _keep_output(self, one: Taken) -> None:
        """What a pod or a job wrote is kept here: the site forgets it."""
        output = self._backend.output(one.order.id) if one.started is not None else b""
        if output:
            kept = self._root / "logs" / one.order.id
            kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            kept.write_bytes(output)

    def _reachable(self) -> AbstractContextManager[None]:
        return answering(self._backend.name, self._root)
