"""Laws of settlement, whatever is charged, held and redeemed: nothing is lost, nobody pays above the quote."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.domain.estimate import Band, Estimate, Layout
from suanwang.domain.invoice import Invoice
from suanwang.domain.job import Job, JobState
from suanwang.domain.ledger import Balance, Transfer, TransferKind
from suanwang.domain.money import Money, total
from suanwang.domain.placement import CostPart, Option, Placement
from suanwang.domain.price import Basis, Charge
from suanwang.domain.programme import Cap, Programme, Rate, Recognition, Scope
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.voucher import Redemption, Voucher
from suanwang.domain.workload import Batch, Workload, WorkloadKind
from suanwang.settle.accounts import COIN_MICRO, deposit, fund, issue
from suanwang.settle.bill import invoice, rounding_transfer
from suanwang.settle.post import hold, release, settle
from suanwang.settle.rate import PART_OF
from suanwang.settle.redeem import Purse, billed_high_by_part, order_of_use, planned_quantities, redeem_in_order

QUICK = settings(derandomize=True, deadline=None, max_examples=150)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TEST = Provenance(source="test", confidence=Confidence.ESTIMATE)
MICROS = st.integers(0, 10**10)


class TinyLedger:
    """The rules of the ledger in a few lines: sums by account, holds, one resolution each, nothing below 0."""

    def __init__(self, transfers: Iterable[Transfer] = ()) -> None:
        self.seen: dict[str, Transfer] = {}
        self.balance: dict[str, Balance] = {}
        self.resolved: set[str] = set()
        self.post(transfers)

    def post(self, transfers: Iterable[Transfer]) -> None:
        for t in transfers:
            if t.id in self.seen:
                assert self.seen[t.id] == t, f"{t.id} is there with another body"
                continue
            self.seen[t.id] = t
            if t.pending_id:
                self._resolve(t)
            held = t.amount.micro if t.kind is TransferKind.PENDING else 0
            self._move(t, t.amount.micro - held, held)
            debit = self.balance[t.debit]
            assert debit.available >= 0 or t.debit.startswith(("external:", "issued:", "rounding:")), t

    def _resolve(self, t: Transfer) -> None:
        pending = self.seen[t.pending_id]
        assert pending.kind is TransferKind.PENDING
        assert t.pending_id not in self.resolved
        assert (t.debit, t.credit, t.amount.unit) == (pending.debit, pending.credit, pending.amount.unit)
        assert t.amount.micro <= pending.amount.micro
        self.resolved.add(t.pending_id)
        self._move(pending, 0, -pending.amount.micro)

    def _move(self, t: Transfer, posted: int, held: int) -> None:
        for account in (t.debit, t.credit):
            self.balance.setdefault(account, Balance(account_id=account, unit=t.amount.unit))
            assert self.balance[account].unit == t.amount.unit, f"{t.id} crosses units"
        d, c = self.balance[t.debit], self.balance[t.credit]
        self.balance[t.debit] = replace(
            d, debits_posted=d.debits_posted + posted, debits_pending=d.debits_pending + held
        )
        self.balance[t.credit] = replace(
            c, credits_posted=c.credits_posted + posted, credits_pending=c.credits_pending + held
        )

    def sums(self) -> dict[str, int]:
        units = {b.unit for b in self.balance.values()}
        return {unit: sum(b.posted for b in self.balance.values() if b.unit == unit) for unit in units}

    def held(self) -> int:
        return sum(b.debits_pending + b.credits_pending for b in self.balance.values())


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    cost = {part: Money(draw(MICROS), "CNY") for part in (CostPart.RENT, CostPart.POWER, CostPart.DATA)}
    mid = total(list(cost.values()), "CNY")
    estimate = Estimate(
        pool_id="p",
        accelerator_id="card",
        accelerators=1,
        layout=Layout(),
        time_s=Band(1, 2, 3),
        flops=1.0,
        memory_bytes={},
        power_w_it=Band(1, 2, 3),
        energy_kwh_it=Band(1, 2, 3),
        breakdown_s={},
        assumptions=(),
    )
    option = Option(
        pool_id="p",
        site_id="s",
        accelerators=1,
        start=NOW,
        end=NOW + DAY,
        estimate=estimate,
        cost=cost,
        billed_high=mid + Money(draw(MICROS), "CNY"),
        energy_kwh=1.0,
        carbon_kg_location=1.0,
        carbon_kg_market=None,
    )
    return Job(
        id="j1",
        tenant="acme",
        key="k",
        workload=Workload(name="w", kind=WorkloadKind.BATCH, task=Batch(flops=1.0), tenant="acme"),
        state=JobState.PLACED,
        version=3,
        created=NOW,
        updated=NOW,
        placement=Placement(option=option, alternatives=(), rejections=(), savings=(), reasons=()),
    )


SCOPES = st.sampled_from((Scope.JOB, Scope.TENANT, Scope.GROUP, Scope.PROGRAMME))


@st.composite
def programmes(draw: st.DrawFn, name: str) -> Programme:
    per_hour = Money(draw(st.integers(1, 10**11)), "CNY")
    rate = draw(
        st.one_of(
            st.integers(1, 30).map(lambda n: Rate(ratio=Fraction(n, 30))),
            st.just(Rate(face=Money(10**9, "CNY"))),
            st.just(Rate(per_unit=per_hour, unit="accelerator_hour")),
        )
    )
    return Programme(
        id=name,
        version=1,
        name=name,
        issuer="bureau",
        currency="CNY",
        opens=NOW - DAY,
        closes=NOW + 99 * DAY,
        rates=(rate,),
        recognition=Recognition(lines=tuple(draw(st.sets(st.sampled_from(("rent", "power", "data")), min_size=1)))),
        caps=tuple(Cap(scope=scope, amount=Money(draw(MICROS), "CNY")) for scope in draw(st.sets(SCOPES))),
        provenance=TEST,
    )


@st.composite
def purses(draw: st.DrawFn) -> list[Purse]:
    known = [draw(programmes("a")), draw(programmes("b"))]
    result = []
    for n in range(draw(st.integers(0, 4))):
        programme = draw(st.sampled_from(known))
        face = Money(draw(st.integers(1, 10**10)), programme.unit)
        expires = NOW + draw(st.integers(1, 9)) * DAY
        paper = Voucher(
            id=f"v{n}", programme_id=programme.id, tenant="acme", face=face, issued=NOW - DAY, expires=expires
        )
        result.append(Purse(voucher=paper, programme=programme, remaining=face))
    return result


@st.composite
def charge_lists(draw: st.DrawFn) -> list[Charge]:
    rows = draw(st.lists(st.tuples(st.sampled_from(Basis), MICROS, st.fractions(0, 1000)), max_size=5))
    return [
        Charge(
            id=f"c{n}",
            job_id="j1",
            usage_id=f"u{n}",
            basis=basis,
            quantity=quantity,
            unit_price=Money(1, "CNY"),
            amount=Money(micro, "CNY"),
            book_id="b",
            book_version=1,
        )
        for n, (basis, micro, quantity) in enumerate(rows)
    ]


def redeem_for(job: Job, bag: list[Purse], fund_micro: int) -> tuple[Redemption, ...]:
    assert job.placement is not None
    return redeem_in_order(
        order_of_use(bag),
        before={},
        fund_available={p.programme.id: Money(fund_micro, "CNY") for p in bag},
        facts={"tenant.id": "acme"},
        amount_by_part=billed_high_by_part(job.placement.option),
        now=NOW,
        quantities=planned_quantities(job.placement.option),
    )


def opened(job: Job, bag: list[Purse], fund_micro: int) -> TinyLedger:
    """A ledger in which the tenant has just enough money for the quote, to the coin."""
    assert job.placement is not None
    coins = -(-job.placement.option.billed_high.micro // COIN_MICRO) * COIN_MICRO
    entries = [issue(p.voucher, NOW) for p in bag]
    if fund_micro:
        entries += [fund(p, Money(fund_micro, "CNY"), "k", NOW) for p in sorted({p.programme.id for p in bag})]
    if coins:
        entries.append(deposit("acme", Money(coins, "CNY"), "k", NOW))
    return TinyLedger(entries)


def bill_of(charges: list[Charge], ledger: TinyLedger) -> Invoice:
    transfers = list(ledger.seen.values())
    return invoice("i1", "acme", issued=NOW, currency="CNY", charges=charges, transfers=transfers, records=[])


@QUICK
@given(jobs(), purses(), charge_lists(), st.integers(0, 2 * 10**10), st.fractions(0, 2))
def test_every_settlement_balances(
    job: Job, bag: list[Purse], charges: list[Charge], fund_micro: int, hours: Fraction
) -> None:
    assert job.placement is not None
    high = job.placement.option.billed_high
    ledger = opened(job, bag, fund_micro)
    redemptions = redeem_for(job, bag, fund_micro)
    pending = hold(job, redemptions, at=NOW, expires=NOW + DAY)
    ledger.post(pending)
    by_vouchers = total([r.amount for r in redemptions if r.per_unit is None], "CNY")
    money = total([t.amount for t in pending if t.id == "hold:j1:money"], "CNY")
    assert 0 <= (by_vouchers + money - high).micro < COIN_MICRO

    metered = {"accelerator_hour": hours}
    result = settle(job, charges, pending, redemptions, at=NOW + DAY, quantities=metered)
    ledger.post(result.transfers)
    again = settle(job, charges, pending, redemptions, at=NOW + DAY, quantities=metered)
    ledger.post(again.transfers)  # a repeat changes nothing
    assert ledger.held() == 0
    assert set(ledger.sums().values()) <= {0}
    assert min(result.waived, result.by_voucher, result.by_money).micro >= 0
    assert result.charged == result.waived + result.by_voucher + result.by_money
    assert (result.by_voucher + result.by_money).micro <= high.micro
    used = {b.account_id: b.posted for b in ledger.balance.values()}
    assert used.get("site:s:CNY", 0) == (result.by_voucher + result.by_money).micro
    for name in {p.programme.id for p in bag}:
        redeemed = used.get(f"redeemed:{name}", 0)
        assert redeemed == fund_micro - used.get(f"fund:{name}:CNY", 0)
        programme = next(p.programme for p in bag if p.programme.id == name)
        recognised = sum(c.amount.micro for c in charges if PART_OF[c.basis] in programme.recognised)
        (rate,) = programme.rates
        assert redeemed <= rate.share * recognised
        assert rate.per_unit is None or redeemed <= rate.per_unit.micro * hours
        assert all(cap.amount is None or redeemed <= cap.amount.micro for cap in programme.caps)


@QUICK
@given(jobs(), purses(), charge_lists(), st.integers(0, 2 * 10**10))
def test_the_invoice_rounds_once_and_books_it(
    job: Job, bag: list[Purse], charges: list[Charge], fund_micro: int
) -> None:
    ledger = opened(job, bag, fund_micro)
    redemptions = redeem_for(job, bag, fund_micro)
    pending = hold(job, redemptions, at=NOW, expires=NOW + DAY)
    result = settle(job, charges, pending, redemptions, at=NOW + DAY)
    ledger.post([*pending, *result.transfers])
    bill = bill_of(charges, ledger)
    assert (bill.by_voucher, bill.by_money, bill.waived) == (result.by_voucher, result.by_money, result.waived)
    assert total([line.amount for line in bill.lines], "CNY") == bill.charged
    assert bill.payable.micro % COIN_MICRO == 0
    assert abs(bill.rounding.micro) * 2 <= COIN_MICRO
    before = ledger.balance["tenant:acme:CNY"].posted if "tenant:acme:CNY" in ledger.balance else 0
    rounding = rounding_transfer(bill, list(ledger.seen.values()), job_id="j1")
    assert (rounding is None) == (not bill.rounding)
    ledger.post([rounding] if rounding else [])  # the tenant always has the coin: it was held
    after = ledger.balance["tenant:acme:CNY"].posted if "tenant:acme:CNY" in ledger.balance else 0
    assert before - after == bill.rounding.micro
    assert after % COIN_MICRO == 0
    assert "tenant:acme:CNY" not in ledger.balance or ledger.balance["tenant:acme:CNY"].available >= 0
    assert rounding_transfer(bill_of(charges, ledger), list(ledger.seen.values())) is None
    assert set(ledger.sums().values()) <= {0}


@QUICK
@given(jobs(), purses(), st.integers(0, 2 * 10**10))
def test_release_gives_everything_back(job: Job, bag: list[Purse], fund_micro: int) -> None:
    ledger = opened(job, bag, fund_micro)
    before = {a: b.available for a, b in ledger.balance.items()}
    pending = hold(job, redeem_for(job, bag, fund_micro), at=NOW, expires=NOW + DAY)
    ledger.post(pending)
    ledger.post(release(pending, at=NOW + DAY))
    assert {a: b.available for a, b in ledger.balance.items() if b.available} == {a: v for a, v in before.items() if v}
    assert ledger.held() == 0
