"""The desk in process: the verbs as calls of the services, on a house composed here."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path

from suanwang.bootstrap import House, read_text
from suanwang.domain.invoice import Invoice
from suanwang.domain.job import Job, JobEvent
from suanwang.domain.ledger import Balance, Transfer
from suanwang.domain.money import Money
from suanwang.domain.usage import UsageRecord
from suanwang.domain.voucher import Voucher
from suanwang.domain.workload import Workload
from suanwang.schedule.scheme import find_scheme
from suanwang.schemas.answers import PriceTable
from suanwang.schemas.workload import read_workload
from suanwang.sdk.books import Books
from suanwang.service.drains import present
from suanwang.service.jobs import JobPage, latest_output, lines_of, settled_bill
from suanwang.service.listing import vouchers_left
from suanwang.service.planning import Quote, quote
from suanwang.service.plans import Plan, plan_workloads
from suanwang.service.pricing import price_table
from suanwang.service.replanning import MoveList, replan
from suanwang.service.revenue import SiteRevenue, revenue_ahead
from suanwang.service.submit import cancel, submit
from suanwang.service.tenants import LedgerReport, check_ledger, issue_voucher, pay_fund, pay_in
from suanwang.service.tick import TickReport, tick

TICK_WALL_S = 0.2
"""Seconds of the wall between two ticks while a caller waits."""


class LocalDesk:
    """The port `Desk`."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._hub = house.hub
        self._policy = find_scheme(house.hub.grid.policy).policy
        self._last: TickReport | None = None

    @property
    def books(self) -> Books:
        return Books(self._hub)

    def now(self) -> datetime:
        return self._hub.clock.now()

    def zones(self) -> Mapping[str, tzinfo]:
        return {site.id: site.zone for site in self._hub.grid.sites}

    def currency(self, programme: str) -> str:
        grid = self._hub.grid
        return grid.programme(programme).currency if programme else grid.currency

    def read_workload(self, path: str) -> Workload:
        text, settings = read_text(path), self.house.settings
        workload = read_workload(text, path, self.house.catalog, self.now(), settings.tenant, self._hub.grid)
        if workload.program is None:
            return workload
        directory = Path(path).absolute().parent / workload.program.directory
        return replace(workload, program=replace(workload.program, directory=str(directory)))

    def quote(self, workload: Workload) -> Quote:
        return quote(present(self._hub, self.house.store), workload)

    def plan(self, workloads: Sequence[Workload], hours: int, seed: int) -> Plan:
        return plan_workloads(present(self._hub, self.house.store), workloads, hours, seed)

    def replan(self, *, make: bool) -> MoveList:
        return replan(present(self._hub, self.house.store), make=make)

    def prices(self, hours: int) -> PriceTable:
        return price_table(self._hub, hours)

    def revenue(self, site: str, hours: int) -> SiteRevenue:
        return revenue_ahead(self._hub, site, hours)

    def submit(self, workload: Workload, key: str) -> Job:
        return submit(self._hub, workload, key)

    def tick(self) -> TickReport:
        before = self._last.at if self._last else None
        self._last = tick(present(self._hub, self.house.store), self._policy, before)
        return self._last

    def proceed(self) -> None:
        """One tick; before it a pause, where the last one changed nothing."""
        if self._last and self._last.idle:
            self._hub.clock.sleep(TICK_WALL_S / self._hub.clock.wall_seconds(1))
        self.tick()

    def job(self, job_id: str) -> Job:
        with self._hub.store.transaction() as tx:
            return tx.jobs.get(job_id)

    def job_page(self, tenant: str, limit: int, after: str) -> JobPage:
        return lines_of(self._hub, tenant, (), limit, after)

    def events(self, job_id: str) -> list[JobEvent]:
        with self._hub.store.transaction() as tx:
            return tx.jobs.events(job_id)

    def usage(self, job_id: str) -> list[UsageRecord]:
        with self._hub.store.transaction() as tx:
            return tx.usage.records(job_id)

    def cancel(self, job_id: str) -> Job:
        return cancel(self._hub, job_id)

    def logs(self, job_id: str, offset: int, limit: int) -> bytes:
        return latest_output(self._hub, self.job(job_id), offset, limit)

    def invoice(self, job_id: str) -> Invoice:
        return settled_bill(self._hub, self.job(job_id))

    def deposit(self, tenant: str, amount: Money, key: str) -> Balance:
        return pay_in(self._hub, tenant, amount, key)

    def fund(self, programme: str, amount: Money, key: str) -> None:
        pay_fund(self._hub, programme, amount, key)

    def issue(self, voucher: Voucher) -> None:
        issue_voucher(self._hub, voucher)

    def vouchers(self, tenant: str) -> list[tuple[Voucher, Money]]:
        return [(found.voucher, found.left) for found in vouchers_left(self._hub, tenant)]

    def balance(self, account_id: str) -> Balance:
        with self._hub.store.transaction() as tx:
            return tx.ledger.balance(account_id)

    def ledger_check(self) -> LedgerReport:
        return check_ledger(self._hub)

    def transfers(self, after: int, limit: int) -> list[Transfer]:
        with self._hub.store.transaction() as tx:
            return tx.ledger.transfers(after=after, limit=limit)

    def close(self) -> None:
        self.house.close()
