"""Voucher programmes that ship with the grid as data files, and those of one's own."""

from importlib.resources import files
from pathlib import Path

from suanwang.domain.programme import Programme
from suanwang.errors import NotFound, msg
from suanwang.schemas.programme import read_programme
from suanwang.schemas.yaml_file import decode

FOLDER = files("suanwang").joinpath("data/programmes")


def shipped_programmes() -> list[Programme]:
    """Every programme that ships with the grid, by id: published rules, as data with their source and confidence."""
    paths = sorted(path for path in Path(str(FOLDER)).glob("*.yaml"))
    return [read_programme(decode(path.read_bytes(), path.name), path.name) for path in paths]


def shipped_programme(programme_id: str) -> Programme:
    """One of them. Raises NotFound."""
    for programme in shipped_programmes():
        if programme.id == programme_id:
            return programme
    known = ", ".join(p.id for p in shipped_programmes())
    raise NotFound(
        "not-found",
        msg("no programme {programme!r}", programme=programme_id),
        msg("Give the path of a programme file, or one of: {known}.", known=known),
    )
