"""The desk of a hub elsewhere: the verbs as requests of its API, the answers read back as the same nouns."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote as escaped
from zoneinfo import ZoneInfo

import httpx

from suanwang.bootstrap import House, read_text
from suanwang.domain.budget import BudgetState
from suanwang.domain.invoice import Invoice
from suanwang.domain.job import Job, JobEvent
from suanwang.domain.ledger import Balance, Transfer
from suanwang.domain.money import Money
from suanwang.domain.period import ClosedPeriod
from suanwang.domain.usage import UsageRecord
from suanwang.domain.voucher import Voucher
from suanwang.domain.workload import Workload
from suanwang.errors import InvalidInput, NotPermitted, Problem, msg
from suanwang.schemas.answers import (
    BudgetList,
    ChargeList,
    DocumentList,
    EventList,
    Moment,
    PeriodList,
    PriceTable,
    TransferPage,
    UsageList,
)
from suanwang.schemas.focus import Billed
from suanwang.schemas.unwire import read_plain
from suanwang.schemas.workload_document import document_of
from suanwang.schemas.yaml_file import read_yaml
from suanwang.sdk.answers import refusal, unreachable, unreadable
from suanwang.sdk.books import Books
from suanwang.sdk.packing import packed
from suanwang.service.delivered import DeliveredMonth
from suanwang.service.hub import Hub
from suanwang.service.jobs import JobPage
from suanwang.service.listing import SiteList, VoucherList
from suanwang.service.planning import Quote
from suanwang.service.plans import Plan
from suanwang.service.replanning import MoveList
from suanwang.service.revenue import SiteRevenue
from suanwang.service.tenants import LedgerReport
from suanwang.service.tick import TickReport
from suanwang.settle.budgets import Alert

Thing = TypeVar("Thing")
POLL_S = 0.5
AGAIN = frozenset({"too-many-requests", "store-unavailable"})
"""Refusals after which the same request may soon be answered."""
TRIES = 4
"""How often a request is made that may be repeated, before its refusal is told."""


class RemoteDesk:
    """The port `Desk`, on an HTTP client that has the hub's address and the token."""

    def __init__(self, http: httpx.Client, tenant: str = "", sleep: Callable[[float], None] = time.sleep) -> None:
        self._http = http
        self._tenant = tenant
        self._sleep = sleep

    @property
    def house(self) -> House:
        raise hub_only()

    @property
    def books(self) -> Books:
        return RemoteBooks(self._get, self._post, self._tenant)

    def _ask(self, verb: str, path: str, **request: Any) -> httpx.Response:
        """The hub's answer. What may be repeated (no change, or a keyed one) is, while the hub says "not now".

        Raises the hub's refusal, or NotNow(hub-unreachable).
        """
        repeatable = verb == "GET" or "Idempotency-Key" in request.get("headers", {})
        for left in range(TRIES - 1 if repeatable else 0, -1, -1):
            try:
                answer = self._http.request(verb, path, **request)
            except httpx.TransportError as error:
                if not left:
                    raise unreachable(str(self._http.base_url), error) from error
                self._sleep(POLL_S)
                continue
            if answer.is_success:
                return answer
            told = refusal(answer)
            if told.code not in AGAIN or not left:
                raise told
            self._sleep(_retry_after(answer))
        raise AssertionError("the last try returns or raises")

    def _get(self, kind: type[Thing], path: str, **parameters: Any) -> Thing:
        return _read(kind, self._ask("GET", path, params={k: v for k, v in parameters.items() if v != ""}))

    def _post(self, kind: type[Thing], path: str, body: object = None, key: str = "") -> Thing:
        return _read(kind, self._ask("POST", path, json=body, headers=_key(key)))

    @cached_property
    def _sites(self) -> SiteList:
        return self._get(SiteList, "/v1/sites")

    def now(self) -> datetime:
        return self._get(Moment, "/v1/now").now

    def zones(self) -> Mapping[str, tzinfo]:
        return {site.id: ZoneInfo(site.zone) for site in self._sites.sites}

    def currency(self, programme: str) -> str:
        if not programme:
            return self._get(Moment, "/v1/now").currency
        return str(self._ask("GET", f"/v1/programmes/{_in_path(programme)}").json()["currency"])

    def read_workload(self, path: str) -> Workload:
        text = read_text(path)
        read_yaml(text, path)  # what is not YAML is told here, with the file's name
        try:
            answer = self._ask("POST", "/v1/workloads/check", content=text.encode(), headers=_YAML)
        except InvalidInput as error:
            raise InvalidInput(_in_file(problem, path) for problem in error.problems) from error
        workload = _read(Workload, answer)
        if workload.program is None:
            return workload
        directory = Path(path).absolute().parent / workload.program.directory
        return replace(workload, program=replace(workload.program, directory=str(directory)))

    def quote(self, workload: Workload) -> Quote:
        return self._post(Quote, "/v1/quotes", document_of(workload))

    def plan(self, workloads: Sequence[Workload], hours: int, seed: int) -> Plan:
        body = {"workloads": [document_of(workload) for workload in workloads], "hours": hours, "seed": seed}
        return self._post(Plan, "/v1/plans", body)

    def replan(self, *, make: bool) -> MoveList:
        return self._post(MoveList, "/v1/replans", {"make": make})

    def prices(self, hours: int) -> PriceTable:
        return self._get(PriceTable, "/v1/prices", hours=hours)

    def revenue(self, site: str, hours: int) -> SiteRevenue:
        return self._get(SiteRevenue, f"/v1/sites/{_in_path(site)}/revenue", hours=hours)

    def submit(self, workload: Workload, key: str) -> Job:
        program = workload.program
        if program is not None and program.directory and not program.directory.startswith("bundle:"):
            directory = f"bundle:{self._send(program.directory)}"
            workload = replace(workload, program=replace(program, directory=directory))
        return self._post(Job, "/v1/jobs", document_of(workload), key)

    def _send(self, folder: str) -> str:
        """Send the files of a folder; the id of the bundle. Raises InvalidInput when there are too many."""
        with packed(Path(folder)) as archive:
            answer = self._ask(
                "POST", "/v1/bundles", content=archive.read(), headers={"Content-Type": "application/x-tar"}
            )
        return str(answer.json()["id"])

    def tick(self) -> TickReport:
        raise hub_only()

    def proceed(self) -> None:
        """The hub ticks by itself; we look again a little later."""
        self._sleep(POLL_S)

    def job(self, job_id: str) -> Job:
        return self._get(Job, f"/v1/jobs/{_in_path(job_id)}")

    def job_page(self, tenant: str, limit: int, after: str) -> JobPage:
        return self._get(JobPage, "/v1/jobs", tenant=tenant, limit=min(limit, 1000), after=after)

    def events(self, job_id: str) -> list[JobEvent]:
        return list(self._get(EventList, f"/v1/jobs/{_in_path(job_id)}/events").events)

    def usage(self, job_id: str) -> list[UsageRecord]:
        return list(self._get(UsageList, f"/v1/jobs/{_in_path(job_id)}/usage").records)

    def cancel(self, job_id: str) -> Job:
        return self._post(Job, f"/v1/jobs/{_in_path(job_id)}/cancel")

    def logs(self, job_id: str, offset: int, limit: int) -> bytes:
        parameters = {"offset": offset, "limit": limit}
        return self._ask("GET", f"/v1/jobs/{_in_path(job_id)}/logs", params=parameters).content

    def invoice(self, job_id: str) -> Invoice:
        return self._get(Invoice, f"/v1/jobs/{_in_path(job_id)}/invoice")

    def deposit(self, tenant: str, amount: Money, key: str) -> Balance:
        return self._post(Balance, f"/v1/tenants/{_in_path(tenant)}/deposits", _payment(amount), key)

    def fund(self, programme: str, amount: Money, key: str) -> None:
        path = f"/v1/programmes/{_in_path(programme)}/funds"
        self._ask("POST", path, json=_payment(amount), headers=_key(key))

    def issue(self, voucher: Voucher) -> None:
        body = {
            "id": voucher.id,
            "programme": voucher.programme_id,
            "tenant": voucher.tenant,
            "face": _amount(voucher.face),
            "expires": voucher.expires.isoformat(),
        }
        self._ask("POST", "/v1/vouchers", json=body, headers={"Idempotency-Key": "voucher"})

    def vouchers(self, tenant: str) -> list[tuple[Voucher, Money]]:
        whose = tenant or self._tenant
        found = self._get(VoucherList, f"/v1/tenants/{_in_path(whose)}/vouchers")
        return [(v.voucher, v.left) for v in found.vouchers]

    def balance(self, account_id: str) -> Balance:
        kind, _, rest = account_id.partition(":")
        tenant = rest.partition(":")[0] if kind == "tenant" else account_id
        return self._get(Balance, f"/v1/tenants/{_in_path(tenant)}/balance")

    def ledger_check(self) -> LedgerReport:
        return self._get(LedgerReport, "/v1/ledger/check")

    def transfers(self, after: int, limit: int) -> list[Transfer]:
        page = self._get(TransferPage, "/v1/ledger/transfers", after=after, limit=min(limit, 1000))
        return list(page.transfers)

    def close(self) -> None:
        self._http.close()


