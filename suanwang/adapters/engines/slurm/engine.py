"""The Slurm engine: orders are batch jobs of a site's own cluster. It names each job by its order's id.

What is asked is in a journal before Slurm hears of it; only one job ever runs an order (see `script`), however often
it was submitted. So every call may be repeated, by several processes, after a crash of ours or of slurmctld at any
point: a job whose id was not learnt is looked for by its name; one that slurmctld lost before it began is sent again.

Slurm is asked one question for all orders, and no more often than keeps that below `poll_share` of a processor.
"""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

from suanwang.adapters.engines.journal import Journal
from suanwang.adapters.engines.programs import (
    NAME,
    answering,
    check_names,
    check_program,
    check_room,
    read_output,
    refused,
)
from suanwang.adapters.engines.slurm.cluster import Ask, Cluster, Row
from suanwang.adapters.engines.slurm.entries import Entries, Entry, Submission
from suanwang.adapters.engines.slurm.judge import FORGOTTEN_S, Judge
from suanwang.adapters.engines.slurm.marks import read_claim, revoke
from suanwang.adapters.engines.slurm.pools import SlurmPool
from suanwang.adapters.engines.slurm.room import Room
from suanwang.adapters.engines.slurm.script import batch_script, task_of, write_files
from suanwang.adapters.engines.slurm.view import View, Views
from suanwang.adapters.meters.dcgm import Dcgm
from suanwang.adapters.store import codec
from suanwang.domain.order import Ability, Capacity, Lacks, Observation, Order, OrderState
from suanwang.errors import Never, NotNow, msg
from suanwang.ports import Clock

AGAIN_S = 5.0
"""After how long a job that was to be cancelled, and still is there, is cancelled again."""


