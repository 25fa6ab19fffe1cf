"""What the store in memory keeps, as dicts with a journal."""

from dataclasses import dataclass, field
from datetime import datetime

from suanwang.adapters.store.journal import Journal
from suanwang.adapters.store.memory_dockets import DocketTables
from suanwang.adapters.store.memory_sites import SiteTables
from suanwang.domain.comparison import Comparison
from suanwang.domain.invoice import Invoice
from suanwang.domain.job import Job, JobEvent
from suanwang.domain.ledger import Account, Balance, Transfer
from suanwang.domain.order import Observation, Order
from suanwang.domain.period import ClosedPeriod
from suanwang.domain.price import Charge, PriceBook
from suanwang.domain.usage import Correction, UsageRecord
from suanwang.domain.voucher import Voucher


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """An order with what the store knows of it."""

    order: Order
    at: datetime
    observation: Observation | None = None
    observed: datetime | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything that is kept. The second index of a table is named after what it finds."""

    journal: Journal = field(default_factory=Journal)
    jobs: dict[str, Job] = field(default_factory=dict)
    jobs_by_key: dict[tuple[str, str], str] = field(default_factory=dict)
    events: dict[tuple[str, int], JobEvent] = field(default_factory=dict)
    orders: dict[str, StoredOrder] = field(default_factory=dict)
    orders_by_attempt: dict[tuple[str, int], str] = field(default_factory=dict)
    records: dict[str, UsageRecord] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    books: dict[tuple[str, int], PriceBook] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    balances: dict[str, Balance] = field(default_factory=dict)
    transfers: dict[str, Transfer] = field(default_factory=dict)
    resolved: dict[str, str] = field(default_factory=dict)
    vouchers: dict[str, Voucher] = field(default_factory=dict)
    corrections: dict[tuple[str, int], Correction] = field(default_factory=dict)
    closed: dict[str, ClosedPeriod] = field(default_factory=dict)
    documents: dict[str, Invoice] = field(default_factory=dict)
    sites: SiteTables = field(default_factory=SiteTables)
    dockets: DocketTables = field(default_factory=DocketTables)
    comparisons: dict[str, Comparison] = field(default_factory=dict)