class RemoteBooks(Books):
    """What of the books can be had over HTTP; the other verbs raise NotPermitted(hub-only)."""

    def __init__(self, get: Callable[..., Any], post: Callable[..., Any], tenant: str) -> None:
        self._get = get
        self._post = post
        self._tenant = tenant

    @property
    def _hub(self) -> Hub:
        raise hub_only()

    def budgets(self, when: datetime | None = None, tenant: str = "") -> list[BudgetState]:
        return list(self._budgets(when, tenant).budgets)

    def budget_alerts(self, when: datetime | None = None, tenant: str = "") -> Sequence[Alert]:
        return self._budgets(when, tenant).alerts

    def _budgets(self, when: datetime | None, tenant: str) -> BudgetList:
        if when is not None:
            raise hub_only()
        found: BudgetList = self._get(BudgetList, self._of(tenant, "budgets"))
        return found

    def invoices(self, tenant: str, month: str) -> list[Invoice]:
        return list(self._get(DocumentList, self._of(tenant, "documents"), month=month).documents)

    def delivered(self, tenant: str, month: str) -> DeliveredMonth:
        found: DeliveredMonth = self._get(DeliveredMonth, self._of(tenant, "delivered"), month=month)
        return found

    def statement(self, month: str, *, site: str = "", programme: str = "") -> Invoice:
        whose = f"programmes/{_in_path(programme)}" if programme else f"sites/{_in_path(site)}"
        found: Invoice = self._get(Invoice, f"/v1/{whose}/statement", month=month)
        return found

    def billed(self, month: str, tenant: str = "") -> list[Billed]:
        found: ChargeList = self._get(ChargeList, "/v1/charges", month=month, tenant=tenant)
        return list(found.rows)

    def closed_months(self) -> list[ClosedPeriod]:
        found: PeriodList = self._get(PeriodList, "/v1/periods")
        return list(found.periods)

    def close_month(self, month: str) -> ClosedPeriod:
        found: ClosedPeriod = self._post(ClosedPeriod, "/v1/periods", {"month": month})
        return found

    def _of(self, tenant: str, what: str) -> str:
        return f"/v1/tenants/{_in_path(tenant or self._tenant)}/{what}"


