"""Engines, one module each: a pool names the module, whose `open_engines` makes them. There is no list to keep."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pkgutil import iter_modules

from suanwang.domain.site import Pool
from suanwang.ports import Clock, Engine
from suanwang.settings import Settings


def open_engines(name: str, pools: Sequence[Pool], settings: Settings, clock: Clock) -> Mapping[str, Engine]:
    """The engines of that name, by pool id; pools that this machine cannot drive are left out.

    Raises InvalidInput for a pool whose options the engine does not have.
    """
    if name not in {module.name for module in iter_modules(__path__)}:
        return {}
    make = getattr(import_module(f"{__name__}.{name}"), "open_engines", None)
    engines: Mapping[str, Engine] = make(pools, settings, clock) if make else {}
    return engines
