"""The ports: what the services need of the world, as Protocols on one page. Adapters implement them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol, runtime_checkable

from suanwang.domain.agent import Inquiry, SiteAgent, SiteOrder
from suanwang.domain.comparison import Comparison
from suanwang.domain.docket import Docket, DocketKind, Step
from suanwang.domain.invoice import Invoice
from suanwang.domain.job import Job, JobEvent, JobState
from suanwang.domain.ledger import Account, Balance, Transfer
from suanwang.domain.order import Capacity, Lacks, Observation, Order
from suanwang.domain.period import ClosedPeriod
from suanwang.domain.price import Charge, HourPrice, PriceBook
from suanwang.domain.usage import Correction, UsageRecord
from suanwang.domain.voucher import Voucher


class Clock(Protocol):
    """Grid time. It may run faster than the wall (a demo), never backwards."""

    def now(self) -> datetime:
        """Aware UTC."""

    def from_wall(self, wall_s: float) -> datetime:
        """The grid time of a wall time (seconds since the epoch), as engines report it."""

    def wall_seconds(self, grid_seconds: float) -> float:
        """How long the wall waits for that much grid time."""

    def sleep(self, grid_seconds: float) -> None:
        """Wait."""


class Engine(Protocol):
    """What runs workloads at a site. Every call may be repeated; `submit` of a known id changes nothing.

    Raises NotNow(engine-unreachable, or engine-full from `submit`) or Never(engine-refused). What an order used is
    part of its observation, so that usage and state never contradict.
    """

    def lacks(self) -> Lacks:
        """What it cannot do, and why; nobody asks it for that. Needs no answer from the engine."""

    def capacity(self, pool_id: str) -> Capacity:
        """What it has now."""

    def submit(self, order: Order) -> None:
        """Start the order, at most once in effect, however often it is called with the same id."""

    def observe(self, order_ids: Sequence[str]) -> Sequence[Observation]:
        """One observation an id, in the same order; an id it never saw is OrderState.UNKNOWN."""

    def cancel(self, order_id: str) -> None:
        """End the order and everything it started; unknown or ended orders are left as they are.

        An order cancelled before it was submitted never starts.
        """

    def logs(self, order_id: str, offset: int = 0, limit: int = 65536) -> bytes:
        """Output of the program (stdout and stderr together) from a byte offset."""


@runtime_checkable
class TakesArrays(Protocol):
    """An engine that does not lack `arrays` is this too."""

    def submit_array(self, orders: Sequence[Order]) -> None:
        """As `submit` of each, in one call: all are taken or none. They differ in what names them, not in what they
        run, where, and on how many accelerators."""


@runtime_checkable
class TellsPrices(Protocol):
    """An engine that asks a price for its work: another hub."""

    def asked(self, pool_id: str, hours: int) -> Sequence[HourPrice]:
        """Its prices of the present hour and the next ones, of the dearest pool that an order may come to there. Raises
        Never(engine-refused) for a pool that it does not have, NotNow(engine-unreachable)."""


class Jobs(Protocol):
    """Jobs, their events and their orders."""

    def add(self, job: Job) -> Job:
        """Insert a submitted job, or return the one that has its (tenant, key). Raises Conflict(idempotency-conflict)
        when that one's workload differs."""

    def get(self, job_id: str) -> Job:
        """Raises NotFound."""

    def find(
        self,
        states: Sequence[JobState] = (),
        tenant: str = "",
        limit: int = 1000,
        after: str = "",
        *,
        newest: bool = False,
    ) -> list[Job]:
        """Jobs in order of their ids (which rise with time), after a given id; `newest`: the other way round."""

    def move(self, job: Job, event: JobEvent) -> None:
        """Store the job as it now is with the event that made it so. Raises Conflict when `event.sequence` is taken
        (somebody else moved the job), Never(transition-refused) when TRANSITIONS does not have the move."""

    def note(self, job: Job) -> None:
        """Store what changed without a move (reason to wait, cancel request); the version must be the stored one."""

    def events(self, job_id: str) -> list[JobEvent]:
        """In order."""

    def add_order(self, order: Order, at: datetime) -> None:
        """The intent to dispatch, written before the engine is called. A repeat of the same id changes nothing."""

    def orders(self, *, open_only: bool = False, job_id: str = "") -> list[tuple[Order, Observation | None]]:
        """Orders with the last observation of each; `open_only`: those that are not settled in `close_order`."""

    def observe(self, observation: Observation, at: datetime) -> None:
        """Keep the last observation of an order; an ended one is never replaced."""

    def close_order(self, order_id: str) -> None:
        """The order is metered to its end: it is not asked for again."""


