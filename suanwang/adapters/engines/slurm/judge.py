"""What Slurm's word on a job, its books and the marks of the job itself make together: one observation.

The program's exit code is its own, from its mark, wherever that is; Slurm's state says whether it was cancelled, ran
out of time, or lost its node. A program that had ended by itself has ended, whatever became of its node before that was
known: it is not run again. Times are those of Slurm, which has whole seconds, refined within that second by the
marks. A job without a claim never ran its program: it has no start, and so is not billed.
"""

import signal
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from suanwang.adapters.engines.programs import last_json_line
from suanwang.adapters.engines.slurm.cluster import OVER, WAITING, Account, Cluster, Row
from suanwang.adapters.engines.slurm.entries import Entry
from suanwang.adapters.engines.slurm.marks import REVOKED, End, read_claim, read_end, revoke
from suanwang.adapters.meters.dcgm import Dcgm
from suanwang.domain.order import EndCause, Observation, OrderState
from suanwang.ports import Clock

SECOND = 0.999999
KWH_J = 3.6e6
LOST_STATE = "unknown to Slurm"
FORGOTTEN_S = 30.0
"""For how long a program that has begun, and of which slurmctld knows nothing, may still be running: a slurmctld that
died before it had saved the job ends it when it hears of it from the node."""


class Judge:
    """`root`: the folder of the marks."""

    def __init__(
        self, root: Path, cluster: Cluster, clock: Clock, meter: Dcgm | None = None, forgotten_s: float = FORGOTTEN_S
    ) -> None:
        self._forgotten_s = forgotten_s
        self._meter = meter
        self._root = root
        self._cluster = cluster
        self._clock = clock

    def alive(self, entry: Entry, row: Row) -> Observation:
        """Of a job that is not over: pending until its program has started. One that begins again was lost."""
        began = entry.claim
        if entry.claim is None and row.state not in WAITING:
            entry.claim = began = read_claim(self._folder(entry))
        if began is None or began.job != row.id:
            return Observation(order_id=entry.order_id, state=OrderState.PENDING, evidence=_evidence(row))
        started = self._within(began.started, row.start)
        if row.state in WAITING:
            return self._lost(entry, row, began.started)
        entry.missing = None
        return Observation(
            order_id=entry.order_id,
            state=OrderState.RUNNING,
            started=started,
            evidence=_evidence(row),
            progress=last_json_line(self._folder(entry) / "log"),
        )

    def over(self, found: Sequence[tuple[Entry, Row | None]]) -> list[tuple[Entry, Observation | None]]:
        """Of jobs that are over or that slurmctld does not know; None for one that never was there.

        Left out is one whose order is being run by another job of ours, which is looked at next, and one that may still
        be running though Slurm has forgotten it.
        """
        for entry, _ in found:
            entry.claim = entry.claim or read_claim(self._folder(entry))
        found = [(e, row) for e, row in found if not (e.claim and row and e.claim.job not in (REVOKED, row.id))]
        ids = [entry.slurm_id for entry, _ in found if entry.slurm_id is not None]
        accounts = self._cluster.books(ids) if ids else {}
        ends = {entry.order_id: read_end(self._folder(entry)) for entry, _ in found}
        asked = [
            entry.slurm_id
            for entry, row in found
            if entry.slurm_id is not None
            and entry.slurm_id not in accounts
            and (row is None or (row.over and ends[entry.order_id] is None))
        ]
        accounts |= self._cluster.accounts(asked) if asked else {}
        return [
            (entry, self._verdict(entry, row, accounts.get(entry.slurm_id or ""), ends[entry.order_id]))
            for entry, row in found
            if not self._may_run(entry, row, accounts.get(entry.slurm_id or ""), ends[entry.order_id])
        ]

    def _may_run(self, entry: Entry, row: Row | None, account: Account | None, end: End | None) -> bool:
        """Whether it has begun and not ended, and Slurm does not know that, and has not for long: a slurmctld may have
        come back with an older state. Nothing more is billed meanwhile."""
        if entry.claim is None or entry.claim.job == REVOKED or end is not None:
            return False
        if row is None and account is not None and account.row.name == entry.submission.name:
            return False
        if row is not None and row.state not in WAITING and not (self._folder(entry) / "again").exists():
            return False
        if entry.missing is None:
            entry.missing = time.monotonic()
            entry.seen = Observation(
                order_id=entry.order_id,
                state=OrderState.RUNNING,
                started=self._clock.from_wall(entry.claim.started),
                seen=self._clock.now(),
                evidence={"engine": "slurm", "state": LOST_STATE},
            )
        return time.monotonic() - entry.missing < self._forgotten_s

    def _verdict(self, entry: Entry, row: Row | None, account: Account | None, end: End | None) -> Observation | None:
        if account is not None and account.row.name != entry.submission.name:
            account = None  # Slurm gave the number to somebody else
        if account is not None and row is None:
            row = account.row
        if entry.claim is None and row is None:
            return None
        if entry.claim is None and not revoke(self._folder(entry)):
            entry.claim = read_claim(self._folder(entry))
        if entry.claim is None or entry.claim.job == REVOKED:
            return self.never_began(entry, row)
        failed = (self._folder(entry) / "again").exists() or (row is not None and OVER.get(row.state) is EndCause.LOST)
        if failed or row is None or not row.over:
            if end is None or (failed and not end.by_itself):
                return self._lost(entry, row, entry.claim.started)
            reason = row.reason if row is not None and failed else LOST_STATE
            row = Row(id=entry.claim.job, name=entry.submission.name, state="COMPLETED", reason=reason)
            account = None if failed else account  # of the run that Slurm began for nothing
        return self._ended(entry, row, account, end)

    def _ended(self, entry: Entry, row: Row, account: Account | None, end: End | None) -> Observation:
        assert entry.claim is not None
        started = self._within(entry.claim.started, row.start)
        last = end.ended if end is not None else row.end
        ended = started if last is None else max(started, self._within(last, row.end))
        cause, code = _cause(row, account, end)
        evidence = _evidence(row, account)
        if cause is EndCause.SIGNALLED and code is not None:
            evidence["signal"] = _signal(code)
        if entry.cancelled:
            evidence["cancel"] = entry.cancelled
        return Observation(
            order_id=entry.order_id,
            state=OrderState.LOST if cause is EndCause.LOST else OrderState.ENDED,
            started=started,
            ended=ended,
            cause=cause,
            exit_code=code,
            cpu_s=_cpu_s(account, end),
            memory_bytes_peak=None if account is None else account.memory_bytes_peak,
            energy_kwh_it=self._energy_kwh(entry.claim.job, account, entry.claim.started, last),
            evidence=evidence,
            progress=last_json_line(self._folder(entry) / "log"),
        )

    def _energy_kwh(self, job: str, account: Account | None, started: float, ended: float | None) -> float | None:
        """From Slurm's own plugin (of whole nodes), else from the accelerators' sensors; None without either."""
        if account is not None and account.energy_j is not None:
            return account.energy_j / KWH_J
        return None if self._meter is None or ended is None else self._meter.energy_kwh(job, started, ended)

    def never_began(self, entry: Entry, row: Row | None) -> Observation:
        """Cancelled, or lost, before its program started: no start."""
        cancelled = bool(entry.cancelled) or (row is not None and OVER.get(row.state) is EndCause.CANCELLED)
        ended = self._clock.now() if row is None or row.end is None else self._clock.from_wall(row.end)
        return Observation(
            order_id=entry.order_id,
            state=OrderState.ENDED if cancelled else OrderState.LOST,
            ended=ended,
            cause=EndCause.CANCELLED if cancelled else EndCause.LOST,
            evidence=({} if row is None else _evidence(row)) | ({"cancel": entry.cancelled} if entry.cancelled else {}),
        )

    def _lost(self, entry: Entry, row: Row | None, started: float) -> Observation:
        """It began, and nobody knows how it ended: no end, so that it is not billed further."""
        return Observation(
            order_id=entry.order_id,
            state=OrderState.LOST,
            started=self._clock.from_wall(started),
            cause=EndCause.LOST,
            evidence=_evidence(row) if row is not None else {"engine": "slurm", "state": LOST_STATE},
        )

    def _within(self, seen: float, slurm: float | None) -> datetime:
        """The mark's time, moved into the second that Slurm says."""
        return self._clock.from_wall(seen if slurm is None else min(max(seen, slurm), slurm + SECOND))

    def _folder(self, entry: Entry) -> Path:
        return self._root / "orders" / entry.order_id


