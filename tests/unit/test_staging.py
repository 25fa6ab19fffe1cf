"""Staging: each kind of place, broken transfers, wrong checksums, and the signature of AWS's published example."""

import hashlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from suanwang.adapters.staging import s3
from suanwang.adapters.staging.errands import bring, take
from suanwang.adapters.staging.stage import Staged, fetch, store
from suanwang.errors import Never, NotNow

BODY = bytes(range(256)) * 9000
SHA = hashlib.sha256(BODY).hexdigest()


class Place(BaseHTTPRequestHandler):
    """Serves BODY with ranges, takes PUTs; `cut`: breaks off after so many bytes, once."""

    cut = 0
    ranges: list[str]
    kept: dict[str, bytes]
    keys: list[str]
    etag = "one"

    def log_message(self, *_: object) -> None:
        """Silent."""

    def _get(self) -> None:
        wanted = self.headers.get("range", "")
        self.ranges.append(wanted)
        self.keys.append(self.headers.get("authorization", ""))
        if self.path == "/gone":
            self.send_error(404)
            return
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        rest = BODY[begin:]
        self.send_response(206 if wanted else 200)
        self.send_header("ETag", type(self).etag)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        cut, type(self).cut = type(self).cut, 0
        self.wfile.write(rest[: cut or None])

    def _put(self) -> None:
        if self.headers.get("x-amz-content-sha256"):
            self.keys.append(self.headers["authorization"])
        self.kept[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def __getattr__(self, name: str) -> object:
        found = {"do_GET": self._get, "do_PUT": self._put}.get(name)
        if found is None:
            raise AttributeError(name)
        return found


@pytest.fixture
def place() -> Iterator[tuple[str, type[Place]]]:
    kind = type("Made", (Place,), {"ranges": [], "kept": {}, "keys": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", kind
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_transfer_that_broke_off_is_taken_up(place: tuple[str, type[Place]], tmp_path: Path) -> None:
    url, kind = place
    kind.cut = 1_000_000
    target = tmp_path / "deep" / "body"
    with pytest.raises(NotNow):
        fetch(f"{url}/body", target, SHA)
    assert not target.exists()
    there = (tmp_path / "deep" / "body.part").stat().st_size
    assert 0 < there <= 1_000_000
    done = fetch(f"{url}/body", target, SHA)
    assert (done.sha256, done.size_bytes, done.resumed_bytes) == (SHA, len(BODY), there)
    assert kind.ranges == ["", f"bytes={there}-"]
    fetch(f"{url}/body", target, SHA)
    assert len(kind.ranges) == 2
    assert sorted(p.name for p in target.parent.iterdir()) == ["body"]


def test_a_file_that_changed_meanwhile_is_taken_anew(place: tuple[str, type[Place]], tmp_path: Path) -> None:
    url, kind = place
    kind.cut = 1000
    with pytest.raises(NotNow):
        fetch(f"{url}/body", tmp_path / "body")
    kind.etag = "two"
    assert fetch(f"{url}/body", tmp_path / "body").sha256 == SHA


def test_a_wrong_checksum_keeps_nothing(place: tuple[str, type[Place]], tmp_path: Path) -> None:
    with pytest.raises(Never) as differs:
        fetch(f"{place[0]}/body", tmp_path / "body", "0" * 64)
    assert differs.value.code == "data-differs"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uri", ["ftp://host/x", "nothing", "s3://bucket", "http://host"])
def test_what_is_no_place_is_refused(uri: str, tmp_path: Path) -> None:
    with pytest.raises(Never) as refused:
        fetch(uri, tmp_path / "x")
    assert refused.value.code == "data-refused"


def test_what_a_server_does_not_have_is_refused(place: tuple[str, type[Place]], tmp_path: Path) -> None:
    with pytest.raises(Never, match="404"):
        fetch(f"{place[0]}/gone", tmp_path / "x")
    with pytest.raises(NotNow):
        fetch("http://127.0.0.1:9/x", tmp_path / "x")
    with pytest.raises(Never, match="No such file"):
        fetch(f"file://{tmp_path}/nowhere", tmp_path / "x")


def test_an_errand_takes_up_what_broke_off_and_ends_at_the_first_refusal(
    place: tuple[str, type[Place]], tmp_path: Path
) -> None:
    url, kind = place
    kind.cut = 1_000_000
    done: list[Staged] = []
    files = [("deep/body", f"{url}/body", SHA), ("gone", f"{url}/gone", ""), ("never", f"{url}/body", "")]
    with pytest.raises(Never, match="404"):
        bring(files, tmp_path, done.append, pauses_s=(0.0,))
    assert [(each.size_bytes, each.resumed_bytes > 0) for each in done] == [(len(BODY), True)]
    assert not (tmp_path / "never").exists()


def test_an_errand_gives_up_after_its_pauses(tmp_path: Path) -> None:
    (tmp_path / "result").write_bytes(BODY)
    with pytest.raises(NotNow):
        take([("result", "http://127.0.0.1:9/x")], tmp_path, lambda _: None, pauses_s=(0.0, 0.0))
    take([("result", f"file://{tmp_path}/far/away")], tmp_path, lambda _: None)
    assert (tmp_path / "far" / "away").read_bytes() == BODY


def test_files_and_http_both_ways(place: tuple[str, type[Place]], tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(BODY)
    assert store(source, f"file://{tmp_path}/far/away").sha256 == SHA
    assert fetch(f"file://{tmp_path}/far/away", tmp_path / "back", SHA).size_bytes == len(BODY)
    store(source, f"{place[0]}/up")
    assert place[1].kept["/up"] == BODY


def test_s3_is_signed(place: tuple[str, type[Place]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Never, match="AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"):
        fetch("s3://bucket/body", tmp_path / "body")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", place[0])
    assert fetch("s3://bucket/body", tmp_path / "body", SHA).sha256 == SHA
    store(tmp_path / "body", "s3://bucket/a b")
    assert place[1].kept["/bucket/a%20b"] == BODY
    assert all(key.startswith("AWS4-HMAC-SHA256 Credential=key/") for key in place[1].keys)


def test_the_signature_is_the_one_that_aws_publishes() -> None:
    """AWS, Signature Version 4, example "GET Object"."""
    known = s3.Credentials(
        key="AKIAIOSFODNN7EXAMPLE", secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region="us-east-1"
    )
    url = "https://examplebucket.s3.amazonaws.com/test.txt"
    when = datetime(2013, 5, 24, tzinfo=UTC)
    headers = s3.signed("GET", url, known, when, headers={"range": "bytes=0-9"})
    assert headers["authorization"].endswith(
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


def test_rsync_over_ssh_takes_up_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real rsync on both ends; in place of ssh, a program that runs the far command here."""
    shell = tmp_path / "ssh"
    shell.write_text('#!/bin/sh\nwhile [ "$1" != far ]; do shift; done\nshift\nexec "$@"\n')
    shell.chmod(0o755)
    monkeypatch.setenv("RSYNC_RSH", str(shell))
    (tmp_path / "source").write_bytes(BODY)
    (tmp_path / "here.part").write_bytes(BODY[:5000])
    done = fetch(f"rsync://me@far{tmp_path}/source", tmp_path / "here", SHA)
    assert (done.size_bytes, done.resumed_bytes) == (len(BODY), 5000)
    store(tmp_path / "here", f"rsync://far{tmp_path}/there")
    assert (tmp_path / "there").read_bytes() == BODY
    with pytest.raises(NotNow):
        fetch(f"rsync://far{tmp_path}/nowhere", tmp_path / "x")
