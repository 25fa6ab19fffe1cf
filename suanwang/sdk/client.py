"""Client: the verbs of the grid as Python calls, in process. The command line stands on it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from suanwang.bootstrap import House, open_house, read_text
from suanwang.domain.invoice import Invoice
from suanwang.domain.job import OUTCOMES, Job, JobEvent, JobState
from suanwang.domain.ledger import Balance, Transfer
from suanwang.domain.money import Money
from suanwang.domain.usage import UsageRecord
from suanwang.domain.voucher import Voucher
from suanwang.domain.workload import Workload
from suanwang.errors import NotNow, msg
from suanwang.schedule.scheme import find_scheme
from suanwang.schemas.workload import read_workload
from suanwang.service.planning import Quote, quote
from suanwang.service.settlement import invoice_of
from suanwang.service.submit import cancel, submit
from suanwang.service.tenants import LedgerReport, check_ledger, issue_voucher, pay_fund, pay_in
from suanwang.service.tick import TickReport, tick

ENDED = (*OUTCOMES, JobState.SETTLED)
TICK_WALL_S = 0.2
"""Seconds of the wall between two ticks while a caller waits."""


class Client:
    """A grid in this process. Raises SuanwangError for every refusal; see the errors page for the codes."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._hub = house.hub
        self._policy = find_scheme(house.hub.grid.policy).policy

    @classmethod
    @contextmanager
    def open(cls, grid: str = "", environment: Mapping[str, str] | None = None) -> Iterator["Client"]:
        """A client for a grid file, closed on leaving. Raises InvalidInput."""
        house = open_house(environment, grid=grid)
        try:
            yield cls(house)
        finally:
            house.close()

    def read_workload(self, path: str) -> Workload:
        """Read a workload file; its `directory` is relative to the file. Raises InvalidInput with every problem."""
        text, settings = read_text(path), self.house.settings
        workload = read_workload(text, path, self.house.catalog, self.now(), settings.tenant, self._hub.grid)
        if workload.program is None:
            return workload
        directory = Path(path).absolute().parent / workload.program.directory
        return replace(workload, program=replace(workload.program, directory=str(directory)))

    def now(self) -> datetime:
        """Grid time."""
        return self._hub.clock.now()

    def quote(self, workload: Workload) -> Quote:
        """What it would cost, where and when; nothing is stored."""
        return quote(self._hub, workload)

    def submit(self, workload: Workload, key: str) -> Job:
        """Order it. The same key again gives the first job."""
        return submit(self._hub, workload, key)

    def tick(self) -> TickReport:
        """One step of the control plane."""
        return tick(self._hub, self._policy)

    def wait(self, job_id: str, on_tick: Callable[[Job], None] | None = None) -> Job:
        """Tick until the job is settled; `on_tick` sees it after each tick."""
        while True:
            report = self.tick()
            job = self.job(job_id)
            if on_tick is not None:
                on_tick(job)
            if job.state is JobState.SETTLED:
                return job
            if report.idle:
                self._pause()

    def _pause(self) -> None:
        self._hub.clock.sleep(TICK_WALL_S / self._hub.clock.wall_seconds(1))

    def job(self, job_id: str) -> Job:
        """Raises NotFound."""
        with self._hub.store.transaction() as tx:
            return tx.jobs.get(job_id)

    def jobs(self, tenant: str = "", limit: int = 1000, after: str = "") -> list[Job]:
        """In order of submission, after a given id."""
        with self._hub.store.transaction() as tx:
            return tx.jobs.find(tenant=tenant, limit=limit, after=after)

    def events(self, job_id: str) -> list[JobEvent]:
        """Every move of a job, in order."""
        with self._hub.store.transaction() as tx:
            return tx.jobs.events(job_id)

    def usage(self, job_id: str) -> list[UsageRecord]:
        """What a job used, in order of time."""
        with self._hub.store.transaction() as tx:
            return tx.usage.records(job_id)

    def cancel(self, job_id: str) -> Job:
        """Ask for its end; the next tick acts. A job that has ended stays as it is."""
        return cancel(self._hub, job_id)

    def logs(self, job_id: str, offset: int = 0, limit: int = 65536) -> bytes:
        """Output of the job's latest attempt from a byte offset. Raises NotNow while nothing was sent to an engine."""
        job = self.job(job_id)
        with self._hub.store.transaction() as tx:
            orders = [order for order, _ in tx.jobs.orders(job_id=job_id)]
        if not orders or job.placement is None:
            raise NotNow(
                "not-started",
                msg("job {job} has not been sent to an engine", job=job_id),
                msg("Wait until it runs; `suanwang job show {job}` says why it waits.", job=job_id),
            )
        latest = max(orders, key=lambda o: o.attempt)
        return self._hub.engine(latest.pool_id).logs(latest.id, offset, limit)

    def invoice(self, job_id: str) -> Invoice:
        """The bill of a job that is settled. Raises NotNow before that."""
        job = self.job(job_id)
        if job.state is not JobState.SETTLED:
            raise NotNow(
                "not-settled",
                msg("job {job} is {state}; its bill is made when it is settled", job=job_id, state=job.state.value),
                msg("Wait for its end."),
            )
        return invoice_of(self._hub, job_id)

    def deposit(self, tenant: str, amount: Money, key: str) -> Balance:
        """Money that a tenant pays in; the same key is the same payment."""
        return pay_in(self._hub, tenant, amount, key)

    def fund(self, programme: str, amount: Money, key: str) -> None:
        """Money that an issuer pays into a programme's fund."""
        pay_fund(self._hub, programme, amount, key)

    def issue(self, voucher: Voucher) -> None:
        """Issue a voucher; the same id again changes nothing."""
        issue_voucher(self._hub, voucher)

    def vouchers(self, tenant: str = "") -> list[tuple[Voucher, Money]]:
        """Vouchers with what is left of each, soonest expiry first."""
        with self._hub.store.transaction() as tx:
            found = tx.ledger.vouchers(tenant=tenant)
            return [(v, _left(tx.ledger.balance(f"voucher:{v.id}"))) for v in found]

    def balance(self, account_id: str) -> Balance:
        """Raises NotFound."""
        with self._hub.store.transaction() as tx:
            return tx.ledger.balance(account_id)

    def ledger_check(self) -> LedgerReport:
        """Re-derive every balance from the first transfer. Raises Never(store-refused), naming what is wrong."""
        return check_ledger(self._hub)

    def transfers(self, after: int = 0, limit: int = 10000) -> list[Transfer]:
        """In the order they were posted."""
        with self._hub.store.transaction() as tx:
            return tx.ledger.transfers(after=after, limit=limit)

    def all_transfers(self) -> Iterator[Transfer]:
        """Every transfer, page by page, in the order they were posted."""
        seen = 0
        while page := self.transfers(after=seen):
            yield from page
            seen += len(page)


def _left(balance: Balance) -> Money:
    return Money(balance.available, balance.unit)
