"""The files of a folder as one archive, for a hub that cannot read the folder itself."""

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from suanwang.adapters.bundles import BYTES_MAX, FILES_MAX
from suanwang.errors import InvalidInput, Problem, msg


@contextmanager
def packed(folder: Path) -> Iterator[IO[bytes]]:
    """A tar archive of the folder's plain files (links and hidden files are left out), ready to be read.

    Raises InvalidInput when there are more files, or bytes, than a hub takes.
    """
    with tempfile.TemporaryFile() as archive:
        with tarfile.open(fileobj=archive, mode="w") as members:
            for path in _files(folder):
                members.add(path, path.relative_to(folder).as_posix(), recursive=False)
        archive.seek(0)
        yield archive


def _files(folder: Path) -> list[Path]:
    found, size = list[Path](), 0
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(folder).parts)
        if hidden or path.is_symlink() or not path.is_file():
            continue
        size += path.stat().st_size
        found.append(path)
        if len(found) > FILES_MAX or size > BYTES_MAX:
            what = msg(
                "The folder {folder} has more than {files} files or 64 MiB.", folder=str(folder), files=FILES_MAX
            )
            remedy = msg("Put the program into a folder of its own, and name it as `directory`.")
            raise InvalidInput([Problem("workload.directory", what, remedy)])
    return found
