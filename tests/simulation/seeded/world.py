"""The whole platform in one process, driven by one seed: tenants, hub, engines, faults, and the clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from functools import partial
from hashlib import sha256
from random import Random
from typing import TypeVar

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.engines.simulated import Course, SimulatedEngine
from suanwang.adapters.store import codec
from suanwang.domain.entitlement import Entitlement, Entitlements
from suanwang.domain.job import Job, JobState
from suanwang.domain.money import Money
from suanwang.domain.order import Order
from suanwang.domain.programme import Cap, Programme, Rate, Scope
from suanwang.domain.site import Grid, Link, Tenant
from suanwang.domain.voucher import Voucher
from suanwang.domain.workload import Batch, Checkpointing, DataSet, Demand, Limits, Program, Workload, WorkloadKind
from suanwang.errors import Never, msg
from suanwang.ports import Store
from suanwang.schedule.policies import find_policy
from suanwang.schedule.policy import Policy
from suanwang.service.hub import Hub
from suanwang.service.submit import cancel, submit
from suanwang.service.tenants import issue_voucher, open_accounts, pay_fund, pay_in
from suanwang.service.tick import tick
from tests.simulation.seeded.faults import Crash, Faults, FragileStore, far
from tests.small_grid import CARD, INVENTED, MONDAY, SHANGHAI_CITY, book, cny, grid, pool, site, tariff

Answer = TypeVar("Answer")
HOUR = timedelta(hours=1)
NOON = tariff({"flat": "0.7", "valley": "0.2", "peak": "1.1"}, {"valley": [(11, 14)], "peak": [(18, 21)]}, id="noon")
POOLS = {"big": 16, "small": 4, "far": 8}
TENANTS = ("paid", "credit", "poor")
SCHEMES = ["fcfs", "priority", "easy", "las(quantum=30min, first_h=2)", "quota", "elastic(quantum=20min)", "deadline"]
SCHEMES += ["fair_share", "predicted_sjf", "max_min(round=30min)"]
JOBS_MAX = 40


def seeded_grid() -> Grid:
    """Three pools at two sites with tariffs by the hour; two programmes, one of them with little money."""
    programmes = [
        Programme(
            id=name,
            version=1,
            name=name,
            issuer="office",
            currency="CNY",
            opens=MONDAY - HOUR,
            closes=MONDAY + 5000 * HOUR,
            rates=(Rate(ratio=ratio),),
            caps=(Cap(scope=Scope.TENANT, amount=cny("60")),),
            provenance=INVENTED,
        )
        for name, ratio in (("half", Fraction(1, 2)), ("third", Fraction(1, 3)))
    ]
    return grid(
        [site("a"), site("b", tariff=NOON)],
        [
            pool("big", "a", nodes=2),
            pool("small", "b", nodes=1, accelerators_per_node=4, price_book_id="flat"),
            pool("far", "b", nodes=1),
        ],
        links=(
            Link(a=SHANGHAI_CITY.id, b="a", bytes_per_s=1e9, price_per_gb=cny("0.03")),
            Link(a=SHANGHAI_CITY.id, b="b", bytes_per_s=1e8, price_per_gb=cny("0.013")),
        ),
        price_books=(book(), book("flat", rent="4.333333", kwh="0.9")),
        tenants=tuple(
            Tenant(id=name, name=name, credit_limit=cny("2000" if name == "credit" else "0")) for name in TENANTS
        ),
        programmes=tuple(programmes),
        carbon_price_per_t=cny("80"),
        entitlements=Entitlements(
            (
                Entitlement(id="paid", quota=12, lend=8),
                Entitlement(id="credit", quota=8),
                Entitlement(id="poor", weight=2),
            )
        ),
    )


@dataclass(slots=True)
class Platform:
    """`act` does one thing that the seed draws. A crash ends the hub in the middle; a new one goes on."""

    seed: int
    store: Store
    clock: ManualClock = field(default_factory=lambda: ManualClock(MONDAY))
    dice: Random = field(init=False)
    faults: Faults = field(init=False)
    grid: Grid = field(default_factory=seeded_grid)
    engine: SimulatedEngine = field(init=False)
    policy: Policy = field(init=False)
    hub: Hub = field(init=False)
    ordered: dict[str, Workload] = field(default_factory=dict)
    issued: int = 0

    def __post_init__(self) -> None:
        self.dice = Random(f"{self.seed}")
        self.faults = Faults(Random(f"{self.seed}/faults"))
        self.engine = SimulatedEngine(POOLS, self.clock, self._course)
        self.policy = find_policy(self.dice.choice(SCHEMES))
        self._start()
        self.insist(lambda: open_accounts(self.hub))
        self.insist(lambda: pay_in(self.hub, "paid", cny("900"), "first"))
        for programme in self.grid.programmes:
            money = cny(str(self.dice.choice([5, 400])))
            self.insist(partial(self._fund, programme.id, money))

    def _fund(self, programme: str, money: Money) -> None:
        pay_fund(self.hub, programme, money, "first")

    def _start(self) -> None:
        """A new hub: nothing of the one before is known to it but what is in the store and at the engines."""
        self.hub = Hub(
            store=FragileStore(self.store, self.faults),
            clock=self.clock,
            grid=self.grid,
            engines=far(dict.fromkeys(POOLS, self.engine), self.faults, self.clock),
            accelerators={CARD.id: CARD},
        )

    def insist(self, call: Callable[[], Answer]) -> Answer:
        """What a client does that had no answer: the same again."""
        while True:
            try:
                return call()
            except Crash:
                self._start()

    def tick(self) -> bool:
        """Whether the hub came to the end of it."""
        try:
            tick(self.hub, self.policy)
        except Crash:
            self._start()
            return False
        return True

    def act(self) -> bool:
        """Do one thing. Whether a tick was made to its end."""
        what = self.dice.choices(
            ["tick", "wait", "submit", "cancel", "pay", "issue"],
            weights=[40, 25, 12 if self.faults.crash_rate else 0, 4, 3, 3],
        )[0]
        match what:
            case "tick":
                return self.tick()
            case "wait":
                self.clock.advance(self.dice.choice([60, 600, 1800, 3600, 5400, 6 * 3600]) * self.dice.uniform(0.5, 1))
            case "submit" if len(self.ordered) < JOBS_MAX:
                self._submit()
            case "cancel" if self.ordered:
                self._cancel()
            case "pay":
                tenant, amount = self.dice.choice(TENANTS[:2]), cny(str(self.dice.randint(1, 80)))
                key = str(self.dice.random())
                self.insist(lambda: pay_in(self.hub, tenant, amount, key))
            case "issue":
                self._issue()
        return False

    def jobs(self) -> list[Job]:
        with self.store.transaction() as tx:
            return tx.jobs.find(limit=1_000_000)

    def settled(self) -> bool:
        return all(job.state is JobState.SETTLED for job in self.jobs())

    def log_hash(self) -> str:
        """Of every event and every transfer, in order."""
        digest = sha256()
        with self.store.transaction() as tx:
            for job in tx.jobs.find(limit=1_000_000):
                for event in tx.jobs.events(job.id):
                    digest.update(codec.dump(event).encode())
            for transfer in tx.ledger.transfers(limit=1_000_000):
                digest.update(codec.dump(transfer).encode())
        return digest.hexdigest()

    def _submit(self) -> None:
        key = f"job-{len(self.ordered)}"
        wanted = self._workload(key)
        self.ordered[key] = wanted
        self.insist(lambda: submit(self.hub, wanted, key))

    def _cancel(self) -> None:
        jobs = self.jobs()
        if jobs:
            chosen = self.dice.choice(jobs).id
            self.insist(lambda: cancel(self.hub, chosen))

    def _issue(self) -> None:
        self.issued += 1
        now, programme = self.clock.now(), self.dice.choice(self.grid.programmes)
        voucher = Voucher(
            id=f"v{self.issued}",
            programme_id=programme.id,
            tenant=self.dice.choice(TENANTS),
            face=Money(self.dice.randint(1, 40_000_000), "CNY"),
            issued=now,
            expires=now + self.dice.choice([5, 50, 500]) * HOUR,
        )
        self.insist(lambda: issue_voucher(self.hub, voucher))

    def _workload(self, name: str) -> Workload:
        draw, now = self.dice, self.clock.now()
        hours, count = draw.choice([0.1, 0.5, 1.0, 2.5, 5.0]), draw.choice([1, 2, 4, 8])
        limits = Limits(
            earliest_start=draw.choice([None, None, now + 7 * HOUR]),
            deadline=draw.choice([None, now + 12 * HOUR, now + 40 * HOUR]),
            budget=draw.choice([None, None, cny("60")]),
            time_limit_s=draw.choice([None, None, None, hours * 2700]),
        )
        return Workload(
            name=name,
            kind=WorkloadKind.BATCH,
            task=Batch(dtype="bf16", duration_s=hours * 3600, duration_accelerators=count),
            tenant=draw.choice(["paid", "credit", "credit", "poor"]),
            program=Program(command=("program",), environment={"HOURS": str(hours)}),
            demand=Demand(count=count, least=draw.choice([None, 1]), serial_share=0.1),
            limits=limits,
            data=draw.choice([(), (), (DataSet(name="corpus", at=SHANGHAI_CITY.id, size_bytes=3e9),)]),
            requires=draw.choice([{}] * 6 + [{"pool": ("small", "far")}] * 2 + [{"pool": ("nowhere",)}]),
            priority=draw.randint(0, 2),
            preemptible=draw.random() < 2 / 3,
            checkpointing=draw.choice([None, Checkpointing(every_s=300, retries=2)]),
            vouchers=draw.choice([(), ("half",), ("third", "half")]),
        )

    def _course(self, order: Order) -> Course:
        """Drawn for the order, whenever it arrives. Raises Never for one in thirty."""
        draw = Random(f"{self.seed}/{order.id}")
        if draw.random() < 1 / 30:
            raise Never("engine-refused", msg("the engine does not like it"), msg("Order something else."))
        return Course(
            duration_s=float(order.environment["HOURS"]) * 3600 * draw.uniform(0.4, 1.1),
            delay_s=draw.choice([0.0, 0.0, 45.0, 900.0]),
            exit_code=draw.choice([0, 0, 0, 0, 2]),
            lost=draw.random() < 0.15,
        )