_TAR = {"Content-Type": "application/x-tar"}
_YAML = {"Content-Type": "application/yaml"}


def hub_only() -> NotPermitted:
    """NotPermitted(hub-only)."""
    return NotPermitted(
        "hub-only", msg("this is done on the hub's own machine"), msg("Unset SUANWANG_HUB there and try again.")
    )


def _read(kind: type[Thing], answer: httpx.Response) -> Thing:
    """The noun of an answer. Raises Never(hub-unreadable) for a hub of another version."""
    try:
        return read_plain(kind, answer.json())
    except ValueError as error:
        raise unreadable(str(answer.url), error) from error


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return min(float(text), 30.0) if text.isdigit() else POLL_S


def _in_path(text: str) -> str:
    """A part of an address; an empty one stands for nothing that is there."""
    return escaped(text, safe="") or "-"


def _key(key: str) -> dict[str, str]:
    """An idempotency key as a header: what a header cannot hold is escaped, always the same way."""
    return {"Idempotency-Key": escaped(key, safe="!#$&'()*+,/:;=?@[]~")[:200]} if key else {}


def _amount(amount: Money) -> str:
    return f"{amount.decimal:f} {amount.unit}"


def _payment(amount: Money) -> dict[str, str]:
    return {"amount": _amount(amount)}


def _in_file(problem: Problem, path: str) -> Problem:
    """The hub calls it the body; its reader gave it a file."""
    place = problem.place.removeprefix("body")
    where = f"{path}{place}" if place.startswith((":", " ")) else f"{path} {place}".rstrip()
    return Problem(where, problem.message, problem.remedy)