class Usage(Protocol):
    """Usage records, charges, and the price books that they were rated with. Append-only."""

    def add(self, record: UsageRecord, charges: Sequence[Charge]) -> bool:
        """False when a record of that id is already there (nothing is changed). Raises Never(store-refused) when it
        overlaps another record of its order."""

    def records(self, job_id: str) -> list[UsageRecord]:
        """In order of their start, as they were first metered."""

    def between(self, start: datetime, end: datetime, tenant: str = "") -> list[UsageRecord]:
        """Records that begin in [start, end), in order of their start and id, as they were first metered."""

    def correct(self, correction: Correction, charges: Sequence[Charge]) -> bool:
        """Store the next correction of a record with the charges it brings (reversals and new ones). False when the
        same correction is there already. Raises Conflict when another one has its number, Never(store-refused) when
        a number is left out, NotFound for a record that is not there."""

    def corrections(self, job_id: str) -> list[Correction]:
        """In order of record and sequence."""

    def charge(self, charges: Sequence[Charge]) -> None:
        """Further charges of records that are there: reversals, minimums. Raises Conflict when an id is taken."""

    def charges(self, job_id: str) -> list[Charge]:
        """In order of their ids."""

    def charged(self, start: datetime, end: datetime, tenant: str = "") -> list[Charge]:
        """The charges, and what took them back, of the records that begin in [start, end), in order of their ids."""

    def seal(self, book: PriceBook) -> None:
        """Keep a price book as used. Raises Conflict when that version was used with other prices."""

    def sealed(self) -> list[PriceBook]:
        """Every version that was used, by id and version."""


class Ledger(Protocol):
    """Accounts, transfers, vouchers. The rules hold in the database too."""

    def open(self, account: Account) -> None:
        """Open an account; a repeat changes nothing. Raises Conflict when it is there with another kind or unit."""

    def post(self, transfers: Sequence[Transfer]) -> None:
        """Apply all of them or none. A transfer whose id is there with the same body is skipped; with another body
        raises Conflict(idempotency-conflict). Raises Never(insufficient-balance, transfer-refused, unit-mismatch)."""

    def account(self, account_id: str) -> Account:
        """Raises NotFound."""

    def balance(self, account_id: str) -> Balance:
        """Raises NotFound."""

    def balances(self) -> list[Balance]:
        """Of every account, by id."""

    def transfer(self, transfer_id: str) -> Transfer:
        """Raises NotFound."""

    def transfers(self, job_id: str = "", account_id: str = "", after: int = 0, limit: int = 10000) -> list[Transfer]:
        """In the order they were posted (1, 2, …), from the one after the `after`-th."""

    def pending(self, job_id: str) -> list[Transfer]:
        """Pending transfers of a job that are neither posted nor voided."""

    def last(self) -> tuple[int, str]:
        """Position and hash of the last transfer; (0, "") while there is none."""

    def add_voucher(self, voucher: Voucher) -> None:
        """A repeat of the same id changes nothing."""

    def vouchers(self, tenant: str = "", programme_id: str = "") -> list[Voucher]:
        """By soonest expiry, then id."""

    def check(self) -> Mapping[str, int]:
        """Re-derive every balance from the first transfer. Returns counts and the sum per unit (all 0 when sound).
        Raises Never(store-refused), naming the first account or transfer that is wrong."""