def _cause(row: Row, account: Account | None, end: End | None) -> tuple[EndCause, int | None]:
    """Why it ended, and the program's own exit code (128 + the signal, as shells say it)."""
    cause, code = OVER[row.state], None
    if end is not None:
        code = end.exit_code
    elif account is not None and account.exit_code is not None:
        code = 128 + account.signal if account.signal else account.exit_code
    if cause is EndCause.LOST:
        return cause, None
    if cause is EndCause.EXITED and end is not None and end.late:
        return EndCause.TIME_LIMIT, code
    if cause is EndCause.SIGNALLED:
        return cause, code or 128 + signal.SIGKILL
    if cause is EndCause.EXITED and code is None:
        return EndCause.LOST, None
    if cause is EndCause.EXITED and code is not None and 128 < code <= 128 + signal.NSIG:
        return EndCause.SIGNALLED, code
    return cause, code


def _cpu_s(account: Account | None, end: End | None) -> float | None:
    """Slurm's books count what the program left behind too; `times` only what it waited for."""
    if account is not None and account.cpu_s is not None:
        return account.cpu_s
    return None if end is None else end.cpu_s


def _signal(code: int) -> str:
    try:
        return signal.Signals(code - 128).name
    except ValueError:
        return str(code - 128)


def _evidence(row: Row, account: Account | None = None) -> dict[str, str]:
    """What an auditor can look up at the site."""
    known = {
        "engine": "slurm",
        "job": row.id,
        "state": row.state,
        "nodes": row.nodes,
        "reason": "" if row.reason == "None" else row.reason,
        "tres": "" if account is None else account.tres,
        "books": "" if account is None else account.source,
    }
    return {name: value for name, value in known.items() if value}
