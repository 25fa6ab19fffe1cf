"""A case: what one tenant asks of a voucher programme, with its facts, its costs and the earlier grants."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction

from suanwang.domain.money import Money
from suanwang.domain.voucher import Granted


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One line of a contract: its `amount`, what of it was `paid`, and the days [from_day, until_day] that it covers.

    Days can be given as counts instead: `days` in all, `days_counted` of them inside the programme's window.
    """

    line: str
    amount: Money
    paid: Money | None = None
    from_day: date | None = None
    until_day: date | None = None
    days: int | None = None
    days_counted: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`at`: when it is decided. `quantities` are measured, by unit (accelerator_hour …). `granted_before`: what the
    programme gave earlier, to anybody. `other_subsidies`: what other programmes pay on the same contract, by programme.
    """

    id: str
    at: datetime
    facts: Mapping[str, str]
    costs: tuple[Cost, ...]
    kind: str = ""
    quantities: Mapping[str, Fraction] = field(default_factory=dict)
    granted_before: tuple[Granted, ...] = ()
    other_subsidies: Mapping[str, Money] = field(default_factory=dict)

    def granted(self, amount: Money) -> Granted:
        """The grant that this case becomes, as later caps count it."""
        return Granted(
            at=self.at,
            amount=amount,
            tenant=self.facts.get("tenant.id", ""),
            job=self.facts.get("contract.id", "") or self.id,
            group=self.facts.get("tenant.group", ""),
            provider=self.facts.get("provider.id", ""),
            project=self.facts.get("project.id", ""),
            kind=self.kind,
        )
