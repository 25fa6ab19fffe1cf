"""Dockets (案卷): an application, a voucher or a claim on its way through a voucher office, step by signed step.

Every step has its actor, role, reason, evidence and the version of the rules; steps are only ever added. Who may take
which step is one table. Maker and checker are two persons wherever the programme asks for two.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from suanwang.domain.case import Case
from suanwang.domain.money import Money


class DocketKind(StrEnum):
    APPLICATION = "application"
    VOUCHER = "voucher"
    CLAIM = "claim"


class Role(StrEnum):
    """In which capacity somebody acts. `system` is the grid itself: expiry, the books."""

    TENANT = "tenant"
    MAKER = "maker"
    CHECKER = "checker"
    FINANCE = "finance"
    SYSTEM = "system"


TENANT, MAKER, CHECKER, FINANCE, SYSTEM = Role
STEPS: Mapping[DocketKind, Mapping[tuple[str, str], frozenset[Role]]] = {
    DocketKind.APPLICATION: {
        ("", "draft"): frozenset({TENANT}),
        ("draft", "submitted"): frozenset({TENANT}),
        ("submitted", "pre_check"): frozenset({MAKER}),
        ("pre_check", "supplement"): frozenset({MAKER}),
        ("supplement", "pre_check"): frozenset({TENANT}),
        ("pre_check", "review"): frozenset({MAKER}),
        ("pre_check", "rejected"): frozenset({MAKER}),
        ("review", "publicity"): frozenset({CHECKER}),
        ("review", "rejected"): frozenset({CHECKER}),
        ("publicity", "approved"): frozenset({CHECKER}),
        ("publicity", "rejected"): frozenset({CHECKER}),
        **{
            (before, "withdrawn"): frozenset({TENANT})
            for before in ("draft", "submitted", "pre_check", "supplement", "review", "publicity")
        },
    },
    DocketKind.VOUCHER: {
        ("", "issued"): frozenset({SYSTEM}),
        ("issued", "active"): frozenset({SYSTEM, MAKER}),
        ("active", "frozen"): frozenset({MAKER, CHECKER}),
        ("frozen", "active"): frozenset({CHECKER}),
        ("active", "expired"): frozenset({SYSTEM}),
        ("frozen", "expired"): frozenset({SYSTEM}),
        ("active", "revoked"): frozenset({CHECKER}),
        ("frozen", "revoked"): frozenset({CHECKER}),
        ("active", "returned"): frozenset({TENANT}),
    },
    DocketKind.CLAIM: {
        ("", "filed"): frozenset({TENANT}),
        ("filed", "checked"): frozenset({MAKER}),
        ("checked", "rechecked"): frozenset({CHECKER}),
        ("rechecked", "approved"): frozenset({CHECKER}),
        ("approved", "paid"): frozenset({FINANCE}),
        ("paid", "closed"): frozenset({FINANCE, SYSTEM}),
        ("paid", "clawback"): frozenset({CHECKER}),
        ("closed", "clawback"): frozenset({CHECKER}),
        ("disputed", "filed"): frozenset({TENANT}),
        ("disputed", "refused"): frozenset({CHECKER}),
        **{(before, "disputed"): frozenset({MAKER, CHECKER, FINANCE}) for before in ("filed", "checked", "rechecked")},
    },
}
"""Kind -> (state before, state after) -> the roles that may take the step; "" is before the first step."""

FIRST = {DocketKind.APPLICATION: "draft", DocketKind.VOUCHER: "issued", DocketKind.CLAIM: "filed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One signed move of a docket; `sequence` counts from 1. `evidence`: SHA-256 of each paper, by its kind."""

    docket_id: str
    sequence: int
    before: str
    after: str
    actor: str
    role: Role
    at: datetime
    rule_version: int
    reason: str = ""
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Docket:
    """Where it stands. `amount`: what is granted, or claimed. `about`: the application of a voucher or claim.

    `two_persons`: maker and checker must be two, by the programme's rules for this amount.
    """

    id: str
    kind: DocketKind
    programme_id: str
    tenant: str
    state: str
    sequence: int
    amount: Money
    two_persons: bool
    about: str = ""
    case: Case | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredUse:
    """What the grid metered of the use that a claim or an application rests on, [start, end) at its sites.

    `claimed`: the recognised cost of the case; `charged`: what those lines of the tenant's use came to here.
    """

    provider: str
    start: datetime
    end: datetime
    claimed: Money
    charged: Money
    accelerator_hours: Fraction
    jobs: int

    @property
    def share(self) -> float:
        """Charged over claimed, at most 1."""
        return min(1.0, self.charged.micro / self.claimed.micro)
