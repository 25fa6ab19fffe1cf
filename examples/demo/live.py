"""Several jobs at once, followed to their end: a line for each event, and what the programs say of their progress."""

import json
import os
import signal
import time
from collections.abc import Mapping
from typing import Any

from suanwang.domain.job import ACTIVE, Job, JobState
from suanwang.domain.order import OrderState
from suanwang.errors import NotNow, msg
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.sdk import Client

TICK_S = 0.1
PATIENCE_S = 120.0
"""A demo that takes longer is broken."""
BAR = 6
"""Characters for one unit of loss."""

Report = Mapping[str, Any]


class Live:
    """The jobs by name, and every report (JSON line) that their programs wrote.

    `kill_at_step`: the training's process is killed when it has reported that step, once.
    """

    def __init__(self, terminal: Terminal, client: Client, kill_at_step: int) -> None:
        self.jobs: dict[str, Job] = {}
        self.reports: dict[str, list[Report]] = {}
        self.kill_at_step: int | None = kill_at_step
        self._terminal = terminal
        self._client = client
        self._zone = client.house.hub.grid.sites[0].zone
        self._shown: dict[str, tuple[object, ...]] = {}
        self._read: dict[tuple[str, int], int] = {}

    def add(self, job: Job) -> None:
        self.jobs[job.workload.name] = job
        self.reports[job.workload.name] = []

    def follow(self) -> None:
        """Tick until every job is settled. Raises TimeoutError after PATIENCE_S."""
        end = time.monotonic() + PATIENCE_S
        while not all(job.state is JobState.SETTLED for job in self.jobs.values()):
            if time.monotonic() > end:
                raise TimeoutError(f"not settled after {PATIENCE_S:.0f} s: {', '.join(self.jobs)}")
            report = self._client.tick()
            for name, job in self.jobs.items():
                self.jobs[name] = self._client.job(job.id)
                self._progress(self.jobs[name])
                self._event(self.jobs[name])
            if report.idle:
                time.sleep(TICK_S)

    def stop(self) -> None:
        """Ask for the end of every job, and wait until no program of theirs is left."""
        hub = self._client.house.hub
        for job in self.jobs.values():
            self._client.cancel(job.id)
        with hub.store.transaction() as tx:
            orders = [order for order, _ in tx.jobs.orders(open_only=True)]
        for order in orders:
            hub.engine(order.pool_id).cancel(order.id)
        while any(
            observation.state in (OrderState.PENDING, OrderState.RUNNING)
            for order in orders
            for observation in hub.engine(order.pool_id).observe([order.id])
        ):
            time.sleep(TICK_S)

    def _say(self, job: Job, text: str) -> None:
        place = job.placement.option.site_id if job.placement else "–"
        self._terminal.say(
            f"{self._client.now().astimezone(self._zone):%H:%M}  {place:<9} {job.workload.name:<18} {text}"
        )

    def _event(self, job: Job) -> None:
        """A line for each change of state, reason or attempt; submitting, queueing and settling go without saying."""
        news = (job.state, job.reason, job.attempt)
        if news == self._shown.get(job.id) or job.state in (JobState.SUBMITTED, JobState.QUEUED):
            return
        self._shown[job.id] = news
        words = [(job.outcome or job.state).value]
        if job.reason is not None:
            words.append(job.reason.value)
        if job.state in ACTIVE:
            words.append(self._terminal.text(msg("attempt {number}", number=job.attempt)))
        elif job.state is JobState.HELD and job.placement is not None:
            start = job.placement.option.start.astimezone(self._zone)
            words.append(self._terminal.text(msg("planned for {time}", time=f"{start:%H:%M}")))
        elif job.detail is not None:
            words.append(self._terminal.text(job.detail))
        self._say(job, " · ".join(words))

    def _progress(self, job: Job) -> None:
        """What the latest attempt wrote since the last look."""
        key = (job.id, job.attempt)
        try:
            new = self._client.logs(job.id, self._read.get(key, 0))
        except NotNow:
            return
        whole = new[: new.rfind(b"\n") + 1]
        self._read[key] = self._read.get(key, 0) + len(whole)
        for line in whole.decode(errors="replace").splitlines():
            if line.startswith("{"):
                self._report(job, json.loads(line))
            else:
                self._say(job, line[:80])

    def _report(self, job: Job, report: Report) -> None:
        self.reports[job.workload.name].append(report)
        match report:
            case {"step": step, "steps": steps, "loss": loss, "loss_held_out": held_out}:
                text = msg(
                    "  step {step:>3}/{steps}  loss {loss:.2f}  held out {held_out:.2f}",
                    step=step,
                    steps=steps,
                    loss=loss,
                    held_out=held_out,
                )
                self._say(job, f"{self._terminal.text(text)}  {'▇' * round(loss * BAR)}")
                if self.kill_at_step is not None and step >= self.kill_at_step:
                    self.kill_at_step = None
                    self._kill(job)
            case {"resumed_from": step}:
                self._say(job, self._terminal.text(msg("  resumes from its checkpoint at step {step}", step=step)))
            case {"round": done, "rounds": rounds, "error": error} if done * 4 % rounds == 0:
                text = msg("  round {done}/{rounds}  mean error {error:.4f}", done=done, rounds=rounds, error=error)
                self._say(job, self._terminal.text(text))
            case {"bits_per_character": bits, "model": model}:
                text = msg("  {model}: {bits:.2f} bits per character", model=model, bits=bits)
                self._say(job, self._terminal.text(text))

    def _kill(self, job: Job) -> None:
        """As a broken node would end it: no warning, nothing saved."""
        with self._client.house.hub.store.transaction() as tx:
            seen = [observation for _, observation in tx.jobs.orders(open_only=True, job_id=job.id) if observation]
        pid = int(seen[-1].evidence["pid"])
        self._say(job, self._terminal.text(msg("  the demo kills its process {pid} (kill -9)", pid=pid)))
        os.kill(pid, signal.SIGKILL)
