"""How much faster a job is on more accelerators: Amdahl's law (Amdahl, AFIPS 1967), relative to what it asked for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """From `least` to `most` accelerators; `serial`: the share of the work that does not spread, 0 to 1."""

    least: int
    most: int
    serial: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most or not 0 <= self.serial <= 1:
            raise ValueError("a job scales from 1 or more to no fewer accelerators, with a serial share of 0 to 1")

    def speed(self, accelerators: int, asked: int) -> float:
        """Relative to `asked` accelerators: 1 there."""
        return self._time(asked) / self._time(accelerators)

    def _time(self, accelerators: int) -> float:
        return self.serial + (1.0 - self.serial) / accelerators
