"""Fetch and store one file by its URI: file, http, https, s3, rsync (over ssh: rsync://user@host/path).

A fetch goes to `<target>.part` and takes up where an earlier one was cut; the target appears whole, with the checksum
that was asked for, or not at all. A target that has it already is left as it is, so both verbs may be repeated.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

import httpx

from suanwang.adapters.clock import SystemClock
from suanwang.adapters.staging import s3
from suanwang.domain.workload import PLACES
from suanwang.errors import Never, NotNow, msg, why_not_read

PIECE = 1 << 20
TIMEOUT_S = 60.0
SINGLE_PUT_BYTES_MAX = 5 * 10**9
"""S3 takes no larger object in one request."""
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What was moved: its size and checksum, and how much of it was there already (bytes)."""

    uri: str
    path: str
    size_bytes: int
    sha256: str
    resumed_bytes: int = 0


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal. Raises NotNow(data-unreachable)."""
    with _readable(str(path)), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(uri: str, target: Path, sha256: str = "", progress: Progress = lambda _: None) -> Staged:
    """Bring a file here. Raises NotNow(data-unreachable): try again, it takes up where it was; Never(data-refused,
    data-differs)."""
    where = _split(uri)
    with _readable(str(target)):
        if target.exists() and sha256 and checksum(target) == sha256.lower():
            size = target.stat().st_size
            return Staged(uri=uri, path=str(target), size_bytes=size, sha256=sha256.lower(), resumed_bytes=size)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        there = part.stat().st_size if part.exists() else 0
        if where.scheme == "file":
            _copy(Path(unquote(where.path)), part, progress)
        elif where.scheme == "rsync":
            _rsync(_remote(where), str(part))
        else:
            there = _download(uri, part, progress)
        found = checksum(part)
        if sha256 and found != sha256.lower():
            part.unlink()
            what = msg("{uri} has the checksum {found}, not {wanted}", uri=uri, found=found, wanted=sha256.lower())
            raise Never("data-differs", what, msg("Correct the checksum, or the data; nothing was kept."))
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
    return Staged(uri=uri, path=str(target), size_bytes=target.stat().st_size, sha256=found, resumed_bytes=there)


def store(path: Path, uri: str, progress: Progress = lambda _: None) -> Staged:
    """Take a file there, whole or not at all. Raises NotNow(data-unreachable), Never(data-refused)."""
    where = _split(uri)
    found = checksum(path)
    with _readable(str(path)):
        size = path.stat().st_size
        if where.scheme == "file":
            target = Path(unquote(where.path))
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f"{target.name}.part")
            _copy(path, part, progress)
            part.replace(target)
        elif where.scheme == "rsync":
            _rsync(str(path), _remote(where))
        else:
            _upload(path, uri, size, found, progress)
    return Staged(uri=uri, path=str(path), size_bytes=size, sha256=found)


def _split(uri: str) -> SplitResult:
    where = urlsplit(uri)
    if where.scheme not in PLACES or not where.path.strip("/"):
        what = msg("{uri!r} is no place of a file: one of {schemes}", uri=uri, schemes=", ".join(PLACES))
        raise Never(
            "data-refused", what, msg("Write it as s3://bucket/name, https://host/name, rsync://user@host/path.")
        )
    return where


def _copy(source: Path, target: Path, progress: Progress) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        while piece := reader.read(PIECE):
            writer.write(piece)
            progress(len(piece))


def _remote(where: SplitResult) -> str:
    """user@host:path, which rsync reaches over ssh."""
    return f"{where.netloc}:{unquote(where.path)}"


def _rsync(source: str, target: str) -> None:
    """`--append-verify` takes up a file that was cut, and checks what was there."""
    if shutil.which("rsync") is None:
        raise Never("data-refused", msg("rsync is not installed here"), msg("Install it, or name another place."))
    command = ["rsync", "--append-verify", "--inplace", "--protect-args", "--", source, target]
    done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
    if done.returncode:
        why = done.stderr.strip().partition("\n")[0] or str(done.returncode)
        raise _unreachable(source if ":" in source else target, why)


def _download(uri: str, part: Path, progress: Progress) -> int:
    """Get what is missing of the part; how much of it was there. From the start where it is another file by now."""
    mark = part.with_name(f"{part.name}.etag")
    there = part.stat().st_size if part.exists() and mark.exists() else 0
    url, headers = _request(
        "GET", uri, {"accept-encoding": "identity"} | ({"range": f"bytes={there}-"} if there else {})
    )
    try:
        with httpx.stream("GET", url, headers=headers, timeout=TIMEOUT_S, follow_redirects=True) as answer:
            part_of_it = answer.status_code == httpx.codes.PARTIAL_CONTENT
            stale = there and (not part_of_it or answer.headers.get("etag", "") != mark.read_text())
            if not stale:
                _check(answer, uri)
                return _save(answer, part, mark, there, progress)
            part.unlink()
            if answer.status_code == httpx.codes.OK:
                return _save(answer, part, mark, 0, progress)
    except httpx.HTTPError as error:
        raise _unreachable(uri, str(error) or type(error).__name__) from error
    return _download(uri, part, progress)


def _save(answer: httpx.Response, part: Path, mark: Path, there: int, progress: Progress) -> int:
    mark.write_text(answer.headers.get("etag", ""))
    progress(there)
    with part.open("ab") as file:
        for piece in answer.iter_raw():
            file.write(piece)
            progress(len(piece))
    mark.unlink()
    return there


def _upload(path: Path, uri: str, size: int, found: str, progress: Progress) -> None:
    if uri.startswith("s3:") and size > SINGLE_PUT_BYTES_MAX:
        what = msg("{path} has {size} bytes, more than S3 takes in one request", path=str(path), size=size)
        raise Never("data-refused", what, msg("Split it, or send it by rsync."))

    def pieces() -> Iterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
                progress(len(piece))

    url, headers = _request("PUT", uri, {"content-length": str(size)}, found)
    try:
        _check(httpx.put(url, headers=headers, content=pieces(), timeout=TIMEOUT_S), uri)
    except httpx.HTTPError as error:
        raise _unreachable(uri, str(error) or type(error).__name__) from error


def _request(
    method: str, uri: str, headers: Mapping[str, str], body_sha256: str = s3.EMPTY
) -> tuple[str, dict[str, str]]:
    where = urlsplit(uri)
    if where.scheme != "s3":
        return uri, dict(headers)
    known = s3.credentials(os.environ)
    url = s3.address(where.netloc, unquote(where.path).lstrip("/"), known)
    return url, s3.signed(method, url, known, SystemClock().now(), body_sha256=body_sha256, headers=headers)


def _check(answer: httpx.Response, uri: str) -> None:
    """Raises what a status means: later for the server's own troubles, never for what it refuses."""
    status = answer.status_code
    if status < 300:
        return
    if status >= 500 or status in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.REQUEST_TIMEOUT):
        raise _unreachable(uri, f"HTTP {status}")
    what = msg("{uri} is refused: HTTP {status}", uri=uri, status=status)
    raise Never("data-refused", what, msg("Check the address and your rights there."))


def _unreachable(uri: str, why: str) -> NotNow:
    what = msg("{uri} cannot be reached: {why}", uri=uri, why=why)
    return NotNow("data-unreachable", what, msg("Try again: it takes up where it was cut."))


@contextmanager
def _readable(what: str) -> Iterator[None]:
    """A file or folder of this machine that cannot be read or written."""
    try:
        yield
    except FileNotFoundError as error:
        missing = msg("{what}: {why}", what=error.filename or what, why=why_not_read(error))
        raise Never("data-refused", missing, msg("Name a file that is there.")) from error
    except OSError as error:
        raise NotNow(
            "data-unreachable",
            msg("{what}: {why}", what=error.filename or what, why=why_not_read(error)),
            msg("Mend it and try again."),
        ) from error