class SlurmEngine:
    """`Engine` and `TakesArrays` on one cluster. `root`: a folder that the cluster's nodes see under the same path.

    `forgotten_s`: for how long a program that Slurm has forgotten may still be running (see `judge`).
    """

    def __init__(
        self,
        root: Path,
        cluster: Cluster,
        pools: Sequence[SlurmPool],
        clock: Clock,
        *,
        poll_share: float = 0.04,
        meter: Dcgm | None = None,
        forgotten_s: float = FORGOTTEN_S,
    ) -> None:
        self._root = root.expanduser().absolute()
        self._cluster = cluster
        self._pools = {pool.pool.id: pool for pool in pools}
        self._counts = {pool.pool.id: pool.pool.accelerators for pool in pools}
        self._clock = clock
        self._entries = Entries()
        self._journal = Journal(self._root / "journal", lambda line: self._entries.play(line, time.monotonic()))
        self._views = Views(cluster, poll_share)
        self._room = Room(cluster, self._views, clock, self._ours)
        self._judge = Judge(self._root, cluster, clock, meter, forgotten_s)
        self._mutex = threading.RLock()

    def lacks(self) -> Lacks:
        return {
            Ability.ENERGY: msg("Energy is measured only where the site's Slurm has an energy plugin and slurmdbd.")
        }

    def capacity(self, pool_id: str) -> Capacity:
        """Accelerators of the nodes that are up, less others' jobs and ours; drains and reservations as outages."""
        pool = self._pools.get(pool_id)
        if pool is None:
            raise refused(msg("the {engine} engine has no pool {pool}", engine="slurm", pool=pool_id))
        with self._reachable():
            self._journal.catch_up()
            return self._room.capacity(pool, self._entries.used, self._alike(pool))

    def submit(self, order: Order) -> None:
        """One sbatch; a known id changes nothing. Raises as the port says."""
        self._submit([order])

    def submit_array(self, orders: Sequence[Order]) -> None:
        """One sbatch for all of them, which the caller says are equal."""
        self._submit(orders)

    def observe(self, order_ids: Sequence[str]) -> Sequence[Observation]:
        """One observation an id; orders that a crash left half done are looked after. Raises NotNow."""
        with self._reachable():
            self._journal.catch_up()
            entries = [self._entries.orders.get(order_id) for order_id in order_ids]
            alive = [entry for entry in entries if entry is not None and entry.ended is None]
            if alive:
                self._look(alive)
            self._journal.sync()  # what is said of an order is never forgotten again
            return [_said(order_id, entry) for order_id, entry in zip(order_ids, entries, strict=True)]

    def cancel(self, order_id: str) -> None:
        """scancel, and nothing of it starts from now on. Raises NotNow(engine-unreachable): ask again."""
        if NAME.fullmatch(order_id) is None:
            return
        with self._reachable():
            self._journal.catch_up()
            entry = self._entries.orders.get(order_id)
            if entry is None or entry.ended is None:
                self._cancel([order_id], "asked for")

    def logs(self, order_id: str, offset: int = 0, limit: int = 65536) -> bytes:
        """Up to `limit` bytes of output from `offset`; nothing for an order that has none."""
        if NAME.fullmatch(order_id) is None:
            return b""
        with self._reachable():
            return read_output(self._folder(order_id) / "log", offset, limit)

    def _submit(self, orders: Sequence[Order]) -> None:
        for order in orders:
            check_names(order)
        with self._reachable():
            self._journal.catch_up()
            if all(order.id in self._entries.orders for order in orders):
                return
            with self._journal.alone():
                self._accept([order for order in orders if order.id not in self._entries.orders])

    def _accept(self, orders: Sequence[Order]) -> None:
        """Write what is asked, then ask it. `alone`, so that of several processes one does."""
        if not orders:
            return
        first = orders[0]
        check_program(first)
        check_room(first, self._counts, "slurm")
        for order in orders:
            if order.fence < self._entries.fences.get(order.job_id, order.fence):
                raise refused(msg("order {order} is older than another of job {job}", order=order.id, job=order.job_id))
        name = first.id if len(orders) == 1 else f"{first.id}-x{len(orders)}"
        pool, limit_s = self._pools[first.pool_id], self._clock.wall_seconds(first.time_limit_s)
        launch, command = pool.launch(self._root, first, limit_s)
        options = pool.sbatch_options(first, limit_s)
        stopped = [order for order in orders if order.id in self._entries.cancelled]
        if len(stopped) < len(orders):
            wanted = first.accelerators * (len(orders) - len(stopped))
            self._room.claim(pool, self._entries.used, self._alike(pool), wanted)
        older = self._supersede(orders)
        if older:
            options["dependency"] = f"afterany:{':'.join(older)}"
        tasks = [task_of(order) for order in orders]
        launch = write_files(self._root, name, launch, command, tasks)
        self._journal.append(["submit", name, first.pool_id, options, asdict(launch), tasks])
        self._send(self._entries.submissions[name], stopped)

    def _send(self, submission: Submission, stopped: Sequence[Order]) -> None:
        """Ask Slurm, unless all of it was cancelled before. What Slurm refuses was never taken."""
        for order in stopped:
            over = self._judge.never_began(self._entries.orders[order.id], None)
            self._journal.append(["end", order.id, codec.dump(over)])
        if len(stopped) == len(submission.tasks):
            return
        try:
            self._sbatch(submission)
        except (Never, NotNow) as refusal:
            if refusal.code != "engine-unreachable":
                self._journal.append(["refused", submission.name])
            raise

    def _sbatch(self, submission: Submission) -> None:
        script = batch_script(self._root, submission.name, submission.launch, submission.tasks)
        ask = Ask(name=submission.name, script=script, options=submission.options, array=submission.array)
        self._journal.append(["job", submission.name, self._cluster.submit(ask)])

    def _supersede(self, orders: Iterable[Order]) -> list[str]:
        """Cancel earlier attempts; Slurm's ids of those that the new ones have to wait for."""
        older = [
            entry
            for order in orders
            for entry in self._entries.of_job.get(order.job_id, ())
            if entry.fence < order.fence and entry.ended is None
        ]
        if older:
            self._cancel([entry.order_id for entry in older], "superseded")
        return sorted({entry.submission.job for entry in older if entry.submission.job and entry.claim is not None})

    def _cancel(self, order_ids: Sequence[str], why: str) -> None:
        fresh = [order_id for order_id in order_ids if order_id not in self._entries.cancelled]
        if fresh:
            with self._journal.alone():
                self._journal.append(*(["cancel", order_id, why] for order_id in fresh))
                self._journal.sync()
        entries = [entry for order_id in order_ids if (entry := self._entries.orders.get(order_id)) is not None]
        for entry in entries:
            if not revoke(self._folder(entry.order_id)):
                entry.claim = entry.claim or read_claim(self._folder(entry.order_id))
        self._scancel(entries)

    def _scancel(self, entries: Iterable[Entry]) -> None:
        """By their ids, but for those that Slurm is seen to have given to other jobs: one that lost jobs uses their ids
        again."""
        entries = list(entries)
        unknown = {entry.submission.name for entry in entries if entry.submission.job is None}
        rows = [row.id for name in unknown for row in self._cluster.named(name) if not row.over]
        known = [(entry, entry.slurm_id) for entry in entries if entry.slurm_id is not None]
        view = self._views.fresh() if known else None
        job_ids = [slurm_id for entry, slurm_id in known if view is None or not view.is_anothers(entry)]
        if job_ids or rows:
            self._cluster.cancel([*job_ids, *rows])

    def _look(self, alive: Sequence[Entry]) -> None:
        """Have a look at Slurm that is not too old, and see what it means for each of these."""
        with self._mutex:
            view = self._views.fresh()
            over: list[tuple[Entry, Row | None]] = []
            stay: list[Entry] = []
            for entry in alive:
                submission = entry.submission
                if submission.job is None and view.began > submission.since:
                    self._adopt(submission)
                row = view.row(entry)
                if row is None and view.began <= submission.since:
                    continue
                lost = row is not None and not row.over and self._see(entry, row).state is OrderState.LOST
                if row is None or row.over or lost:
                    over.append((entry, row))
                if lost:
                    stay.append(entry)  # Slurm would begin it a second time, for nothing
                elif row is not None and not row.over and entry.cancelled and view.began > submission.since + AGAIN_S:
                    submission.since = view.began
                    stay.append(entry)
            if over:
                self._finish(over)
            self._scancel([entry for entry in stay if entry.cancelled or entry.ended is not None])

    def _see(self, entry: Entry, row: Row) -> Observation:
        """What a job that is not over is seen to do; looked at closely only when its row has changed."""
        known = entry.seen is not None and row == entry.row and entry.missing is None
        if entry.seen is None or not known or (row.occupies and entry.claim is None):
            seen = self._judge.alive(entry, row)
            if seen.state is OrderState.LOST:  # said only when that is certain
                return seen
            entry.seen, entry.row = seen, row
        return entry.seen

    def _adopt(self, submission: Submission) -> None:
        """Find the job of a submission whose answer was lost, or send it again. Not while somebody is sending it."""
        with self._journal.alone():
            if submission.job is not None or submission.name not in self._entries.submissions:
                return
            rows = self._cluster.named(submission.name)
            if rows:
                self._journal.append(["job", submission.name, min(row.id.partition("_")[0] for row in rows)])
            elif self._wanted(submission):
                self._sbatch(submission)

    def _wanted(self, submission: Submission) -> bool:
        entries = [e for e in self._entries.orders.values() if e.submission is submission]
        return any(not entry.cancelled and entry.ended is None for entry in entries)

    def _finish(self, found: Sequence[tuple[Entry, Row | None]]) -> None:
        """Write how orders ended. A submission that Slurm lost before any of it began is sent again."""
        verdicts = self._judge.over(found)
        with self._journal.alone():
            for entry, verdict in verdicts:
                if entry.ended is None and verdict is not None:
                    self._journal.append(["end", entry.order_id, codec.dump(verdict)])
            for submission in {id(e.submission): e.submission for e, verdict in verdicts if verdict is None}.values():
                gone = [e for e, verdict in verdicts if verdict is None and e.submission is submission]
                self._lost(submission, gone)

    def _lost(self, submission: Submission, gone: Sequence[Entry]) -> None:
        whole = len(gone) == max(1, submission.array) and not any(entry.cancelled for entry in gone)
        if whole:
            self._sbatch(submission)
            return
        for entry in gone:
            if revoke(self._folder(entry.order_id)):
                self._journal.append(["end", entry.order_id, codec.dump(self._judge.never_began(entry, None))])

    def _ours(self, view: View) -> Mapping[str, int]:
        """Accelerators of our jobs that run, by pool."""
        found: dict[str, int] = {}
        for row in view.rows.values():
            submission = self._entries.submissions.get(row.name) if row.occupies else None
            if submission is not None:
                found[submission.pool_id] = found.get(submission.pool_id, 0) + submission.launch.accelerators
        return found

    def _alike(self, pool: SlurmPool) -> set[str]:
        """The pools that share a pool's nodes, itself too."""
        key = (pool.pool.queue, pool.gres)
        return {name for name, other in self._pools.items() if (other.pool.queue, other.gres) == key}

    def _folder(self, order_id: str) -> Path:
        return self._root / "orders" / order_id

    def _reachable(self) -> AbstractContextManager[None]:
        return answering("slurm", self._root)


def _said(order_id: str, entry: Entry | None) -> Observation:
    """What is to be said of an order now."""
    if entry is None:
        return Observation(order_id=order_id, state=OrderState.UNKNOWN)
    return entry.ended or entry.seen or Observation(order_id=order_id, state=OrderState.PENDING)
