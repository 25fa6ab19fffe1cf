"""Engines, one module each: a pool names the module, whose `open_engine` makes the engine. There is no list to keep."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from suanwang.ports import Clock, Engine
from suanwang.settings import Settings


def open_engine(name: str, pools: Mapping[str, int], settings: Settings, clock: Clock) -> Engine | None:
    """The engine of that name for these pools (accelerators by pool id); None where no module here makes it."""
    if name not in {module.name for module in iter_modules(__path__)}:
        return None
    make = getattr(import_module(f"{__name__}.{name}"), "open_engine", None)
    engine: Engine | None = make and make(pools, settings, clock)
    return engine
