"""What the replay commands take: a trace, the pools that it is played on, and what is assumed."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.adapters.traces.read import DemandTrace, JobTrace
    from suanwang.domain.entitlement import Entitlements
    from suanwang.domain.site import Grid
    from suanwang.replay.costs import Rates
    from suanwang.replay.scenario import Ground

Command = TypeVar("Command", bound=Callable[..., Any])
PATH = click.Path(path_type=Path)

TRACE = (
    click.option("--nodes", type=PATH, help="List of nodes (openb; else the one beside)."),
    click.option("--throughputs", type=PATH, help="Table of throughputs (Gavel; else the one beside)."),
    click.option("--prompt-tokens-per-s", type=click.FloatRange(0, min_open=True), help="Of a slot (LLM requests)."),
    click.option("--answer-tokens-per-s", type=click.FloatRange(0, min_open=True), help="Of a slot (LLM requests)."),
)
POOL = (
    click.option("--accelerators", type=click.IntRange(1), help="Of the pool (else as the trace or the grid tells)."),
    click.option("--pools", help="Several kinds, as v100=8,p100=16 (instead of --accelerators)."),
    click.option("--per-node", type=click.IntRange(1), help="Accelerators on a node; a packing needs it."),
    click.option("--nodes-per-rack", type=click.IntRange(1), help="For the topology packing."),
    click.option("--racks-per-pod", type=click.IntRange(1), help="For the topology packing."),
    click.option("--grid", help="Grid file: prices, tariffs and carbon of the pool."),
    click.option("--pool", "pool_ids", multiple=True, help="Pool of the grid file; repeat for several at once."),
    click.option("--entitlements", "entitlements_file", type=PATH, help="Entitlements with weights and quotas (YAML)."),
    click.option("--begin", help="Time of the trace's second 0 (else as the trace tells, or 2026-01-01)."),
)
TERMS = (
    click.option("--elastic", help="Assume that jobs scale: LEAST:MOST:SERIAL, as 0.5:2:0.05."),
    click.option("--restart", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds to stop a job."),
    click.option("--every", type=click.FloatRange(0), default=0.0, help="Seconds between cycles (0: at every event)."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="How many runs."),
    click.option("--first-seed", type=int, default=42, show_default=True, help="Of the runs; 42 as in FGD's."),
)


def ground_options(command: Command) -> Command:
    """The trace and all that it is played on."""
    for option in reversed((*TRACE, *POOL, *TERMS)):
        command = option(command)
    return click.argument("trace", type=PATH)(command)


def read(trace: Path, options: Mapping[str, Any]) -> "JobTrace | DemandTrace":
    """Raises NotFound, InvalidInput."""
    from suanwang.adapters.traces.read import read_trace
    from suanwang.adapters.traces.tables import Service

    prompt, answer = options["prompt_tokens_per_s"], options["answer_tokens_per_s"]
    service = Service(prompt, answer) if prompt and answer else None
    return read_trace(trace, options["nodes"], options["throughputs"], service)


def ground(read: "JobTrace", trace: Path, options: Mapping[str, Any], at: str = "") -> "Ground":
    """The pools and terms of a trace of jobs; `at`: one pool of the grid instead of those of --pool.

    Raises NotFound, InvalidInput, MissingFigure.
    """
    from suanwang.domain.entitlement import Entitlements
    from suanwang.replay.ground import pool_of
    from suanwang.replay.scenario import Elasticity, Ground, NodeShape

    begin = _begin(read, options["begin"])
    pools, currency, per_node = _plain_pools(read, trace, options), "", options["per_node"]
    rates: tuple[Rates, ...] = ()
    if options["grid"]:
        grid = _grid(options["grid"])
        names = (at,) if at else options["pool_ids"] or tuple(p.id for p in grid.pools if len(grid.pools) == 1)
        if not names:
            known = ", ".join(p.id for p in grid.pools)
            remedy = msg("Name one with --pool. The grid has: {known}.", known=known)
            raise InvalidInput([Problem("--pool", msg("the grid has several pools"), remedy)])
        end = begin + timedelta(days=30) + 3 * timedelta(seconds=float((read.jobs.submit_s + read.jobs.run_s).max()))
        found = [pool_of(grid, name, begin, end) for name in names]
        pools, rates, currency = [state for state, _ in found], tuple(rate for _, rate in found), grid.currency
        per_node = per_node or grid.pool(names[0]).accelerators_per_node
        if options["accelerators"]:
            pools = [_sized(pool, options["accelerators"]) for pool in pools]
    if pools is None:
        problem = msg("the trace does not tell how many accelerators there are")
        raise InvalidInput([Problem(str(trace), problem, msg("Say it with --accelerators."))])
    shape = None
    if per_node:
        racks, pods = options["nodes_per_rack"] or 0, options["racks_per_pod"] or 0
        shape = NodeShape(per_node=per_node, nodes_per_rack=racks, racks_per_pod=pods)
    return Ground(
        jobs=read.jobs,
        pools=tuple(pools),
        begin=begin,
        shape=shape,
        rates=rates,
        currency=currency,
        entitlements=_entitlements(options["entitlements_file"]) if options["entitlements_file"] else Entitlements(),
        elasticity=_elastic(options["elastic"], Elasticity),
        restart_s=options["restart"],
        every_s=options["every"],
    )


def _plain_pools(read: "JobTrace", trace: Path, options: Mapping[str, Any]) -> Any:
    """As --pools or --accelerators say, else as the trace tells; None when nobody does."""
    from suanwang.schedule.snapshot import PoolState

    if options["pools"]:
        sizes = _sizes(options["pools"])
        kinds = {kind for row in read.jobs.speeds.values() for kind in row}
        if kinds and not set(sizes) & kinds:
            remedy = msg("The table of throughputs has: {known}.", known=", ".join(sorted(kinds)))
            raise InvalidInput([Problem("--pools", msg("no job runs in any of the pools"), remedy)])
    else:
        if read.jobs.speeds:
            listed = sorted({kind for row in read.jobs.speeds.values() for kind in row})
            remedy = msg(
                "Say how many there are of each, as --pools {example}.", example=",".join(f"{k}=8" for k in listed)
            )
            raise InvalidInput([Problem(str(trace), msg("the trace is for several kinds of accelerators"), remedy)])
        size = options["accelerators"] or read.accelerators
        if size is None:
            return None
        sizes = {"pool": size}
    return [PoolState(pool_id=name, accelerators=size, free=size) for name, size in sizes.items()]


def _sized(pool: Any, accelerators: int) -> Any:
    from dataclasses import replace

    return replace(pool, accelerators=accelerators, free=accelerators)


def _sizes(text: str) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for part in text.split(","):
        name, _, count = part.partition("=")
        if not name.strip() or not count.strip().isdigit() or int(count) < 1:
            remedy = msg("Write it as v100=8,p100=16.")
            raise InvalidInput([Problem("--pools", msg("{part!r} cannot be read", part=part), remedy)])
        sizes[name.strip()] = int(count)
    return sizes


def _begin(read: "JobTrace", given: str | None) -> datetime:
    if given is None:
        return datetime.fromtimestamp(read.zero_s, UTC) if read.zero_s is not None else datetime(2026, 1, 1, tzinfo=UTC)
    try:
        when = datetime.fromisoformat(given)
    except ValueError as error:
        remedy = msg("Write it as 2026-01-31 or 2026-01-31T08:00+08:00.")
        raise InvalidInput([Problem("--begin", msg("{given!r} is no time", given=given), remedy)]) from error
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def _elastic(given: str | None, kind: Any) -> Any:
    if given is None:
        return None
    try:
        least, most, serial = (float(part) for part in given.split(":"))
        if not (0 < least <= 1 <= most and 0 <= serial <= 1):
            raise ValueError(given)
    except ValueError as error:
        remedy = msg("Write LEAST:MOST:SERIAL, with LEAST to 1, MOST from 1 on and SERIAL from 0 to 1.")
        raise InvalidInput([Problem("--elastic", msg("{given!r} cannot be read", given=given), remedy)]) from error
    return kind(least=least, most=most, serial=serial)


def _grid(name: str) -> "Grid":
    import os

    from suanwang.adapters.catalog import load_catalog
    from suanwang.bootstrap import load_grid
    from suanwang.settings import read_settings

    return load_grid(name, load_catalog(read_settings(os.environ).catalog))


def _entitlements(path: Path) -> "Entitlements":
    from suanwang.adapters.traces.text import read_text
    from suanwang.schemas.entitlements import read_entitlements

    return read_entitlements(read_text(path), str(path))


def malformed(terminal: Terminal, read: "JobTrace | DemandTrace", *, told: bool) -> dict[str, Any]:
    """How many lines were left out, and the first of them; unless the JSON tells, stderr does."""
    lost = read.malformed
    if lost.count and not told:
        for problem in lost.first[:3]:
            terminal.note(msg("{place}: {problem}", place=problem.place, problem=problem.message))
        terminal.note(msg("lines left out: {count}; --json lists the first hundred of them", count=lost.count))
    lines = [{"place": p.place, "problem": terminal.text(p.message)} for p in lost.first]
    return {"malformed_lines": lost.count, "malformed_first": lines}
