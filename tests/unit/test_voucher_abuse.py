"""Signs of abuse: each detector on a case that it must name and on honest ones that look alike; and seeded fraud."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from suanwang.domain.dossier import Contract, Dossier, Firm, Installed, Metered, Pattern, Payment, Suspicion
from suanwang.domain.money import Money
from suanwang.settle.abuse.audit import audit
from suanwang.settle.abuse.relations import Relations
from suanwang.settle.abuse.seeded import make_dossier, measure

DAY = date(2027, 3, 1)


def cny(amount: int) -> Money:
    return Money(amount * 10**6, "CNY")


def firm(name: str, **more: Any) -> Firm:
    base = Firm(id=name, holders={f"owner of {name}": 1.0}, accounts=(f"account of {name}",))
    return replace(base, **more)


CONTRACT = Contract(
    id="c1",
    firm="a",
    provider="p",
    item="card",
    hours=1000,
    amount=cny(10_000),
    signed=DAY,
    from_day=DAY,
    until_day=DAY + timedelta(days=29),
    granted=cny(3_000),
    programme="city",
    paid_out=DAY + timedelta(days=60),
)
METER = Metered(contract="c1", hours=990, utilisation=0.6, variation=0.2, bytes_moved=1e12)
HONEST = Dossier(firms=(firm("a"), firm("p")), contracts=(CONTRACT,), metered=(METER,))


def contracts(count: int, **more: Any) -> tuple[Contract, ...]:
    return tuple(replace(CONTRACT, id=f"c{i}", signed=DAY + timedelta(days=i), **more) for i in range(1, count + 1))


def known(*firms: Firm) -> Dossier:
    return replace(HONEST, firms=firms)


def metered(count: int) -> tuple[Metered, ...]:
    return tuple(replace(METER, contract=f"c{i}") for i in range(1, count + 1))


def paid(payer: str, payee: str, amount: int, days: int) -> Payment:
    return Payment(payer=payer, payee=payee, amount=cny(amount), day=DAY + timedelta(days=days))


def back(amount: int) -> Payment:
    return paid("account of p", "account of a", amount, 40)


def owned(cards: int) -> Dossier:
    return replace(HONEST, installed=(Installed(provider="p", item="card", accelerators=cards),))


USUAL = tuple(replace(CONTRACT, id=f"u{i}", granted=cny(0), amount=cny(10_000 + 100 * i)) for i in range(5))
FRAUD: dict[str, tuple[Dossier, Pattern | None]] = {
    "honest": (HONEST, None),
    "one owner": (
        replace(HONEST, firms=(firm("a", holders={"x": 0.6}), firm("p", holders={"x": 0.3}))),
        Pattern.AFFILIATE,
    ),
    "the provider owns it": (known(firm("a", holders={"p": 0.6}), firm("p")), Pattern.AFFILIATE),
    "a firm between": (
        replace(
            HONEST, firms=(firm("a", holders={"m": 0.6}), firm("m", persons=("boss",)), firm("p", persons=("boss",)))
        ),
        Pattern.AFFILIATE,
    ),
    "a small common holder": (
        replace(HONEST, firms=(firm("a", holders={"x": 0.1}), firm("p", holders={"x": 0.1}))),
        None,
    ),
    "an incubator": (
        replace(HONEST, firms=tuple(firm(n, address="incubator") for n in ("a", "p", "q", "r", "s"))),
        None,
    ),
    "money comes back": (
        replace(HONEST, payments=(paid("account of p", "account of a", 5_000, 40),)),
        Pattern.AFFILIATE,
    ),
    "a small refund": (replace(HONEST, payments=(back(1_000),)), None),
    "never metered": (replace(HONEST, metered=()), Pattern.FAKE_USAGE),
    "half metered": (replace(HONEST, metered=(replace(METER, hours=500),)), Pattern.FAKE_USAGE),
    "idle": (replace(HONEST, metered=(replace(METER, utilisation=0.01),)), Pattern.FAKE_USAGE),
    "oversold": (
        replace(HONEST, installed=(Installed(provider="p", item="card", accelerators=1),)),
        Pattern.FAKE_USAGE,
    ),
    "enough cards": (owned(2), None),
    "dearer than usual": (
        replace(HONEST, contracts=(replace(CONTRACT, amount=cny(14_000)), *USUAL)),
        Pattern.RAISED_PRICE,
    ),
    "a little dearer": (replace(HONEST, contracts=(replace(CONTRACT, amount=cny(11_000)), *USUAL)), None),
    "used by others": (replace(HONEST, metered=(replace(METER, foreign_share=0.5),)), Pattern.RESALE),
    "mining": (
        replace(HONEST, metered=(replace(METER, utilisation=0.99, variation=0.0, bytes_moved=10.0),)),
        Pattern.RESALE,
    ),
    "full load with data": (replace(HONEST, metered=(replace(METER, utilisation=0.99, variation=0.0),)), None),
    "three near the threshold": (
        replace(HONEST, contracts=contracts(3), metered=metered(3), thresholds=(cny(11_000),)),
        Pattern.SPLITTING,
    ),
    "two near the threshold": (
        replace(HONEST, contracts=contracts(2), metered=metered(2), thresholds=(cny(11_000),)),
        None,
    ),
    "one text twice": (
        replace(HONEST, contracts=contracts(2, fingerprint="f"), metered=metered(2)),
        Pattern.DOUBLE_SUBSIDY,
    ),
    "one invoice twice": (
        replace(HONEST, contracts=contracts(2, invoice="7"), metered=metered(2)),
        Pattern.DOUBLE_SUBSIDY,
    ),
    "to one account at once": (
        replace(HONEST, payments=(paid("account of a", "somebody", 2_500, 62),)),
        Pattern.CASH_OUT,
    ),
    "wages": (replace(HONEST, payments=tuple(paid("account of a", "worker", 2_500, d) for d in (2, 32, 62))), None),
}


@pytest.mark.parametrize("name", FRAUD)
def test_a_detector_names_its_pattern_and_no_other(name: str) -> None:
    dossier, pattern = FRAUD[name]
    found = audit(dossier)
    assert {s.pattern for s in found} == ({pattern} if pattern else set())
    assert all(0 < s.score <= 1 and s.evidence and s.at_stake.micro > 0 for s in found)


def test_a_made_for_it_firm_that_claims_at_once_is_worse() -> None:
    dossier = FRAUD["to one account at once"][0]
    young = replace(dossier, firms=(firm("a", registered=DAY - timedelta(days=20)), firm("p")))
    fast = replace(young, contracts=(replace(CONTRACT, claimed=CONTRACT.until_day),))
    scores = [max(s.score for s in audit(d)) for d in (dossier, young, fast)]
    assert scores == sorted(set(scores))


def test_groups_are_firms_under_one_roof_of_ownership() -> None:
    firms = (firm("a", holders={"h": 0.9}), firm("b", holders={"h": 0.9}), firm("c"))
    group = Relations(Dossier(firms=firms, contracts=())).groups({f.id: f for f in firms})
    assert group == {"a": "a", "b": "a", "c": "c"}


def test_seeded_fraud_is_found_among_honest_data() -> None:
    named: dict[Pattern, list[Suspicion]] = {}
    for seed in (11, 12):
        seeded = make_dossier(seed, tenants=200, each=20)
        found = audit(seeded.dossier)
        for pattern, score in measure(seeded, found).items():
            named.setdefault(pattern, []).extend(s for s in found if s.pattern is pattern)
            assert score.precision >= 0.8, (seed, pattern)
            assert score.recall >= 0.65, (seed, pattern)
    assert set(named) == set(Pattern)


def test_the_same_seed_is_the_same_data() -> None:
    assert (
        make_dossier(3, tenants=20, each=2)
        == make_dossier(3, tenants=20, each=2)
        != make_dossier(4, tenants=20, each=2)
    )
