"""What the API answers with beside the nouns themselves: pages of lists, and answers of several parts.

A page ends with `next`: what to give as `after` for the page that follows; None on the last one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from suanwang.domain.budget import BudgetState
from suanwang.domain.docket import Docket, MeteredUse, Step
from suanwang.domain.identity import AuditEntry, Permission, Project, Token, User
from suanwang.domain.invoice import Invoice
from suanwang.domain.job import JobEvent
from suanwang.domain.ledger import Transfer
from suanwang.domain.period import ClosedPeriod
from suanwang.domain.programme import Programme
from suanwang.domain.usage import UsageRecord
from suanwang.domain.webhook import Delivery, Webhook
from suanwang.schemas.focus import Billed
from suanwang.settle.budgets import Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class EventList:
    """Every move of a job, in order."""

    events: tuple[JobEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageList:
    """What a job used, in order of time."""

    records: tuple[UsageRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPage:
    """Transfers in the order they were posted."""

    transfers: tuple[Transfer, ...]
    next: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPrices:
    """Per accelerator-hour, one figure an hour; `total` is the sum of the other three."""

    rent: tuple[float, ...]
    power: tuple[float, ...]
    congestion: tuple[float, ...]
    total: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """Marginal prices by pool, for whole hours from `start` on, in `unit`."""

    start: datetime
    hours: int
    currency: str
    unit: str
    pools: Mapping[str, PoolPrices]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPage:
    """Users by id."""

    users: tuple[User, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectList:
    """Projects by organisation and id."""

    projects: tuple[Project, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenList:
    """Tokens of a user, without their digests."""

    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeToken:
    """A new token and its secret, which is not shown again."""

    token: Token
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Audit entries in the order they were made."""

    entries: tuple[AuditEntry, ...]
    next: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who calls: the user, and what it may do in its organisation and everywhere, through this token."""

    user: User
    token: Token
    in_organisation: tuple[Permission, ...]
    everywhere: tuple[Permission, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Grid time, and the grid's name, currency and languages."""

    now: datetime
    grid: str
    currency: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantLine:
    """A tenant of the grid."""

    id: str
    name: str
    name_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantList:
    """Tenants by id."""

    tenants: tuple[TenantLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetList:
    """A tenant's budgets and quotas in their present periods, and the warnings that these have given."""

    budgets: tuple[BudgetState, ...]
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentList:
    """A tenant's invoice of a month and, where earlier months were corrected in it, a credit note."""

    documents: tuple[Invoice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodList:
    """Months that are closed, in order."""

    periods: tuple[ClosedPeriod, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeList:
    """Charges, credits and roundings of a month."""

    rows: tuple[Billed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeList:
    """Voucher programmes in the order of the grid file."""

    programmes: tuple[Programme, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleMade:
    """A bundle: a job names it as `directory: bundle:<id>`."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookList:
    """Webhooks, without their secrets."""

    webhooks: tuple[Webhook, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryList:
    """What was sent to a webhook, the newest first."""

    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocketShown:
    """A docket of the voucher office with every step that was signed, in order, and what the grid metered of it."""

    docket: Docket
    steps: tuple[Step, ...]
    metered: MeteredUse | None = None
