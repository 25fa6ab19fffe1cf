"""A small grid whose clock the test moves: jobs of a known length, vouchers, price books, across months."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.engines.simulated import SimulatedEngine
from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.job import Job, JobState
from suanwang.domain.price import PriceBook
from suanwang.domain.programme import Programme, Rate
from suanwang.domain.site import Tenant
from suanwang.domain.voucher import Voucher
from suanwang.domain.workload import Batch, Demand, Program
from suanwang.ports import Store
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.sdk.books import Books
from suanwang.service.hub import Hub
from suanwang.service.submit import submit
from suanwang.service.tenants import issue_voucher, open_accounts, pay_fund, pay_in
from suanwang.service.tick import tick
from tests.small_grid import CARD, INVENTED, SHANGHAI, book, cny, grid, pool, site, tariff, workload

START = datetime(2026, 10, 20, tzinfo=UTC)
FLAT = tariff({"flat": "0.6"}, {}, id="flat")
HALF = Programme(
    id="half",
    version=1,
    name="Half of it",
    issuer="An office",
    currency="CNY",
    opens=datetime(2026, 1, 1, tzinfo=UTC),
    closes=datetime(2028, 1, 1, tzinfo=UTC),
    rates=(Rate(ratio=Fraction(1, 2)),),
    provenance=INVENTED,
)


class World:
    """Its one pool has 32 cards at 5 CNY an hour, power passed through, unless `books` say other."""

    def __init__(self, *, books: Sequence[PriceBook] = (), store: Store | None = None, **changes: Any) -> None:
        self.clock = ManualClock(START)
        plan = grid(
            [site("a", tariff=FLAT)],
            [pool("pa", "a")],
            tenants=(
                Tenant(id="me", name="Me", name_zh="我", credit_limit=cny("10000")),
                Tenant(id="you", name="You", credit_limit=cny("10000")),
            ),
            programmes=(HALF,),
            price_books=tuple(books) or (book(),),
            zone=SHANGHAI,
            **changes,
        )
        engine = SimulatedEngine({"pa": 32}, self.clock)
        self.hub = Hub(
            store=store or MemoryStore(),
            clock=self.clock,
            grid=plan,
            engines={"pa": engine},
            accelerators={CARD.id: CARD},
        )
        self.books = Books(self.hub)
        self.number = 0
        open_accounts(self.hub)

    def fund(self, voucher: str = "v1", face: str = "100") -> None:
        pay_fund(self.hub, "half", cny("1000"), f"fund-{voucher}")
        expires = self.clock.now() + timedelta(days=300)
        issued = self.clock.now()
        issue_voucher(
            self.hub,
            Voucher(id=voucher, programme_id="half", tenant="me", face=cny(face), issued=issued, expires=expires),
        )

    def pay(self, amount: str, tenant: str = "me") -> None:
        self.number += 1
        pay_in(self.hub, tenant, cny(amount), f"k{self.number}")

    def run(self, seconds: int = 1800, *, tenant: str = "me", vouchers: bool = False, **labels: str) -> Job:
        """A job of 8 cards, from its order to its settlement."""
        self.number += 1
        program = Program(command=("x",), environment={"SUANWANG_SIM_DURATION": str(seconds)})
        wanted = replace(
            workload(),
            tenant=tenant,
            demand=Demand(count=8),
            task=Batch(duration_s=seconds, duration_accelerator=CARD.id, duration_accelerators=8),
            program=program,
            labels=labels,
            vouchers=("half",) if vouchers else (),
        )
        job = submit(self.hub, wanted, f"job-{self.number}")
        for _ in range(20):
            tick(self.hub, FirstComeFirstServed())
            with self.hub.store.transaction() as tx:
                now = tx.jobs.get(job.id)
            if now.state is JobState.SETTLED:
                return now
            self.clock.advance(seconds / 3 + 1)
        raise AssertionError(f"job {job.id} is still {now.state}: {now.reason} {now.detail}")

    def go_to(self, when: datetime) -> None:
        self.clock.advance((when - self.clock.now()).total_seconds())

    def check(self) -> None:
        with self.hub.store.transaction() as tx:
            counts = tx.ledger.check()
        assert {v for k, v in counts.items() if k.startswith("sum_micro")} == {0}
