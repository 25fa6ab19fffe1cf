"""Bundles: the files of a program, sent as a tar archive, kept in a folder by organisation and content.

An archive is read as a stream and bounded while it is unpacked: a small archive that would grow without end is refused
at the limit. Only plain files and folders with relative names are taken; nothing of an archive decides where it lands.
"""

import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO

from suanwang.errors import InvalidInput, Message, NotFound, Problem, msg

BYTES_MAX = 64 << 20
FILES_MAX = 2000
CHUNK = 1 << 20


class Bundles:
    """The port `Bundles` on a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, organisation: str, archive: IO[bytes]) -> str:
        """Unpack an archive; its id (SHA-256 of names and contents). The same files are the same bundle."""
        mine = self._folder / _safe(organisation)
        mine.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=mine, prefix="draft-"))
        try:
            bundle_id = _unpack(archive, draft)
            if not (mine / bundle_id).exists():
                draft.rename(mine / bundle_id)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise refused(msg("it is not a tar archive: {why}", why=str(error)[:100])) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return bundle_id

    def folder(self, organisation: str, bundle_id: str) -> str:
        """Where the files of a bundle lie. Raises NotFound."""
        found = self._folder / _safe(organisation) / bundle_id
        if not (len(bundle_id) == 64 and bundle_id.isalnum() and found.is_dir()):
            noun = msg("bundle")
            raise NotFound(
                "not-found", msg("there is no {noun} {key}", noun=noun, key=bundle_id), msg("Send it first.")
            )
        return str(found)


def _safe(organisation: str) -> str:
    """A folder's name for any organisation."""
    return sha256(organisation.encode()).hexdigest()[:16]


def refused(why: Message) -> InvalidInput:
    """InvalidInput: nothing was kept."""
    remedy = msg("Send a tar archive of plain files, at most {files} of them and 64 MiB.", files=FILES_MAX)
    return InvalidInput([Problem("body", msg("{why}.", why=why), remedy)])


def _unpack(archive: IO[bytes], into: Path) -> str:
    """Write the archive's files below a folder; the digest of all names and contents."""
    digests: list[str] = []
    left = BYTES_MAX
    with tarfile.open(fileobj=archive, mode="r|*") as members:
        for count, member in enumerate(_plain(members), start=1):
            left -= member.size
            if count > FILES_MAX or left < 0:
                raise refused(msg("it has more than {files} files or 64 MiB", files=FILES_MAX))
            content = members.extractfile(member)
            target = into / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            mark = sha256()
            with target.open("wb") as file:
                while content and (chunk := content.read(CHUNK)):
                    mark.update(chunk)
                    file.write(chunk)
            executable = bool(member.mode & 0o100)
            target.chmod(0o755 if executable else 0o644)
            digests.append(f"{Path(member.name).as_posix()}\0{executable}\0{mark.hexdigest()}")
    return sha256("\n".join(sorted(digests)).encode()).hexdigest()


def _plain(members: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The files. Raises InvalidInput for a name that leaves the folder, or anything that is no file or folder."""
    for member in members:
        parts = Path(member.name).parts
        if Path(member.name).is_absolute() or ".." in parts or "\0" in member.name or len(member.name) > 400:
            raise refused(msg("{name!r} is not a name within the bundle", name=member.name[:100]))
        if member.isfile():
            yield member
        elif not member.isdir():
            raise refused(msg("{name!r} is a link or a device", name=member.name[:100]))
