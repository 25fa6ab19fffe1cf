"""The 300 jobs of the show: which there are, what each must become, and their workload documents."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from suanwang.domain.job import JobState

CARDS: Mapping[str, str] = {"guian": "ascend-910b1", "zhongwei": "h800-sxm5-80gb", "qingpu": "mlu370-x8"}
SITES = tuple(CARDS)
FEW = 60
"""A gang over both nodes has its pool almost to itself, so only the first of them are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A job: where, on how many cards, for how long it sleeps, and how it must end. `exit_code` None: it has none."""

    key: str
    kind: str
    site: str
    cards: int
    seconds: float
    exit_code: int | None = 0
    cancel: bool = False
    retries: int = 0

    @property
    def outcome(self) -> JobState:
        if self.cancel:
            return JobState.CANCELLED
        return JobState.SUCCEEDED if self.exit_code == 0 else JobState.FAILED

    def document(self) -> str:
        """As a tenant writes it."""
        section: dict[str, object] = {
            "name": self.key,
            "kind": "batch",
            "dtype": "bf16",
            "batch": {"duration": f"{max(1, round(self.seconds))} s", "duration_accelerator": CARDS[self.site]},
            "command": ["sh", "-c", f"sleep {self.seconds}; exit {self.exit_code or 0}"],
            "accelerators": {"count": self.cards},
            "requires": {"site": self.site},
            "deadline": "+25 min",
            "time_limit": "10 min" if self.cancel else "1 min",
        }
        if self.retries:
            section["checkpoint"] = {"every": "10 s", "retries": self.retries}
        return yaml.safe_dump({"apiVersion": "suanwang/v1", "kind": "Workload", "workload": section}, sort_keys=False)


def plan(count: int, seed: int) -> list[Planned]:
    """Two fifths equal ones (they go to Slurm as arrays), a fifth gangs, failures, cancellations, the rest singles."""
    dice = random.Random(seed)
    jobs = []
    for number in range(count):
        site = SITES[number % len(SITES)]
        key, draw = f"job-{number:03d}", number // len(SITES) % 20
        seconds = round(dice.uniform(0.5, 4.0), 1)
        if draw < 8:
            made = Planned(key=key, kind="array", site=site, cards=1, seconds=2.0)
        elif draw < 11:
            made = Planned(key=key, kind="gang", site=site, cards=dice.choice([2, 4]), seconds=seconds)
        elif draw < 12 and number < FEW:
            made = Planned(key=key, kind="gang over nodes", site=site, cards=80, seconds=seconds)
        elif 12 <= draw < 15:
            code = dice.choice([1, 3, 7, 42])
            made = Planned(key=key, kind="failure", site=site, cards=1, seconds=seconds, exit_code=code)
        elif draw == 15:
            made = Planned(key=key, kind="cancelled", site=site, cards=1, seconds=500.0, exit_code=None, cancel=True)
        else:
            made = Planned(key=key, kind="single", site=site, cards=1, seconds=seconds, retries=1)
        jobs.append(made)
    return jobs
