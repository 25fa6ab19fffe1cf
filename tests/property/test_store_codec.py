"""Whatever the domain can say, the store's text says exactly: what is read equals what was written."""

from dataclasses import replace
from datetime import UTC
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.adapters.store.codec import dump, load
from suanwang.domain.estimate import Assumption, Band, Estimate, Layout
from suanwang.domain.job import Job, JobEvent, JobState
from suanwang.domain.ledger import Transfer, TransferKind
from suanwang.domain.model import ModelSpec
from suanwang.domain.money import Money
from suanwang.domain.order import EndCause, Observation, Order, OrderState
from suanwang.domain.placement import CostPart, Option, Placement, Rejection, Saving
from suanwang.domain.price import Basis, Charge, Price, PriceBook
from suanwang.domain.provenance import Provenance
from suanwang.domain.reason import Reason
from suanwang.domain.signal import FAR_FUTURE, MICROSECOND
from suanwang.domain.usage import UsageRecord
from suanwang.domain.voucher import Voucher
from suanwang.domain.workload import (
    Batch,
    Checkpointing,
    DataSet,
    Demand,
    Limits,
    Program,
    Serving,
    Training,
    Workload,
    WorkloadKind,
)
from suanwang.errors import Message

Any_ = st.SearchStrategy[Any]
EXAMPLES = settings(max_examples=60, derandomize=True, deadline=None)

word = st.text(max_size=5)
whole = st.integers(-(2**70), 2**70)
number = st.floats(allow_nan=False)
size = st.floats(0, 1e30)
count = st.integers(1, 9)
share = st.fractions(0, 10**9)
instant = st.datetimes(timezones=st.just(UTC))
money = st.builds(Money, whole, st.sampled_from(["CNY", "VCH:x"]))
plain = st.one_of(word, whole, number, st.booleans())
message = st.recursive(
    st.builds(Message, word, st.lists(st.tuples(word, plain), max_size=3).map(tuple)),
    lambda inner: st.builds(Message, word, st.lists(st.tuples(word, plain | inner), max_size=3).map(tuple)),
    max_leaves=4,
)
band = st.lists(size, min_size=3, max_size=3).map(sorted).map(lambda v: Band(*v))


def tuples(of: Any_) -> Any_:
    return st.lists(of, max_size=2).map(tuple)


def named(of: Any_) -> Any_:
    return st.dictionaries(word, of, max_size=2)


estimate = st.builds(
    Estimate,
    layout=st.builds(Layout, **dict.fromkeys(("tp", "pp", "dp", "cp", "ep", "micro_batch"), count)),
    time_s=band,
    flops=number,
    memory_bytes=named(number),
    power_w_it=band,
    energy_kwh_it=band,
    breakdown_s=named(number),
    assumptions=tuples(st.builds(Assumption, value=number)),
    results=named(number),
    notes=tuples(message),
)
option = st.builds(
    Option,
    start=instant,
    end=instant,
    estimate=estimate,
    cost=st.dictionaries(st.sampled_from(CostPart), money, max_size=3),
    billed_high=money,
    energy_kwh=number,
    carbon_kg_location=number,
    carbon_kg_market=st.none() | number,
    round_trip_ms=st.none() | number,
    data_ready=st.none() | instant,
)
saving = st.builds(Saving, alternative=option, parts=st.dictionaries(st.sampled_from(CostPart), money))
rejection = st.builds(Rejection, detail=message)
placement = st.builds(
    Placement,
    option=option,
    alternatives=tuples(option),
    rejections=tuples(rejection),
    savings=tuples(saving),
    reasons=tuples(message),
)
model = st.builds(
    ModelSpec,
    layers=count,
    hidden=count.map(lambda n: n * 4),
    heads=st.just(4),
    kv_heads=st.sampled_from([0, 1, 2]),
    ffn=count,
    vocab=count,
    head_size=st.just(0),
    experts=st.just(0),
    parameters_published=st.none() | number,
    provenance=st.none() | st.builds(Provenance),
)
tasks = {
    WorkloadKind.PRETRAIN: st.builds(Training, model=model, tokens=number),
    WorkloadKind.FINETUNE: st.builds(Training, model=model, tokens=number),
    WorkloadKind.SERVE: st.builds(
        Serving, model=model, requests_per_s=number, duration_s=number, first_token_ms_max=st.none() | number
    ),
    WorkloadKind.BATCH: st.builds(
        Batch,
        flops=st.none() | number,
        memory_traffic_bytes=number,
        memory_bytes=number,
        duration_s=st.none() | number,
    ),
}


