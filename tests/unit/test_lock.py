"""The locks in requirements/ are what pyproject.toml asks for: each range is kept, each entry has its hashes."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPO = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
RUN = [
    *PROJECT["project"]["dependencies"],
    *PROJECT["dependency-groups"]["build"],
    *PROJECT["build-system"]["requires"],
]


def wanted(lines: list[str]) -> Iterator[Requirement]:
    """Requirements, with those on an extra of this project replaced by what the extra holds."""
    for line in lines:
        requirement = Requirement(line)
        if requirement.name == PROJECT["project"]["name"]:
            for extra in requirement.extras:
                yield from wanted(EXTRAS[extra])
        else:
            yield requirement


def locked(name: str) -> dict[str, list[Requirement]]:
    """The pinned requirements of a lock by name; a package may have one for each range of Python versions."""
    text = (REPO / "requirements" / name).read_text(encoding="utf-8").replace("\\\n", " ")
    pins: dict[str, list[Requirement]] = {}
    for line in text.splitlines():
        if line and not line.lstrip().startswith("#"):
            pin, *hashes = re.split(r"\s+--hash=", line.strip())
            assert hashes, f"{pin} has no hash"
            requirement = Requirement(pin)
            pins.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return pins


def version(pin: Requirement) -> str:
    (specifier,) = pin.specifier
    assert specifier.operator == "=="
    return specifier.version


@pytest.mark.parametrize(("lock", "lines"), [("run.txt", RUN), ("dev.txt", RUN + EXTRAS["dev"])])
def test_lock_keeps_every_range(lock: str, lines: list[str]) -> None:
    pins = locked(lock)
    for requirement in wanted(lines):
        versions = [version(pin) for pin in pins.get(canonicalize_name(requirement.name), [])]
        assert versions, f"{requirement} is not in requirements/{lock}: make lock"
        assert all(v in requirement.specifier for v in versions), f"{requirement}: {lock} has {versions}: make lock"


def test_locks_agree() -> None:
    run, dev = locked("run.txt"), locked("dev.txt")
    assert {name: list(map(str, pins)) for name, pins in run.items()} == {
        name: list(map(str, dev[name])) for name in run
    }


def test_running_needs_no_tool_of_development() -> None:
    assert not {"pytest", "mypy", "ruff", "hypothesis"} & set(locked("run.txt"))
