"""Budgets and quotas: how much of money or of accelerator-hours a tenant, project or user may take in each period.

A budget is kept as accounts of the ledger (`settle/budgets.py`), so a hold against it is as safe as one on money.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from suanwang.domain.money import Money
from suanwang.domain.period import Period, Span

ACCELERATOR_HOUR = "accelerator-hour"
"""The unit of a quota; a budget's unit is its currency."""


class OnLimit(StrEnum):
    """What happens to a job that would go beyond the limit."""

    REFUSE = "refuse"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit for each period of `span`. "" as project or user means all of them; what is narrower lies inside.

    `limit` in a currency, or in accelerator-hours (a quota). `warn_percent`: shares of the limit that are reported
    when they are passed, used and reserved together.
    """

    id: str
    tenant: str
    limit: Money
    span: Span
    project: str = ""
    user: str = ""
    warn_percent: tuple[int, ...] = (50, 80, 100)
    on_limit: OnLimit = OnLimit.REFUSE

    def __post_init__(self) -> None:
        if self.limit.micro <= 0:
            raise ValueError(f"budget {self.id}: the limit must be above 0")
        if list(self.warn_percent) != sorted(set(self.warn_percent)) or any(p < 1 for p in self.warn_percent):
            raise ValueError(f"budget {self.id}: the percentages of its warnings must rise from 1")

    @property
    def quota(self) -> bool:
        return self.limit.unit == ACCELERATOR_HOUR

    def covers(self, tenant: str, labels: Mapping[str, str]) -> bool:
        """Whether a workload counts against it; its labels `project` and `user` say whose it is."""
        return (
            self.tenant == tenant
            and self.project in ("", labels.get("project", ""))
            and self.user in ("", labels.get("user", ""))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """A budget in one period: used (captured) and reserved (held) of its limit; all in the budget's unit."""

    budget: Budget
    period: Period
    limit: Money
    used: Money
    reserved: Money

    @property
    def free(self) -> Money:
        return self.limit - self.used - self.reserved

    @property
    def percent(self) -> int:
        """Of the limit, used and reserved together, rounded down: a warning is never early."""
        return (self.used.micro + self.reserved.micro) * 100 // self.limit.micro if self.limit.micro else 100

    @property
    def warning(self) -> int | None:
        """The highest of its percentages that was passed."""
        return max((p for p in self.budget.warn_percent if p <= self.percent), default=None)
