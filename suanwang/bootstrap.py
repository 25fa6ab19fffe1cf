"""The only composition: settings to adapters to services."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Self

from suanwang.adapters.bundles import Bundles
from suanwang.adapters.catalog import load_catalog
from suanwang.adapters.clock import FastClock, SystemClock
from suanwang.adapters.engines import open_engines as open_engines_of
from suanwang.adapters.engines.agent import agent_engines
from suanwang.adapters.signals.source import signal_reader
from suanwang.adapters.store.sql import open_store
from suanwang.domain.catalog import Catalog
from suanwang.domain.price import PriceBook
from suanwang.domain.signal import Signal
from suanwang.domain.site import Grid
from suanwang.domain.workload import Workload
from suanwang.errors import InvalidInput, Problem, msg, why_not_read
from suanwang.hub_ports import HubStore
from suanwang.ports import Clock, Engine
from suanwang.schemas.grid import read_grid, read_grid_signals
from suanwang.schemas.price_book import read_price_book
from suanwang.schemas.workload import read_workload
from suanwang.schemas.yaml_file import decode
from suanwang.service.feeds import with_remembered
from suanwang.service.hub import Hub
from suanwang.service.tenants import open_accounts
from suanwang.settings import Settings, read_settings

THIS_MACHINE = "suanwang/data/grids/this-machine.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything composed: the settings, the catalog, and the hub that the use cases work with.

    `store` is the hub's own, with users, tokens and the audit log. `grid_file`: "" for this machine alone.
    """

    settings: Settings
    catalog: Catalog
    hub: Hub
    store: HubStore
    grid_file: str = ""

    def read_signals(self) -> tuple[dict[str, dict[str, Signal]], list[Problem]]:
        """What the sites take from elsewhere, read anew: by site and field, and what is wrong with the others.

        Raises InvalidInput where the grid file cannot be read.
        """
        if not self.grid_file:
            return {}, []
        read = signal_reader(Path(self.grid_file).parent, SystemClock().now())
        return read_grid_signals(read_text(self.grid_file), self.grid_file, read)

    @property
    def bundles(self) -> Bundles:
        """The files that were sent for jobs. Hubs that share a database share this folder."""
        return Bundles(self.settings.home / "bundles")

    def close(self) -> None:
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_house(environment: Mapping[str, str] | None = None, *, grid: str = "") -> House:
    """Compose from the environment (os.environ unless given); `grid`: a grid file, else the setting, else this machine.

    Raises InvalidInput for settings, catalog overlays or a grid file with problems.
    """
    settings = read_settings(os.environ if environment is None else environment)
    catalog = load_catalog(settings.catalog)
    grid = grid or settings.grid
    plan = load_grid(grid, catalog, load_price_books(settings.price_books))
    make_home(settings.home)
    clock = open_clock(settings)
    store = open_store(settings.database_url)
    plan = with_remembered(plan, store, clock.now())
    hub = Hub(
        store=store,
        clock=clock,
        grid=plan,
        engines=open_engines(plan, settings, clock, store),
        accelerators=catalog.accelerators,
    )
    open_accounts(hub)
    return House(settings=settings, catalog=catalog, hub=hub, store=store, grid_file=grid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What an estimate off the grid needs: no store, no engines."""

    settings: Settings
    catalog: Catalog
    clock: Clock

    def read_workload(self, path: str) -> Workload:
        """Read a workload file. Raises InvalidInput with every problem."""
        return read_workload(read_text(path), path, self.catalog, self.clock.now(), self.settings.tenant)


def open_desk(environment: Mapping[str, str] | None = None) -> Desk:
    """Compose from the environment (os.environ unless given). Raises InvalidInput."""
    settings = read_settings(os.environ if environment is None else environment)
    if settings.clock_speed != 1:
        make_home(settings.home)
    return Desk(settings=settings, catalog=load_catalog(settings.catalog), clock=open_clock(settings))


def make_home(folder: Path) -> None:
    """Make the home folder unless it is there. Raises InvalidInput."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = why_not_read(error)
        what = msg("The folder {folder} cannot be made: {why}.", folder=str(folder), why=why)
        raise InvalidInput([Problem("SUANWANG_HOME", what, msg("Name a folder that you may write to."))]) from error


def load_price_books(folders: Sequence[Path]) -> list[PriceBook]:
    """Every price book file of some folders, by name. Raises InvalidInput with the problems of all of them."""
    problems: list[Problem] = []
    books: list[PriceBook] = []
    for folder in folders:
        if not folder.is_dir():
            what = msg("There is no folder {folder}.", folder=str(folder))
            problems.append(Problem("SUANWANG_PRICE_BOOKS", what, msg("Name folders of price book files.")))
        for path in sorted(folder.glob("*.yaml")):
            try:
                books.append(read_price_book(read_text(str(path)), str(path)))
            except InvalidInput as wrong:
                problems += wrong.problems
    versions = [(book.id, book.version) for book in books]
    for book_id, version in sorted({v for v in versions if versions.count(v) > 1}):
        what = msg("Version {version} of price book {id} is in two files.", version=version, id=book_id)
        problems.append(Problem("SUANWANG_PRICE_BOOKS", what, msg("Keep one of them; a change is a new version.")))
    if problems:
        raise InvalidInput(problems)
    return books


def load_grid(path: str, catalog: Catalog, books: Sequence[PriceBook] = ()) -> Grid:
    """Read a grid file; "" is the built-in grid of this machine alone, with as many cards as it has processors."""
    if path:
        read = signal_reader(Path(path).parent, SystemClock().now())
        return read_grid(read_text(path), path, catalog, books, read)
    text = files("suanwang").joinpath("data/grids/this-machine.yaml").read_text(encoding="utf-8")
    plan = read_grid(text, THIS_MACHINE, catalog, books)
    processors = os.cpu_count() or 1
    return replace(plan, pools=tuple(replace(p, accelerators_per_node=processors) for p in plan.pools))


def read_text(path: str) -> str:
    """The text of a file that a user named. Raises InvalidInput when it cannot be read or is not UTF-8."""
    return decode(read_bytes(path), path)


def read_bytes(path: str) -> bytes:
    """What is in a file that a user named. Raises InvalidInput when it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        why = why_not_read(error)
        raise InvalidInput(
            [Problem(path, msg("The file cannot be read: {why}.", why=why), msg("Check the path and its rights."))]
        ) from error


def open_clock(settings: Settings) -> Clock:
    """Real time, or a fast clock that keeps its start in the home folder, so that restarts do not set it back."""
    if settings.clock_speed == 1:
        return SystemClock()
    mark = settings.home / "clock-started"
    if not mark.exists():
        draft = mark.with_name(f"{mark.name}.{os.getpid()}")
        draft.write_text(repr(FastClock.wall_now()))
        with suppress(FileExistsError):  # another process was first: its start is everybody's
            mark.hardlink_to(draft)
        draft.unlink()
    origin = datetime.fromisoformat(settings.clock_origin)
    return FastClock(origin, settings.clock_speed, float(mark.read_text()))


def open_engines(grid: Grid, settings: Settings, clock: Clock, store: HubStore) -> dict[str, Engine]:
    """The engine of each pool that this process can drive; the other pools can be quoted, and take no job here.

    An agent's is the only one that works with the store: what is wanted of a site lies there until its agent asks.
    """
    engines = agent_engines(grid.pools, store, clock)
    for name in dict.fromkeys(pool.engine for pool in grid.pools):
        engines |= open_engines_of(name, [pool for pool in grid.pools if pool.engine == name], settings, clock)
    return engines
