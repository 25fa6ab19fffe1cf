"""What scripts that run a program on a site's node have in common, as text for a POSIX shell."""

import shlex
from collections.abc import Sequence

from suanwang.domain.order import Order

GRACE_S = 5.0
"""From TERM to KILL at the time limit."""

LATE = """\
sleep {limit_s} || exit 0 # ended from outside: the limit was not reached
: > "$1/late"
trap '' TERM
kill -s TERM -- "-$2"
sleep {grace_s}
kill -s KILL -- "-$2"
"""
OURS = frozenset(
    (
        "SUANWANG_JOB_ID",
        "SUANWANG_ATTEMPT",
        "SUANWANG_ACCELERATORS",
        "SUANWANG_CHECKPOINT_DIR",
        "SUANWANG_DATA_DIR",
        "SUANWANG_OUTPUT_DIR",
    )
)
"""Variables that the script sets itself: an order cannot."""


def command_text(order: Order, container: Sequence[str] = ()) -> str:
    """The program as text for /bin/sh: nothing in it is seen by the shell as anything but an argument.

    The order's environment comes on top; variables of the grid itself are kept.
    """
    pairs = [f"{name}={value}" for name, value in order.environment.items() if name not in OURS]
    return shlex.join(["exec", "env", *pairs, *container, *order.command])


def late_watch(limit_s: float) -> str:
    """A program `sh -c THIS late FOLDER GROUP`: after wall seconds it leaves FOLDER/late and ends the process group."""
    limit = f"{limit_s:.3f}" if limit_s < float("inf") else "infinity"
    return LATE.format(limit_s=limit, grace_s=GRACE_S)
