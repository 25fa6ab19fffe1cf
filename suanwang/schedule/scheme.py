"""A policy and a packing, as one line of a file names them: `fair_share(half_life=7d) + topology`."""

from dataclasses import dataclass

from suanwang.schedule.options import split_scheme
from suanwang.schedule.packing.by_name import find_packing
from suanwang.schedule.policies import find_policy
from suanwang.schedule.policy import Policy


@dataclass(frozen=True, slots=True)
class Scheme:
    """`packing`: its name; empty where none is named, and the engine of a pool picks the nodes."""

    policy: Policy
    packing: str = ""


def find_scheme(text: str) -> Scheme:
    """Raises NotFound, InvalidInput (wrong options)."""
    policy, packing = split_scheme(text)
    found = find_policy(policy)
    if packing:
        find_packing(packing, ())
    return Scheme(found, packing)
