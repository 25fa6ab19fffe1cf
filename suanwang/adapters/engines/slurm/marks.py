"""What a job of ours left in the folder of its order: its claim and its end; see `script` for how it writes them."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

REVOKED = "-"
"""The job id in a claim that the engine made itself: the order never starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """`job`: Slurm's id of the job that runs the order, REVOKED where none may. Times: seconds since the epoch."""

    job: str
    started: float
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How the program ended by its own account. `late`: its time limit was reached."""

    exit_code: int
    ended: float
    late: bool
    cpu_s: float | None

    @property
    def by_itself(self) -> bool:
        """Not by a signal, unless that came at its time limit."""
        return self.late or self.exit_code <= 128


def read_claim(folder: Path) -> Claim | None:
    """None where no job has begun the order."""
    words = _words(folder / "claim")
    if len(words) < 3:
        return None
    return Claim(job=words[0], started=_seconds(words[1]), host=words[2])


def revoke(folder: Path) -> bool:
    """Make sure that the order never starts; False when it already has."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    mine = folder / f"claim.engine.{os.getpid()}"
    mine.write_text(f"{REVOKED} 0 -\n", encoding="ascii")
    try:
        with suppress(FileExistsError):
            (folder / "claim").hardlink_to(mine)
    finally:
        mine.unlink(missing_ok=True)
    claim = read_claim(folder)
    return claim is not None and claim.job == REVOKED


def read_end(folder: Path) -> End | None:
    """None where the program has not ended, or had no time to say so."""
    words = _words(folder / "end")
    if len(words) < 2:
        return None
    late = len(words) > 2 and words[2] == "late"
    times = words[3 if late else 2 :]
    cpu = sum(_clock(word) for word in times[2:4]) if len(times) >= 4 else None
    return End(exit_code=int(words[0]), ended=_seconds(words[1]), late=late, cpu_s=cpu)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").split()
    except FileNotFoundError:
        return []


def _seconds(text: str) -> float:
    """Seconds since the epoch; a `date` without %N leaves that as it is."""
    whole, _, rest = text.partition(".")
    return float(f"{whole}.{rest}" if rest.isdigit() else whole)


def _clock(text: str) -> float:
    """A time as `times` writes it: 1m2.345s."""
    minutes, _, seconds = text.rstrip("s").partition("m")
    return 60 * float(minutes) + float(seconds)
