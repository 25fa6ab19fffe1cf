"""Client: the verbs of the grid as Python calls, the same in process and over HTTP. The command line stands on it."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, tzinfo

import httpx

from suanwang.bootstrap import House, open_house
from suanwang.domain.invoice import Invoice
from suanwang.domain.job import OUTCOMES, Job, JobEvent, JobState
from suanwang.domain.ledger import Balance, Transfer
from suanwang.domain.money import Money
from suanwang.domain.usage import UsageRecord
from suanwang.domain.voucher import Voucher
from suanwang.domain.workload import Workload
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.schemas.answers import PriceTable
from suanwang.sdk.books import Books
from suanwang.sdk.desk import Desk
from suanwang.sdk.local import LocalDesk
from suanwang.sdk.remote import RemoteDesk
from suanwang.service.listing import JobLine
from suanwang.service.planning import Quote
from suanwang.service.plans import Plan
from suanwang.service.replanning import MoveList
from suanwang.service.revenue import SiteRevenue
from suanwang.service.tenants import LedgerReport
from suanwang.service.tick import TickReport
from suanwang.settings import Settings, read_settings

ENDED = (*OUTCOMES, JobState.SETTLED)
TIMEOUT_S = 60.0


class Client:
    """A grid: in this process, or at a hub. Raises SuanwangError for every refusal; see the errors page for the codes.

    In process, whoever waits also ticks. At a hub, the hub ticks, and the token says whose jobs are seen.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @classmethod
    @contextmanager
    def open(cls, grid: str = "", environment: Mapping[str, str] | None = None) -> Iterator["Client"]:
        """A client, closed on leaving: of the hub that SUANWANG_HUB names, else of a grid file in this process.

        Raises InvalidInput.
        """
        environment = os.environ if environment is None else environment
        settings = read_settings(environment)
        desk = _at_hub(settings, grid) if settings.hub else LocalDesk(open_house(environment, grid=grid))
        try:
            yield cls(desk)
        finally:
            desk.close()

    @classmethod
    def at(cls, address: str, token: str, lang: str = "en") -> "Client":
        """A client of the hub at an address. Close it when it is no longer needed."""
        return cls(RemoteDesk(connect(address, token, lang)))

    def close(self) -> None:
        """Let go of the database or the connection."""
        self._desk.close()

    @property
    def house(self) -> House:
        """What is composed in this process. Raises NotPermitted(hub-only) for a hub elsewhere."""
        return self._desk.house

    @property
    def books(self) -> Books:
        """Budgets, periods, price books, documents. Of a hub elsewhere a tenant's and a site's can be read; the other
        verbs raise NotPermitted(hub-only)."""
        return self._desk.books

    def read_workload(self, path: str) -> Workload:
        """Read a workload file. Raises InvalidInput with every problem.

        In process its `directory` is relative to the file; a hub takes no folders.
        """
        return self._desk.read_workload(path)

    def now(self) -> datetime:
        """Grid time."""
        return self._desk.now()

    def zones(self) -> Mapping[str, tzinfo]:
        """The time zone of each site."""
        return self._desk.zones()

    def currency(self, programme: str = "") -> str:
        """The currency of the grid, or of a voucher programme. Raises NotFound."""
        return self._desk.currency(programme)

    def quote(self, workload: Workload) -> Quote:
        """What it would cost, where and when; nothing is stored."""
        return self._desk.quote(workload)

    def plan(self, workloads: Sequence[Workload], hours: int = 168, seed: int = 0) -> Plan:
        """All of them placed together on what is free; nothing is stored. Raises InvalidInput."""
        return self._desk.plan(workloads, hours, seed)

    def replan(self, *, make: bool = False) -> MoveList:
        """The moves of waiting jobs that pay, made if `make`."""
        return self._desk.replan(make=make)

    def prices(self, hours: int = 168) -> PriceTable:
        """The marginal price of an accelerator-hour of every pool in the next hours."""
        return self._desk.prices(hours)

    def revenue(self, site: str, hours: int = 168) -> SiteRevenue:
        """What a site's promised hours earn at the prices, and what its idle ones are worth. Raises NotFound."""
        return self._desk.revenue(site, hours)

    def submit(self, workload: Workload, key: str) -> Job:
        """Order it. The same key again gives the first job."""
        return self._desk.submit(workload, key)

    def tick(self) -> TickReport:
        """One step of the control plane. Raises NotPermitted(hub-only) for a hub elsewhere, which ticks by itself."""
        return self._desk.tick()

    def proceed(self) -> None:
        """Let the grid go on by a step: tick here, or wait a little for the hub."""
        self._desk.proceed()

    def wait(self, job_id: str, on_tick: Callable[[Job], None] | None = None) -> Job:
        """Go on until the job is settled; `on_tick` sees it after each step."""
        while True:
            self.proceed()
            job = self.job(job_id)
            if on_tick is not None:
                on_tick(job)
            if job.state is JobState.SETTLED:
                return job

    def job(self, job_id: str) -> Job:
        """Raises NotFound."""
        return self._desk.job(job_id)

    def jobs(self, tenant: str = "", limit: int = 1000, after: str = "") -> list[JobLine]:
        """In order of submission, after a given id, at most `limit`."""
        found: list[JobLine] = []
        while len(found) < limit:
            page = self._desk.job_page(tenant, limit - len(found), after)
            found += page.jobs
            if page.next is None:
                break
            after = page.next
        return found

    def events(self, job_id: str) -> list[JobEvent]:
        """Every move of a job, in order."""
        return self._desk.events(job_id)

    def usage(self, job_id: str) -> list[UsageRecord]:
        """What a job used, in order of time."""
        return self._desk.usage(job_id)

    def cancel(self, job_id: str) -> Job:
        """Ask for its end; the next tick acts. A job that has ended stays as it is."""
        return self._desk.cancel(job_id)

    def logs(self, job_id: str, offset: int = 0, limit: int = 65536) -> bytes:
        """Output of the job's latest attempt from a byte offset. Raises NotNow while nothing was sent to an engine."""
        return self._desk.logs(job_id, offset, limit)

    def invoice(self, job_id: str) -> Invoice:
        """The bill of a job that is settled. Raises NotNow before that."""
        return self._desk.invoice(job_id)

    def deposit(self, tenant: str, amount: Money, key: str) -> Balance:
        """Money that a tenant pays in; the same key is the same payment."""
        return self._desk.deposit(tenant, amount, key)

    def fund(self, programme: str, amount: Money, key: str) -> None:
        """Money that an issuer pays into a programme's fund."""
        self._desk.fund(programme, amount, key)

    def issue(self, voucher: Voucher) -> None:
        """Issue a voucher; the same id again changes nothing."""
        self._desk.issue(voucher)

    def vouchers(self, tenant: str = "") -> list[tuple[Voucher, Money]]:
        """Vouchers with what is left of each, soonest expiry first."""
        return self._desk.vouchers(tenant)

    def balance(self, account_id: str) -> Balance:
        """Raises NotFound."""
        return self._desk.balance(account_id)

    def ledger_check(self) -> LedgerReport:
        """Re-derive every balance from the first transfer. Raises Never(store-refused), naming what is wrong."""
        return self._desk.ledger_check()

    def transfers(self, after: int = 0, limit: int = 10000) -> list[Transfer]:
        """In the order they were posted; a hub gives at most 1,000 at once."""
        return self._desk.transfers(after, limit)

    def all_transfers(self) -> Iterator[Transfer]:
        """Every transfer, page by page, in the order they were posted."""
        seen = 0
        while page := self.transfers(after=seen):
            yield from page
            seen += len(page)


def _at_hub(settings: Settings, grid: str) -> RemoteDesk:
    if grid:
        what = msg("A hub has its own grid; {grid} would not be read.", grid=grid)
        raise InvalidInput([Problem("--grid", what, msg("Leave --grid out, or unset SUANWANG_HUB."))])
    return RemoteDesk(connect(settings.hub, settings.token, settings.lang or "en"), settings.tenant)


def connect(address: str, token: str, lang: str) -> httpx.Client:
    """An HTTP client with a hub's address and a token. Raises InvalidInput for what is no address or no token."""
    problems = []
    if not address.startswith(("http://", "https://")) or not _is_url(address):
        what = msg("{value!r} is not the address of a hub.", value=address)
        problems.append(Problem("SUANWANG_HUB", what, msg("Write it as http://127.0.0.1:8321.")))
    if not token.isascii() or not token.isprintable() or not token:
        what = msg("There is no token for the hub.")
        problems.append(Problem("SUANWANG_TOKEN", what, msg("Set it to what `suanwang token create` printed.")))
    if problems:
        raise InvalidInput(problems)
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": lang}
    return httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT_S)


def _is_url(text: str) -> bool:
    try:
        return bool(httpx.URL(text).host)
    except httpx.InvalidURL:
        return False
