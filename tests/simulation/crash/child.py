"""One process of the crash tests: forked, so that nothing is imported anew, and killed by its own hand."""

import os
import pickle
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class ChildFailed(Exception):
    """The child raised; this is its traceback."""


@dataclass(frozen=True, slots=True)
class Ended(Generic[Answer]):
    """`answer` None: it was killed."""

    answer: Answer | None
    killed: bool


def die() -> None:
    """What a power cut or the kernel's memory killer does: no handler runs, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)


def in_child(work: Callable[[], Answer]) -> Ended[Answer]:
    """Run it in a process of its own and wait for its end. Raises ChildFailed when it raises."""
    return start(work)()


def start(work: Callable[[], Answer]) -> Callable[[], Ended[Answer]]:
    """Start it; what is returned waits for its end."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        _report(work, theirs)
    os.close(theirs)

    def wait() -> Ended[Answer]:
        with os.fdopen(ours, "rb") as pipe:
            said = pipe.read()
        status = os.waitpid(pid, 0)[1]
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return Ended(None, killed=True)
        if os.waitstatus_to_exitcode(status):
            raise ChildFailed(said.decode(errors="replace"))
        return Ended(pickle.loads(said), killed=False)

    return wait


def _report(work: Callable[[], object], pipe: int) -> None:
    """In the child. Never returns, so nothing of the parent's test run goes on here."""
    code = 1
    try:
        try:
            said, code = pickle.dumps(work()), 0
        except BaseException:  # noqa: BLE001 - whatever it was, the parent is told
            said = traceback.format_exc().encode()
        with os.fdopen(pipe, "wb") as file:
            file.write(said)
    finally:
        os._exit(code)
