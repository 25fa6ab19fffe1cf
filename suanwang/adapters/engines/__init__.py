"""Engines, one module each: a pool names the module, whose `open_engines` makes them. There is no list to keep."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pkgutil import iter_modules

from suanwang.domain.site import Pool
from suanwang.ports import Clock, Engine
from suanwang.settings import Settings


def is_engine(name: str) -> bool:
    """Whether a module here makes engines of that name."""
    known = name in {module.name for module in iter_modules(__path__)}
    return known and hasattr(import_module(f"{__name__}.{name}"), "open_engines")


def open_engines(name: str, pools: Sequence[Pool], settings: Settings, clock: Clock) -> Mapping[str, Engine]:
    """The engines of that name, by pool id; pools that this machine cannot drive are left out.

    Raises InvalidInput for a pool whose options the engine does not have.
    """
    if not is_engine(name):
        return {}
    engines: Mapping[str, Engine] = import_module(f"{__name__}.{name}").open_engines(pools, settings, clock)
    return engines
