"""Policies, one module each: a policy has the name of its module, and is its POLICY. No list to keep."""

from importlib import import_module
from pkgutil import iter_modules

from suanwang.errors import NotFound, msg
from suanwang.schedule.options import split_options, with_options
from suanwang.schedule.policy import Keyed, Policy


def policy_names() -> list[str]:
    """What a grid file may write as its policy."""
    return sorted(module.name for module in iter_modules(__path__))


def find_kept(text: str) -> Keyed:
    """A policy whose order does not change while jobs wait. Raises NotFound, InvalidInput, TypeError for another."""
    policy = find_policy(text)
    if not isinstance(policy, Keyed):
        raise TypeError(f"the order of {policy.name} changes with time")
    return policy


def find_policy(text: str) -> Policy:
    """The policy of that name, with its options: `las`, `las(quantum=2h)`. Raises NotFound, InvalidInput."""
    name, options = split_options(text)
    name = name.replace("-", "_")
    known = policy_names()
    if name not in known:
        raise NotFound(
            "not-found",
            msg("there is no policy {name!r}", name=name),
            msg("Known: {known}.", known=", ".join(known)),
        )
    policy: Policy = import_module(f"{__name__}.{name}").POLICY
    return with_options(policy, options, text)
