"""What engines that run programs share: which names and commands they take, what a program gets, what its log tells."""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from suanwang.domain.order import Order
from suanwang.errors import Message, Never, NotNow, msg

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
"""An order id, job id or state key: one plain folder name."""
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "USER", "LOGNAME", "SHELL", "TZ", "TMPDIR")
"""What a program gets of the hub's environment; the order's own comes on top. The folder of the hub's interpreter is
the last of PATH: `python` is the one that the hub's owner would get, and ours where there is no other."""
PROGRESS_BYTES = 8192
"""How far back in the log the last progress line is looked for."""


def refused(message: Message) -> Never:
    """The refusal of an order that no repeat will mend."""
    return Never("engine-refused", message, msg("Correct the order; a repeat as it is will not work."))


def check_names(order: Order) -> None:
    """Raises Never(engine-refused) for ids that are no plain folder names."""
    if NAME.fullmatch(order.id) is None:
        raise refused(msg("{name!r} is no name of an order", name=order.id))
    for name in (order.job_id, order.state_key or order.job_id):
        if NAME.fullmatch(name) is None:
            raise refused(msg("{name!r} is no name of a job or its state", name=name))


def check_program(order: Order) -> None:
    """Raises Never(engine-refused) for a command, environment, folder or time that cannot be passed on."""
    if not order.command or not order.command[0]:
        raise refused(msg("order {order} has no command", order=order.id))
    names = order.environment.keys()
    try:
        texts = [*order.command, order.directory, *names, *order.environment.values()]
        wrong = any(b"\0" in text.encode("utf-8", "surrogateescape") for text in texts)
    except UnicodeEncodeError:
        wrong = True
    if wrong or any(not name or "=" in name for name in names):
        raise refused(msg("the command or environment of order {order} cannot be passed on", order=order.id))
    if order.directory and not Path(order.directory).is_absolute():
        raise refused(msg("the directory {directory!r} is not absolute", directory=order.directory))
    if not order.time_limit_s > 0:
        raise refused(msg("order {order} has no time to run", order=order.id))


def check_room(order: Order, pools: Mapping[str, int], engine: str) -> None:
    """Raises Never(engine-refused) when its pool (accelerators by id) can never have it."""
    if not 0 <= order.accelerators <= pools.get(order.pool_id, -1):
        raise refused(
            msg(
                "pool {pool} of the {engine} engine does not have {count} accelerators",
                pool=order.pool_id,
                engine=engine,
                count=order.accelerators,
            )
        )


def passed_on() -> dict[str, str]:
    """The hub's environment, as far as programs get it."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), os.path.dirname(sys.executable)))  # noqa: PTH120
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"PATH": path}


def read_output(log: Path, offset: int, limit: int) -> bytes:
    """Up to `limit` bytes of a log from `offset`; nothing where there is none."""
    if offset < 0 or limit <= 0:
        return b""
    try:
        with log.open("rb") as file:
            file.seek(offset)
            return file.read(limit)
    except FileNotFoundError:
        return b""


@contextmanager
def answering(engine: str, root: Path) -> Iterator[None]:
    """A disk that is full or a folder that cannot be read is an engine that does not answer."""
    try:
        yield
    except (OSError, json.JSONDecodeError) as problem:
        raise NotNow(
            "engine-unreachable",
            msg(
                "the folder {root} of the {engine} engine fails: {why}", root=str(root), engine=engine, why=str(problem)
            ),
            msg("Make room or mend the folder; it is tried again."),
        ) from problem


def last_json_line(log: Path) -> str:
    """The last line of the log that is a JSON object, or "". Reads no more than the log's end."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - PROGRESS_BYTES))
            tail = file.read(PROGRESS_BYTES)
    except FileNotFoundError:
        return ""
    return last_json(tail, whole=size <= PROGRESS_BYTES)


def last_json(tail: bytes, *, whole: bool) -> str:
    """The last complete line of the end of an output that is a JSON object; `whole`: the end is all of it."""
    lines = tail.split(b"\n")
    for line in reversed(lines if whole else lines[1:]):
        if line.startswith(b"{"):
            with suppress(ValueError, RecursionError):
                text = line.decode().strip()
                json.loads(text)
                return text
    return ""
