"""`profile`: run a workload for a while on a node of a pool, and tell from its progress what the whole run takes."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from suanwang.errors import InvalidInput, NotNow, Problem, msg
from suanwang.interfaces.cli.run import grid_option, json_option, workload_file
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.domain.job import Job
    from suanwang.domain.site import Grid, Pool
    from suanwang.domain.workload import Workload
    from suanwang.estimate.extrapolation import Extrapolated, Seen
    from suanwang.sdk import Client

PROGRESS = r"(\d[\d,]*)\s*(?:/|of)\s*(\d[\d,]*)"
"""How programs say how far they are: 120/1000, step 12 of 300."""


@click.command()
@workload_file
@grid_option
@click.option("--seconds", type=click.FloatRange(1, 86400), default=120, show_default=True, help="How long it may run.")
@click.option("--pool", default="", help="On a node of this pool (else of the only one).")
@click.option("--progress", default=PROGRESS, help="Pattern of its output: what is done, and of how many (in groups).")
@click.option(
    "--total", type=click.FloatRange(min=0, min_open=True), help="Of how many, where the output does not say."
)
@json_option
@click.pass_obj
def profile(
    terminal: Terminal,
    workload: str,
    grid: str,
    seconds: float,
    pool: str,
    progress: str,
    total: float | None,
    as_json: bool,
) -> int:
    """Run a workload for a while on one node, and extrapolate its progress to the whole run, with the error of that.

    The run is a job like any other, metered and billed, that ends after --seconds. The program must print how far it is
    (as "120/1000" or "step 12 of 300", or what --progress says). The result is the `batch:` of a workload whose
    duration is known; the band is that of the rate, 95 %.

    \b
    Examples:
      suanwang profile train.yaml --seconds 120
      suanwang profile train.yaml --pool east --progress "iteration (\\d+)" --total 50000
    """
    from suanwang.estimate.extrapolation import extrapolate
    from suanwang.interfaces.cli.views import why
    from suanwang.sdk import Client

    pattern = _pattern(progress, total)
    with Client.open(grid) as client:
        order = client.read_workload(workload)
        where = _pool(client.house.hub.grid, pool)
        asked = _short(order, where, seconds)
        job = client.submit(asked, f"profile {client.now().isoformat()} {workload}")
        terminal.note(msg("Job {job} submitted.", job=job.id))
        watcher = Watcher(client, pattern, total)
        try:
            job = client.wait(job.id, watcher)
        except KeyboardInterrupt:
            client.cancel(job.id)
            job = client.wait(job.id, watcher)
        bill = client.invoice(job.id)
        if watcher.total is None or not watcher.seen:
            terminal.say(msg("Job {job} ended; no progress was seen in its output.", job=job.id))
            if job.reason is not None:
                terminal.say(why(job.reason, job.detail))
            return 1
        try:
            found = extrapolate(watcher.seen, watcher.total)
        except ValueError as error:
            terminal.say(msg("Job {job} ended; too little to tell: {why}.", job=job.id, why=str(error)))
            return 1
        expected = job.placement.option.estimate if job.placement else None
        estimated = sum(expected.breakdown_s.values()) if expected else None
        cards = job.placement.option.accelerators if job.placement else 0
    if as_json:
        terminal.json(_as_json(job, where, cards, found, watcher, estimated))
    else:
        from suanwang.interfaces.cli.views import show_invoice

        _show(terminal, where, cards, found, watcher, estimated)
        show_invoice(terminal, bill)
    return 0


def _pattern(text: str, total: float | None) -> re.Pattern[str]:
    """Raises InvalidInput for what is no pattern, or has too few groups."""
    try:
        pattern = re.compile(text)
    except re.error as error:
        what = msg("this is no pattern: {why}", why=str(error))
        raise InvalidInput([Problem("--progress", what, msg("Give a regular expression."))]) from error
    if pattern.groups < (1 if total else 2):
        what = msg("the pattern has {count} groups.", count=pattern.groups)
        remedy = msg("Put what is done and of how many in brackets, or state --total.")
        raise InvalidInput([Problem("--progress", what, remedy)])
    return pattern


def _pool(grid: "Grid", wanted: str) -> "Pool":
    """The named pool, or the only one. Raises InvalidInput, NotFound."""
    if wanted:
        return grid.pool(wanted)
    if len(grid.pools) > 1:
        known = ", ".join(p.id for p in grid.pools)
        what = msg("the grid has {count} pools.", count=len(grid.pools))
        raise InvalidInput([Problem("--pool", what, msg("Name one of: {known}.", known=known))])
    return grid.pools[0]


def _short(order: "Workload", pool: "Pool", seconds: float) -> "Workload":
    """The same workload on at most a node of the pool, ended after so many seconds."""
    count = min(order.demand.count or pool.accelerators_per_node, pool.accelerators_per_node)
    return replace(
        order,
        demand=replace(order.demand, count=count),
        limits=replace(order.limits, time_limit_s=seconds, deadline=None, earliest_start=None),
        requires={**order.requires, "pool": (pool.id,)},
        labels={**order.labels, "profile": "true"},
    )


class Watcher:
    """Reads the job's output as it grows and keeps what it says of its progress, with the time since it ran."""

    def __init__(self, client: "Client", pattern: re.Pattern[str], total: float | None) -> None:
        self._client, self._pattern, self.total = client, pattern, total
        self.seen: list[Seen] = []
        self._offset, self._rest, self._began = 0, "", 0.0

    def __call__(self, job: "Job") -> None:
        from suanwang.estimate.extrapolation import Seen

        now = self._client.now().timestamp()
        if not self._began and (job.state.value == "running" or job.outcome):
            self._began = now
        try:
            more = self._client.logs(job.id, self._offset)
        except NotNow:
            return
        self._offset += len(more)
        text = self._rest + more.decode("utf-8", "replace")
        # what has no end yet may be half a number
        end = max(text.rfind("\n"), text.rfind("\r")) + 1
        self._rest = text[end:][-1000:]
        found = list(self._pattern.finditer(text[:end]))
        if not found or not self._began:
            return
        last = found[-1]
        self.seen.append(Seen(now - self._began, float(last.group(1).replace(",", ""))))
        if self.total is None and self._pattern.groups > 1:
            self.total = float(last.group(2).replace(",", ""))


