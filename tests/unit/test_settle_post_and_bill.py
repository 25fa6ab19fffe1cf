"""Holds, settlement and the invoice of one job, with every figure worked out by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from suanwang.domain.accelerator import Accelerator, AcceleratorKind
from suanwang.domain.estimate import Band, Estimate, Layout
from suanwang.domain.invoice import Invoice
from suanwang.domain.job import Job, JobState
from suanwang.domain.ledger import Transfer, TransferKind
from suanwang.domain.money import Money, total
from suanwang.domain.placement import CostPart, Option, Placement
from suanwang.domain.price import Basis, Charge
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.signal import Signal
from suanwang.domain.site import Pool, Site, Tenant
from suanwang.domain.tariff import Tariff
from suanwang.domain.usage import Source, UsageRecord
from suanwang.domain.voucher import Redemption
from suanwang.domain.workload import Batch, Workload, WorkloadKind
from suanwang.settle.bill import invoice, rounding_transfer
from suanwang.settle.post import hold, release, settle
from suanwang.settle.redeem import billed_high_by_part, facts_of

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEST = Provenance(source="test", confidence=Confidence.ESTIMATE)
ESTIMATE = Estimate(
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
WORKLOAD = Workload(name="w", kind=WorkloadKind.BATCH, task=Batch(flops=1.0), tenant="acme", labels={"use": "training"})


def cny(amount: str) -> Money:
    return Money.parse(amount, "CNY")


OPTION = Option(
    pool_id="p",
    site_id="s",
    accelerators=1,
    start=NOW,
    end=NOW + HOUR,
    estimate=ESTIMATE,
    cost={CostPart.RENT: cny("60"), CostPart.POWER: cny("30"), CostPart.DATA: cny("10"), CostPart.CARBON: cny("9")},
    billed_high=cny("190"),
    energy_kwh=1.0,
    carbon_kg_location=1.0,
    carbon_kg_market=None,
)


def job(high: str = "100", job_id: str = "j1") -> Job:
    option = replace(OPTION, billed_high=cny(high))
    return Job(
        id=job_id,
        tenant="acme",
        key="k",
        workload=WORKLOAD,
        state=JobState.PLACED,
        version=3,
        created=NOW,
        updated=NOW,
        placement=Placement(option=option, alternatives=(), rejections=(), savings=(), reasons=()),
    )


def redemption(amount: str, ratio: str = "1/2", voucher: str = "v1", programme: str = "city") -> Redemption:
    return Redemption(
        programme_id=programme,
        programme_version=1,
        voucher_id=voucher,
        amount=cny(amount),
        ratio=Fraction(ratio),
        recognised=("rent", "power"),
    )


def charge(amount: str, basis: Basis = Basis.ACCELERATOR_HOUR, n: int = 1, job_id: str = "j1") -> Charge:
    return Charge(
        id=f"{job_id}/{n}:{basis}",
        job_id=job_id,
        usage_id=f"{job_id}/{n}",
        basis=basis,
        quantity=Fraction(2),
        unit_price=Money(cny(amount).micro // 2, "CNY"),
        amount=cny(amount),
        book_id="b",
        book_version=1,
    )


def held(the_job: Job, *redemptions: Redemption) -> list[Transfer]:
    return hold(the_job, redemptions, at=NOW, expires=NOW + HOUR)


def short(transfers: list[Transfer] | tuple[Transfer, ...]) -> list[tuple[str, str, str, str]]:
    return [(t.id, t.debit, t.credit, f"{t.amount.decimal:f} {t.amount.unit}") for t in transfers]


def test_a_hold_takes_the_voucher_its_fund_and_the_rest_in_money() -> None:
    transfers = held(job("100"), redemption("30"))
    assert short(transfers) == [
        ("hold:j1:voucher:v1", "voucher:v1", "redeemed:city", "30 VCH:city"),
        ("hold:j1:fund:v1", "fund:city:CNY", "site:s:CNY", "30 CNY"),
        ("hold:j1:money", "tenant:acme:CNY", "site:s:CNY", "70 CNY"),
    ]
    assert {(t.kind, t.expires, t.job_id) for t in transfers} == {(TransferKind.PENDING, NOW + HOUR, "j1")}


def test_money_is_held_to_the_next_coin_and_refused_vouchers_hold_nothing() -> None:
    assert short(held(job("100.001"), redemption("0"))) == [
        ("hold:j1:money", "tenant:acme:CNY", "site:s:CNY", "100.01 CNY")
    ]


def test_a_job_that_vouchers_pay_in_full_holds_no_money() -> None:
    assert [t.id for t in held(job("40"), redemption("40", "1"))] == ["hold:j1:voucher:v1", "hold:j1:fund:v1"]


def test_bugs_are_not_posted() -> None:
    with pytest.raises(ValueError, match="more than the job can cost"):
        held(job("10"), redemption("11"))
    with pytest.raises(ValueError, match="no placement"):
        held(replace(job(), placement=None))
    with pytest.raises(ValueError, match="hold:j1:fund:v1"):
        settle(job(), [charge("5")], held(job(), redemption("30")), [], at=NOW)


CASES = {
    # charges (rent, data), redemptions, by voucher, by money, waived; the quote's high end is 100
    "less than quoted": (("60", "0"), [redemption("50")], "30", "30", "0"),
    "data is not recognised": (("60", "10"), [redemption("50")], "30", "40", "0"),
    "the voucher's hold binds": (("90", "0"), [redemption("20")], "20", "70", "0"),
    "above the quote": (("130", "0"), [redemption("50")], "50", "50", "30"),
    "money only, above the quote": (("130", "0"), [], "0", "100", "30"),
    "nothing used": (("0", "0"), [redemption("50")], "0", "0", "0"),
    "cut toward zero": (("10", "0"), [redemption("50", "1/3")], "3.333333", "6.666667", "0"),
    "two of one programme share its ratio": (
        ("60", "0"), [redemption("10"), redemption("40", voucher="v2")], "30", "30", "0"),
    "two programmes": (
        ("60", "0"), [redemption("10"), redemption("40", "1/4", "v2", "other")], "25", "35", "0"),
    "two programmes that would pay more than the cost": (
        ("60", "0"), [redemption("50", "1"), redemption("50", "1", "v2", "other")], "60", "0", "0"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_settlement(case: str) -> None:
    (rent, data), redemptions, by_voucher, by_money, waived = CASES[case]
    pending = held(job(), *redemptions)
    charges = [charge(rent), charge(data, Basis.DATA_GB)]
    result = settle(job(), charges, pending, redemptions, at=NOW + HOUR)
    assert (result.by_voucher, result.by_money, result.waived) == (cny(by_voucher), cny(by_money), cny(waived))
    assert {t.pending_id for t in result.transfers} == {t.id for t in pending}
    assert settle(job(), charges, pending, redemptions, at=NOW + HOUR) == result


def test_what_is_not_used_is_voided_and_the_voucher_moves_with_its_fund() -> None:
    redemptions = [redemption("30"), redemption("40", voucher="v2")]
    result = settle(job(), [charge("50")], held(job(), *redemptions), redemptions, at=NOW)
    assert [(t.id, t.kind, t.amount.micro) for t in result.transfers] == [
        ("post:hold:j1:voucher:v1", TransferKind.POST, 25_000_000),
        ("post:hold:j1:fund:v1", TransferKind.POST, 25_000_000),
        ("void:hold:j1:voucher:v2", TransferKind.VOID, 0),
        ("void:hold:j1:fund:v2", TransferKind.VOID, 0),
        ("post:hold:j1:money", TransferKind.POST, 25_000_000),
    ]


@pytest.mark.parametrize(
    ("hours", "by_voucher", "by_money"),
    [("2", "10", "40"), ("8", "30", "20"), ("0", "0", "50"), ("11/3", "18.333333", "31.666667")],
)
def test_a_voucher_by_the_unit_pays_for_what_was_metered(hours: str, by_voucher: str, by_money: str) -> None:
    """Held for six hours at 5 CNY; the money holds it all, since the cost of an hour is not known before."""
    paper = replace(redemption("30", "1"), per_unit=cny("5"), unit="accelerator_hour")
    pending = held(job("60"), paper)
    assert [t.amount.micro for t in pending] == [30_000_000, 30_000_000, 60_000_000]
    metered = {"accelerator_hour": Fraction(hours)}
    result = settle(job("60"), [charge("50")], pending, [paper], at=NOW, quantities=metered)
    assert (result.by_voucher, result.by_money, result.waived) == (cny(by_voucher), cny(by_money), cny("0"))


def test_the_coin_that_money_is_held_to_is_not_charged() -> None:
    the_job = job("100.001")
    result = settle(the_job, [charge("100.008")], held(the_job), [], at=NOW)
    assert (result.by_money, result.waived) == (cny("100.001"), cny("0.007"))


def test_release_voids_every_hold() -> None:
    pending = held(job(), redemption("30"))
    voids = release(pending, at=NOW)
    assert [t.pending_id for t in voids] == [t.id for t in pending]
    assert {(t.kind, t.amount.micro) for t in voids} == {(TransferKind.VOID, 0)}


RECORD = UsageRecord(
    id="j1/1",
    order_id="j1-1",
    job_id="j1",
    tenant="acme",
    site_id="s",
    pool_id="p",
    accelerator_id="card",
    accelerators=2,
    start=NOW,
    end=NOW + HOUR,
    source=Source.ENGINE_ACCOUNTING,
    energy_kwh_it=Fraction(1),
    energy_kwh=Fraction(5, 4),
    energy_source=Source.MEASURED,
    power_cost_micro=1,
    carbon_kg_location=0.5,
    carbon_kg_market=0.1,
    flops_delivered=3e15,
    flops_source=Source.MODELLED,
)


def billed(name: str, charges: list[Charge], transfers: list[Transfer], records: list[UsageRecord]) -> Invoice:
    return invoice(name, "acme", issued=NOW, currency="CNY", charges=charges, transfers=transfers, records=records)


def settled(amount: str, job_id: str = "j1", redemptions: tuple[Redemption, ...] = ()) -> list[Transfer]:
    the_job = job("100", job_id)
    pending = held(the_job, *redemptions)
    result = settle(the_job, [charge(amount, job_id=job_id)], pending, redemptions, at=NOW)
    return [*pending, *result.transfers]


def test_an_invoice_shows_quantities_parts_energy_and_carbon() -> None:
    transfers = settled("60.004", redemptions=(redemption("20"),))
    later = replace(RECORD, id="j1/2", start=NOW + HOUR, end=NOW + 2 * HOUR, energy_source=Source.MODELLED)
    bill = billed("i1", [charge("60.004")], transfers, [RECORD, later])
    [line] = bill.lines
    assert (line.description, line.quantity, line.unit) == ("2 x card @ s", "2", "accelerator-hour")
    assert (line.unit_price, line.amount) == (cny("30.002"), cny("60.004"))
    assert (bill.charged, bill.by_voucher, bill.by_money) == (cny("60.004"), cny("20"), cny("40.004"))
    assert (bill.payable, bill.rounding) == (cny("40"), cny("-0.004"))
    assert (bill.energy_kwh, bill.energy_source) == (2.5, Source.MODELLED)
    assert (bill.carbon_kg_location, bill.carbon_kg_market) == (1.0, 0.2)
    assert (bill.accelerator_hours, bill.flops_delivered) == (4.0, 6e15)


def test_market_based_carbon_is_not_shown_when_a_record_lacks_it() -> None:
    bill = billed("i1", [], [], [RECORD, replace(RECORD, id="j1/2", carbon_kg_market=None)])
    assert bill.carbon_kg_market is None


def test_a_line_sums_a_jobs_charges_of_one_basis_and_shows_the_mean_price() -> None:
    charges = [charge("3", n=1), charge("4", n=2), charge("1", Basis.KWH, n=2)]
    bill = billed("i1", charges, [], [RECORD])
    shown = [(x.quantity, x.unit, x.unit_price, x.amount) for x in bill.lines]
    assert shown == [
        ("4", "accelerator-hour", cny("1.75"), cny("7")),
        ("2", "kWh", cny("0.5"), cny("1")),
    ]


@pytest.mark.parametrize(
    ("amount", "payable"), [("1.005", "1"), ("1.015", "1.02"), ("1.0050001", "1.01"), ("0.004", "0"), ("2", "2")]
)
def test_half_a_coin_goes_to_the_even_one(amount: str, payable: str) -> None:
    exact = Money(int(Fraction(amount) * 10**6 + Fraction(9, 10)), "CNY")
    bill = billed("i1", [charge(str(exact.decimal))], settled(str(exact.decimal)), [])
    assert bill.payable == cny(payable)


def test_rounding_is_booked_once_and_never_twice() -> None:
    transfers = settled("1.007")
    bill = billed("i1", [charge("1.007")], transfers, [])
    booked = rounding_transfer(bill, transfers, job_id="j1")
    assert booked is not None
    assert short([booked]) == [("rounding:i1", "tenant:acme:CNY", "rounding:CNY", "0.003 CNY")]
    again = billed("i1", [charge("1.007")], [*transfers, booked], [])
    assert again == bill
    assert rounding_transfer(again, [*transfers, booked]) is None


def test_rounding_down_gives_the_coin_back() -> None:
    transfers = settled("1.004")
    booked = rounding_transfer(billed("i1", [charge("1.004")], transfers, []), transfers)
    assert booked is not None
    assert short([booked]) == [("rounding:i1", "rounding:CNY", "tenant:acme:CNY", "0.004 CNY")]


def test_a_whole_coin_books_no_rounding() -> None:
    transfers = settled("1.01")
    assert rounding_transfer(billed("i1", [charge("1.01")], transfers, []), transfers) is None


GROSS = ("17.7196", "17.6948")
"""14.29 and 14.27 with 24 % tax, exact: every way of billing them must give one total."""


@pytest.mark.parametrize("order", [GROSS, GROSS[::-1]])
def test_sum_first_round_once(order: tuple[str, str]) -> None:
    charges = [charge(x, job_id=f"j{i}") for i, x in enumerate(order)]
    transfers = [t for i, x in enumerate(order) for t in settled(x, f"j{i}")]
    assert billed("period", charges, transfers, []).payable == cny("35.41")


def test_bills_of_single_jobs_and_of_the_period_agree() -> None:
    """0.006 three times is 0.03 when each is billed, and 0.02 when they are summed first; it must not be both."""
    charges = [charge("0.006", job_id=f"j{i}") for i in range(3)]
    transfers = [t for i in range(3) for t in settled("0.006", f"j{i}")]
    assert billed("period", charges, transfers, []).payable == cny("0.02")
    single: list[Money] = []
    for c in charges:
        mine = [t for t in transfers if t.job_id == c.job_id]
        bill = billed(c.job_id, [c], mine, [])
        rounding = rounding_transfer(bill, mine, job_id=c.job_id)
        single.append(bill.payable)
        transfers += [rounding] if rounding else []
    period = billed("period", charges, transfers, [])
    assert period.payable == total(single, "CNY") == cny("0.03")
    assert rounding_transfer(period, transfers) is None


def test_more_posted_than_charged_is_a_bug() -> None:
    with pytest.raises(ValueError, match="more was posted than charged"):
        billed("i1", [charge("1")], settled("2"), [])


def test_facts_are_named_and_labels_do_not_replace_them() -> None:
    facts = {"legal_form": "firm", "tenant.stage": "startup", "id": "x"}
    tenant = Tenant(id="acme", name="Acme", credit_limit=cny("0"), facts=facts)
    site = Site(
        id="s",
        name="S",
        zone=ZoneInfo("Asia/Shanghai"),
        latitude=0,
        longitude=0,
        tariff=Tariff(id="t", name="t", currency="CNY", prices={}, periods=(), provenance=TEST),
        pue=Signal.constant("1", "1.2"),
        carbon_location=Signal.constant("kg/kWh", "0.5"),
        province="贵州",
        labels={"listed": "yes", "province": "other"},
    )
    pool = Pool(
        id="p",
        site_id="s",
        accelerator=Accelerator(id="card", vendor="v", name="Card", kind=AcceleratorKind.NPU, provenance=TEST),
        nodes=1,
        accelerators_per_node=8,
        engine="local",
        price_book_id="b",
        labels={"origin": "domestic"},
    )
    assert facts_of(tenant, site, pool, WORKLOAD) == {
        "tenant.id": "acme",
        "tenant.legal_form": "firm",
        "tenant.stage": "startup",
        "provider.id": "s",
        "provider.province": "贵州",
        "provider.listed": "yes",
        "accelerator.id": "card",
        "accelerator.vendor": "v",
        "accelerator.kind": "npu",
        "accelerator.origin": "domestic",
        "workload.kind": "batch",
        "workload.use": "training",
    }


@pytest.mark.parametrize(
    ("mid", "high", "parts"),
    [
        (("60", "30", "10"), "190", ("120", "60", "10")),
        (("1", "2", "0"), "1", ("0.333333", "0.666667", "0")),
        (("0", "0", "0"), "5", ("5", "0", "0")),
        (("0", "0", "7"), "7", ("0", "0", "7")),
    ],
)
def test_the_high_end_is_split_by_part_without_loss(
    mid: tuple[str, str, str], high: str, parts: tuple[str, str, str]
) -> None:
    names = (CostPart.RENT, CostPart.POWER, CostPart.DATA)
    costs = {**dict(zip(names, map(cny, mid), strict=True)), CostPart.CARBON: cny("99")}
    split = billed_high_by_part(replace(OPTION, cost=costs, billed_high=cny(high)))
    assert split == dict(zip(names, map(cny, parts), strict=True))
    assert total(list(split.values()), "CNY") == cny(high)
