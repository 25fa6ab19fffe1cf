"""An append-only journal of what an engine was told and knows: the state of an engine is what its lines make of it.

One JSON value a line. Several processes may share it: a line is written under a lock, after those of the others have
been read; a line that a crash cut short is dropped. A killed process loses nothing; a machine that loses its power
loses what came after the last `sync`.
"""

import errno
import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Journal:
    """`play` is called once for each line, in order, also for our own."""

    def __init__(self, path: Path, play: Callable[[list[Any]], None]) -> None:
        self._path = path
        self._play = play
        self._read = 0
        self._mutex = threading.RLock()
        self._depth = 0
        self._dirty = False
        self._file: int | None = None

    def catch_up(self) -> None:
        """Play what other processes have written since; makes nothing where nobody wrote yet."""
        with self._mutex:
            if self._file is None and not self._path.exists():
                return
            file = self._open()
            if os.fstat(file).st_size > self._read:
                self._play_rest(file)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else writes meanwhile, in this process or another; everything that was written has been played."""
        with self._mutex:
            file = self._open()
            if self._depth == 0:
                fcntl.flock(file, fcntl.LOCK_EX)
            self._depth += 1
            try:
                if self._depth == 1:
                    self._play_rest(file)
                    if os.fstat(file).st_size > self._read:
                        os.ftruncate(file, self._read)  # a line that a crash cut short
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    fcntl.flock(file, fcntl.LOCK_UN)

    def append(self, *lines: list[Any]) -> None:
        """Write and play lines; within `alone` only. Raises OSError: nothing was written."""
        assert self._depth > 0, "only who is alone may write"
        file = self._open()
        text = b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
        written = os.write(file, text)
        if written < len(text):
            os.ftruncate(file, self._read)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        self._read += len(text)
        for line in lines:
            self._play(line)
        self._dirty = True

    def sync(self) -> None:
        """What was written is on the disk when this returns: one wait for any number of lines."""
        with self._mutex:
            if self._dirty and self._file is not None:
                os.fdatasync(self._file)
                self._dirty = False

    def _open(self) -> int:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return self._file

    def _play_rest(self, file: int) -> None:
        size = os.fstat(file).st_size
        rest = b""
        while len(rest) < size - self._read:
            piece = os.pread(file, size - self._read - len(rest), self._read + len(rest))
            if not piece:
                break
            rest += piece
        whole = rest[: rest.rfind(b"\n") + 1]
        for line in whole.splitlines():
            self._play(json.loads(line))
        self._read += len(whole)
        self._dirty = self._dirty or bool(whole)