class Books(Protocol):
    """Closed periods and the documents that were issued. Append-only."""

    def close(self, closed: ClosedPeriod) -> None:
        """Close a period; from then on no transfer of that time is taken. A repeat changes nothing. Raises
        Never(store-refused) when it does not follow the last closed one."""

    def closed(self) -> list[ClosedPeriod]:
        """In order of time."""

    def issue(self, invoice: Invoice) -> Invoice:
        """Keep an invoice, credit note or statement as issued; one of the same id is returned as it was."""

    def issued(self, period: str = "", subject: str = "") -> list[Invoice]:
        """By id."""


class Sites(Protocol):
    """What the hub wants of each site's agent, and what the agents said last."""

    def agent(self, site_id: str) -> SiteAgent:
        """One of epoch 0 where none was ever heard."""

    def agents(self) -> list[SiteAgent]:
        """By site."""

    def keep(self, agent: SiteAgent) -> None:
        """Replace what is kept of a site's agent."""

    def put(self, order: SiteOrder) -> None:
        """Insert or replace. Raises Never(store-refused) when another order of its site has its number."""

    def orders(self, order_ids: Sequence[str]) -> Mapping[str, SiteOrder]:
        """Those that there are, by id."""

    def of_job(self, job_id: str) -> list[SiteOrder]:
        """Submitted orders of a job, by number."""

    def wishes(self, site_id: str, after: int, limit: int = 1000) -> list[SiteOrder]:
        """Orders of a site that are not done and whose number is above `after`, by number."""

    def inquire(self, inquiry: Inquiry) -> None:
        """Insert or replace (with its answer)."""

    def inquiry(self, inquiry_id: str) -> Inquiry | None:
        """None when it was forgotten."""

    def inquiries(self, site_id: str) -> list[Inquiry]:
        """Those of a site that have no answer yet, by id."""

    def forget(self, inquiry_id: str) -> None:
        """Whether it is there or not."""


class Dockets(Protocol):
    """Applications, vouchers and claims of voucher offices, and the signed steps that they take. Append-only."""

    def add(self, docket: Docket, first: Step) -> bool:
        """False when that docket is there (nothing is changed). Raises Conflict when it is there with another case."""

    def get(self, docket_id: str) -> Docket:
        """Raises NotFound."""

    def find(
        self, programme_id: str = "", kinds: Sequence[DocketKind] = (), states: Sequence[str] = (), tenant: str = ""
    ) -> list[Docket]:
        """In order of their ids."""

    def move(self, docket: Docket, taken: Step) -> None:
        """Store the docket as it now is with the step that made it so. Raises Conflict(lost-race) when somebody else
        moved it, Never(store-refused) when the step does not follow, or maker and checker are one person."""

    def steps(self, docket_id: str) -> list[Step]:
        """In order."""


class Comparisons(Protocol):
    """Estimates against the meter, one a settled run. Append-only."""

    def add(self, found: Comparison) -> bool:
        """False when the job has one. Raises Conflict when its sequence is taken."""

    def latest(self) -> Mapping[tuple[str, str], Comparison]:
        """The last of each pool and class of work."""

    def history(self, pool_id: str = "", limit: int = 1000) -> list[Comparison]:
        """The newest of a pool or of all, in order of time."""


class Transaction(Protocol):
    """All writes of one step: they are kept together or not at all."""

    @property
    def jobs(self) -> Jobs: ...
    @property
    def usage(self) -> Usage: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def books(self) -> Books: ...
    @property
    def sites(self) -> Sites: ...
    @property
    def dockets(self) -> Dockets: ...
    @property
    def comparisons(self) -> Comparisons: ...


class Store(Protocol):
    """The database. `transaction()` commits on leaving, rolls back on an exception; it is serialised with others."""

    def transaction(self) -> AbstractContextManager[Transaction]: ...

    def close(self) -> None: ...
