"""Bundles: the files of a program reach its run through the hub, and no archive reaches anything else."""

import io
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import pytest

from suanwang.adapters import bundles
from suanwang.schedule.policies import find_policy
from suanwang.sdk import Client
from suanwang.sdk.remote import RemoteDesk
from suanwang.service.tick import tick
from tests.hub_world import HubWorld


def archive(members: Iterable[tuple[tarfile.TarInfo, bytes]], mode: Literal["w", "w:gz"] = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as made:
        for info, content in members:
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return out.getvalue()


def plain(name: str, content: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), content


def link(name: str, kind: bytes, target: str) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def test_a_program_runs_with_the_files_that_were_sent(hub: HubWorld, tmp_path: Path) -> None:
    path = hub.home.workload("import part; print(part.ANSWER)", name="bundled").rename(tmp_path / "bundled.yaml")
    (tmp_path / "part.py").write_text("ANSWER = 42\n")

    def ticking(_seconds: float) -> None:
        tick(hub.house.hub, find_policy("fcfs"))

    client = Client(RemoteDesk(hub.client("member"), "me", ticking))
    job = client.submit(client.read_workload(str(path)), "bundled")
    assert job.workload.program is not None
    assert job.workload.program.directory.startswith(str(hub.house.settings.home / "bundles"))
    client.wait(job.id)
    assert client.logs(job.id) == b"42\n"


def test_the_same_files_are_the_same_bundle_of_one_organisation(hub: HubWorld) -> None:
    one, two = archive([plain("a.py")]), archive([plain("a.py")], "w:gz")
    member = hub.client("member")
    made = {member.post("/v1/bundles", content=content).json()["id"] for content in (one, two)}
    assert len(made) == 1
    directory = f"bundle:{made.pop()}"
    assert member.post("/v1/jobs", json=hub.workload(directory=directory)).status_code == 201
    other = hub.client("stranger").post("/v1/jobs", json=hub.workload(directory=directory, tenant="poor"))
    assert other.status_code == 422
    assert "there is no bundle" in other.text


@pytest.mark.parametrize(
    "directory", ["/etc", "..", "bundle:", "bundle:../../etc", "bundle:" + "0" * 64, "bundle:\u0000"]
)
def test_no_other_folder_of_the_hub_is_read(hub: HubWorld, directory: str) -> None:
    answer = hub.client("member").post("/v1/jobs", json=hub.workload(directory=directory))
    assert answer.status_code == 422
    assert any("directory" in p["place"] for p in answer.json()["error"]["problems"])


HOSTILE: dict[str, Callable[[], bytes]] = {
    "not an archive": lambda: b"PK\x03\x04 and more",
    "empty": lambda: b"",
    "an absolute name": lambda: archive([plain("/etc/cron.d/x")]),
    "a name that climbs out": lambda: archive([plain("../../x")]),
    "a symbolic link": lambda: archive([link("x", tarfile.SYMTYPE, "/etc/passwd")]),
    "a hard link": lambda: archive([link("x", tarfile.LNKTYPE, "/etc/passwd")]),
    "a device": lambda: archive([link("x", tarfile.CHRTYPE, "")]),
    "a file below a file": lambda: archive([plain("a"), plain("a/b")]),
    "cut off": lambda: archive([plain("a", b"x" * 100_000)])[:5000],
    "too many files": lambda: archive(plain(f"f{n}", b"") for n in range(bundles.FILES_MAX + 1)),
    "a bomb": lambda: archive([plain("zeros", bytes(bundles.BYTES_MAX + 1))], "w:gz"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(hub: HubWorld, name: str) -> None:
    before = sorted((hub.house.settings.home / "bundles").rglob("*"))
    answer = hub.client("member").post("/v1/bundles", content=HOSTILE[name]())
    assert answer.status_code == 422, answer.text
    assert sorted((hub.house.settings.home / "bundles").rglob("*")) == before