def workload_of(kind: WorkloadKind) -> Any_:
    limits = st.builds(
        Limits,
        earliest_start=st.none() | instant,
        deadline=st.none() | instant,
        latency_ms_max=st.none() | number,
        budget=st.none() | money,
        time_limit_s=st.none() | number,
    )
    return st.builds(
        Workload,
        kind=st.just(kind),
        task=tasks[kind],
        program=st.none() | st.builds(Program, command=tuples(word), environment=named(word)),
        demand=st.builds(Demand),
        limits=limits,
        data=tuples(st.builds(DataSet, size_bytes=number)),
        requires=named(tuples(word)),
        labels=named(word),
        checkpointing=st.none() | st.builds(Checkpointing, every_s=number),
    )


workload = st.sampled_from(WorkloadKind).flatmap(workload_of)
job = st.builds(
    Job,
    workload=workload,
    created=instant,
    updated=instant,
    estimates=tuples(estimate),
    rejections=tuples(rejection),
    placement=st.none() | placement,
    detail=st.none() | message,
)
moved = st.builds(
    JobEvent,
    at=instant,
    before=st.none() | st.sampled_from(JobState),
    reason=st.none() | st.sampled_from(Reason),
    detail=st.none() | message,
)
ended = st.builds(
    Observation,
    state=st.just(OrderState.ENDED),
    started=st.just(None),
    ended=instant,
    cause=st.sampled_from(EndCause),
    cpu_s=st.none() | number,
    memory_bytes_peak=st.none() | number,
    energy_kwh_it=st.none() | number,
    evidence=named(word),
)
usage_record = st.builds(
    UsageRecord,
    accelerators=count,
    start=instant.map(lambda when: min(when, FAR_FUTURE - MICROSECOND)),
    end=st.just(FAR_FUTURE),
    energy_kwh_it=share,
    energy_kwh=share,
    carbon_kg_location=number,
    carbon_kg_market=st.none() | number,
    flops_delivered=size,
    evidence=named(word),
)
charge = st.builds(Charge, quantity=st.fractions(), unit_price=money, amount=money)
tariffed = st.just(Price(basis=Basis.KWH, amount=None))
price = st.builds(Price, basis=st.just(Basis.DATA_GB), amount=st.builds(Money, st.integers(0), st.just("CNY")))
book = st.builds(PriceBook, currency=st.just("CNY"), effective=instant, prices=st.tuples(tariffed, price))
transfer = st.builds(
    Transfer,
    kind=st.just(TransferKind.PENDING),
    debit=st.just("a"),
    credit=st.just("b"),
    amount=st.builds(Money, st.integers(1, 2**70), word),
    at=instant,
    pending_id=st.just(""),
    expires=st.none() | instant,
)
voucher = st.builds(Voucher, face=money, issued=instant, expires=instant)
order = st.builds(Order, command=tuples(word), time_limit_s=number, environment=named(word))

EVERYTHING: dict[type[object], Any_] = {
    Job: job,
    JobEvent: moved,
    Order: order,
    Observation: ended,
    UsageRecord: usage_record,
    Charge: charge,
    PriceBook: book,
    Transfer: transfer,
    Voucher: voucher,
}


@pytest.mark.parametrize("kind", EVERYTHING, ids=lambda kind: kind.__name__)
@EXAMPLES
@given(data=st.data())
def test_what_is_read_equals_what_was_written(kind: type[object], data: st.DataObject) -> None:
    thing = data.draw(EVERYTHING[kind])
    text = dump(thing)
    again = load(kind, text)
    assert again == thing
    assert dump(again) == text


@EXAMPLES
@given(message)
def test_a_message_keeps_its_values_and_their_kinds(thing: Message) -> None:
    again = load(Message, dump(thing))
    assert again == thing
    assert [type(value) for _, value in again.values] == [type(value) for _, value in thing.values]


def test_every_kind_of_task_comes_back_as_itself() -> None:
    for task in (Batch(), Batch(flops=1.0), Batch(dtype="bf16", duration_s=2.0)):
        wanted = Workload(name="w", kind=WorkloadKind.BATCH, task=task, tenant="t")
        assert load(Workload, dump(wanted)).task == task


def test_a_value_of_another_type_than_declared_is_a_bug() -> None:
    untyped: Any = "1/3"
    wrong = Charge(
        id="c",
        job_id="j",
        usage_id="u",
        basis=Basis.KWH,
        quantity=untyped,
        unit_price=Money(1, "CNY"),
        amount=Money(1, "CNY"),
        book_id="b",
        book_version=1,
    )
    with pytest.raises(Exception, match="quantity"):
        dump(wrong)
    assert load(Charge, dump(replace(wrong, quantity=Fraction(1, 3)))).quantity == Fraction(1, 3)
