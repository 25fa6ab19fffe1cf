"""One agent as a process: composed from the command line and the settings, ended by SIGINT or SIGTERM."""

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import FrameType

from suanwang.adapters.clock import SystemClock
from suanwang.adapters.engines import open_engines
from suanwang.agent.agent import Agent
from suanwang.agent.driver import Said
from suanwang.agent.link import HttpLink, read_token
from suanwang.agent.spool import Spool
from suanwang.domain.site import Pool
from suanwang.errors import msg
from suanwang.ports import Engine
from suanwang.settings import read_settings


def spool_folder(site_id: str, spool: str, home: Path) -> Path:
    """Where a site's spool is: as named, else in the home folder."""
    return Path(spool).expanduser() if spool else home / "agents" / site_id


def serve_site(
    *,
    hub: str,
    token_file: Path,
    site_id: str,
    engine: str,
    options: Mapping[tuple[str, str], str],
    spool: str,
    said: Said,
    take_over: bool,
) -> None:
    """Run the agent until a signal ends it; the step that runs is ended first.

    `options`: the engine's, by (pool or "", key); they count before what the hub's grid file says of the pool, since
    the site knows its engine. Raises InvalidInput, and what the hub refuses for good.
    """
    settings = read_settings(os.environ)
    read_token(token_file)
    clock = SystemClock()

    def open_all(pools: Sequence[Pool]) -> Mapping[str, Engine]:
        if not pools:
            said(msg("The hub's grid file gives site {site} no pool with engine: agent.", site=site_id))
        mine = [replace(p, engine=engine, options={**p.options, **_options(options, p.id)}) for p in pools]
        return open_engines(engine, mine, settings, clock)

    with (
        closing(Spool(spool_folder(site_id, spool, settings.home))) as kept,
        closing(HttpLink(hub, token_file)) as link,
    ):
        kept.own()
        stop = Event()

        def end(_signal: int, _frame: FrameType | None) -> None:
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        Agent(site_id, engine, kept, link, open_all, clock, said, take_over=take_over).run(stop)
    said(msg("The agent of site {site} has ended; jobs that run go on.", site=site_id))


def _options(options: Mapping[tuple[str, str], str], pool_id: str) -> dict[str, str]:
    """Those of every pool, then those of this one."""
    everywhere = {key: value for (pool, key), value in options.items() if not pool}
    return everywhere | {key: value for (pool, key), value in options.items() if pool == pool_id}