def _as_json(
    job: "Job", pool: "Pool", cards: int, found: "Extrapolated", watcher: Watcher, estimated: float | None
) -> dict[str, object]:
    from suanwang.schemas.wire import plain

    return {
        "job": job.id,
        "pool": pool.id,
        "accelerator": pool.accelerator.id,
        "accelerators": cards,
        "sightings": len(watcher.seen),
        "done": watcher.seen[-1].done,
        "total": watcher.total,
        "rate_per_s": plain(found.rate),
        "start_s": found.start_s,
        "duration_s": plain(found.duration_s),
        "estimated_s": estimated,
        "measured_over_estimated": found.duration_s.mid / estimated if estimated else None,
        "batch": {
            "duration": f"{found.duration_s.mid:.0f} s",
            "duration_accelerator": pool.accelerator.id,
            "duration_accelerators": cards,
        },
    }


def _show(
    terminal: Terminal, pool: "Pool", cards: int, found: "Extrapolated", watcher: Watcher, estimated: float | None
) -> None:
    from suanwang.interfaces import figures

    terminal.say(
        msg(
            "{done} of {total} done after {seconds} s: {rate} a second (95 %: {low} to {high})",
            done=f"{watcher.seen[-1].done:g}",
            total=f"{watcher.total:g}",
            seconds=f"{watcher.seen[-1].second:.1f}",
            rate=f"{found.rate.mid:.4g}",
            low=f"{found.rate.low:.4g}",
            high=f"{found.rate.high:.4g}",
        )
    )
    terminal.say(
        msg(
            "The whole run on {cards} × {card}: {time}",
            cards=cards,
            card=pool.accelerator.id,
            time=figures.durations(found.duration_s),
        )
    )
    if estimated:
        terminal.say(
            msg(
                "Estimated was {time}: {ratio} times as long.",
                time=figures.duration(estimated),
                ratio=f"{found.duration_s.mid / estimated:.2f}",
            )
        )
    terminal.say("  batch:")
    terminal.say(f"    duration: {found.duration_s.mid:.0f} s")
    terminal.say(f"    duration_accelerator: {pool.accelerator.id}")
    terminal.say(f"    duration_accelerators: {cards}")
