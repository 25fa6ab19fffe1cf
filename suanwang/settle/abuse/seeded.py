"""Made-up dossiers with known fraud, to measure the detectors: precision and recall for each pattern.

Honest firms look suspicious too: incubators and accountants are shared, prices vary, cards idle, training runs at full
load, money flows back after outages, contracts happen to lie near thresholds. Fraud comes weak and strong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from suanwang.domain.dossier import Contract, Dossier, Firm, Installed, Metered, Pattern, Payment, Suspicion
from suanwang.domain.money import Money

CNY, ITEMS = "CNY", {"card-a": 9.0, "card-b": 14.0, "card-c": 22.0}
THRESHOLD = Money(500_000 * 10**6, CNY)
FIRST = date(2027, 1, 1)


@dataclass(frozen=True, slots=True)
class Seeded:
    """A dossier and the contracts of each pattern that fraud was put into."""

    dossier: Dossier
    fraud: Mapping[Pattern, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Score:
    """Of what a detector named: `precision` = true ones over all named; `recall` = true ones over all there are."""

    named: int
    fraud: int
    true: int

    @property
    def precision(self) -> float:
        return self.true / self.named if self.named else 1.0

    @property
    def recall(self) -> float:
        return self.true / self.fraud if self.fraud else 1.0


def measure(seeded: Seeded, found: list[Suspicion], least: float = 0.4) -> dict[Pattern, Score]:
    """Each detector against what is known, counting contracts of findings that score at least `least`."""
    scores = {}
    for pattern in Pattern:
        named = {c for s in found if s.pattern is pattern and s.score >= least for c in s.contracts}
        fraud = seeded.fraud.get(pattern, frozenset())
        scores[pattern] = Score(named=len(named), fraud=len(fraud), true=len(named & fraud))
    return scores


@dataclass(slots=True)
class _World:
    random: Random
    firms: dict[str, Firm] = field(default_factory=dict)
    contracts: list[Contract] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    metered: dict[str, Metered] = field(default_factory=dict)
    fraud: dict[Pattern, set[str]] = field(default_factory=dict)


def make_dossier(seed: int, tenants: int = 400, providers: int = 20, each: int = 20) -> Seeded:
    """`tenants` honest firms with about three contracts each, and `each` cases of fraud of every pattern."""
    world = _World(Random(seed))  # noqa: S311
    for i in range(providers):
        _firm(world, f"centre-{i:02}")
    for i in range(tenants):
        _firm(world, f"firm-{i:04}")
        for _ in range(world.random.randint(1, 5)):
            _honest(world, f"firm-{i:04}", f"centre-{world.random.randrange(providers):02}")
    for pattern, commit in _FRAUDS.items():
        for i in range(each):
            name = f"{pattern.value}-{i:02}"
            _firm(world, name)
            commit(world, name, f"centre-{world.random.randrange(providers):02}", i / max(each - 1, 1))
    dossier = Dossier(
        firms=tuple(world.firms.values()),
        contracts=tuple(world.contracts),
        payments=tuple(world.payments),
        metered=tuple(world.metered.values()),
        installed=tuple(Installed(provider=p, item=i, accelerators=20_000) for p in _centres(world) for i in ITEMS),
        thresholds=(THRESHOLD,),
    )
    return Seeded(dossier, {pattern: frozenset(ids) for pattern, ids in world.fraud.items()})


def _centres(world: _World) -> list[str]:
    return [name for name in world.firms if name.startswith("centre-")]


def _firm(world: _World, name: str, **given: Any) -> Firm:
    """A firm whose owner is its own; a third sit in incubators, a fifth share an accountant's telephone."""
    random = world.random
    incubator, accountant = f"incubator {random.randrange(12)}", f"accountant {random.randrange(15)}"
    fields: dict[str, Any] = {
        "holders": {f"owner of {name}": 0.75, f"fund {random.randrange(8)}": 0.15},
        "persons": (f"head of {name}",),
        "address": incubator if random.random() < 0.33 else f"house of {name}",
        "phone": accountant if random.random() < 0.2 else f"telephone of {name}",
        "accounts": (f"account of {name}",),
        "registered": FIRST - timedelta(days=random.randint(60, 4000)),
    }
    world.firms[name] = Firm(id=name, **{**fields, **given})
    return world.firms[name]


def _honest(world: _World, firm: str, provider: str, **given: Any) -> Contract:
    """An honest contract with its metering and its payments; three in five are supported."""
    random = world.random
    item = random.choice(list(ITEMS))
    start = FIRST + timedelta(days=random.randrange(240))
    days = random.randint(20, 120)
    hours = float(random.randint(4, 200) * 24 * days // 4)
    price = ITEMS[item] * random.gauss(1.0, 0.04)
    amount = Money(int(price * hours * 1e4) * 100, CNY)
    supported = random.random() < 0.6
    number = len(world.contracts)
    fields: dict[str, Any] = {
        "id": f"c-{number:05}",
        "firm": firm,
        "provider": provider,
        "item": item,
        "hours": hours,
        "amount": amount,
        "signed": start - timedelta(days=random.randint(1, 20)),
        "from_day": start,
        "until_day": start + timedelta(days=days - 1),
        "granted": Money(amount.micro * 3 // 10 if supported else 0, CNY),
        "programme": "city",
        "invoice": f"inv-{number:05}",
        "fingerprint": f"text-{number:05}",
    }
    contract = Contract(**{**fields, **given})
    claimed = contract.until_day + timedelta(days=random.randint(3, 60))
    contract = _dated(contract, claimed, claimed + timedelta(days=random.randint(10, 60)))
    world.contracts.append(contract)
    world.metered[contract.id] = Metered(
        contract=contract.id,
        hours=contract.hours * random.uniform(0.9, 1.0),
        utilisation=min(0.99, max(0.08, random.gauss(0.5, 0.2))),
        variation=random.uniform(0.01, 0.6),
        bytes_moved=contract.hours * 10 ** random.uniform(7, 10),
        foreign_share=max(0.0, random.gauss(0.02, 0.05)),
    )
    _pay(world, firm, f"account of {provider}", contract.amount, contract.until_day)
    if random.random() < 0.1:  # an outage, refunded
        back = Money(contract.amount.micro * random.randint(1, 12) // 100, CNY)
        _pay(world, provider, f"account of {firm}", back, contract.until_day)
    if contract.paid_out is not None:
        for i in range(random.randint(0, 6)):  # wages, every month; a new worker now and then
            wage = Money(random.randint(10_000, 60_000) * 10**6, CNY)
            first = contract.paid_out + timedelta(days=random.randint(-300, 20))
            for month in range(12):
                _pay(world, firm, f"worker {i} of {firm} {contract.id}", wage, first + timedelta(days=30 * month))
    return contract


def _dated(contract: Contract, claimed: date, paid_out: date) -> Contract:
    if not contract.subsidised:
        return contract
    names = Contract.__dataclass_fields__
    return Contract(**{**{n: getattr(contract, n) for n in names}, "claimed": claimed, "paid_out": paid_out})


def _pay(world: _World, firm: str, payee: str, amount: Money, day: date) -> None:
    if amount:
        world.payments.append(Payment(payer=f"account of {firm}", payee=payee, amount=amount, day=day))


def _supported(world: _World, firm: str, provider: str, pattern: Pattern, **given: Any) -> Contract:
    """A supported contract that is fraud of a pattern."""
    hours = float(world.random.randint(2_000, 20_000))
    item = world.random.choice(list(ITEMS))
    amount = Money(int(ITEMS[item] * hours * world.random.gauss(1.0, 0.03) * 1e4) * 100, CNY)
    fields: dict[str, Any] = {"item": item, "hours": hours, "amount": amount, **given}
    paid: Money = fields["amount"]
    contract = _honest(world, firm, provider, **{"granted": Money(paid.micro * 3 // 10, CNY), **fields})
    world.fraud.setdefault(pattern, set()).add(contract.id)
    return contract


def _affiliate(world: _World, firm: str, provider: str, weak: float) -> None:
    """One owner, one manager, or the money coming back: by turns, the weak ones through a firm between."""
    centre = world.firms[provider]
    if weak < 0.4:
        _firm(world, firm, holders={f"owner of {provider}": 0.6})
    elif weak < 0.7:
        _firm(world, f"between {firm}", persons=centre.persons)
        _firm(world, firm, holders={f"between {firm}": 0.8})
    contract = _supported(world, firm, provider, Pattern.AFFILIATE)
    if weak >= 0.7:
        back = Money(int(contract.amount.micro * world.random.uniform(0.35, 0.8)), CNY)
        _pay(world, provider, f"account of {firm}", back, contract.until_day + timedelta(days=10))


def _fake(world: _World, firm: str, provider: str, weak: float) -> None:
    contract = _supported(world, firm, provider, Pattern.FAKE_USAGE)
    if weak < 0.3:
        del world.metered[contract.id]
        return
    old = world.metered[contract.id]
    idle = weak > 0.7
    world.metered[contract.id] = Metered(
        contract=contract.id,
        hours=contract.hours * (0.97 if idle else world.random.uniform(0.3, 0.88)),
        utilisation=world.random.uniform(0.0, 0.06) if idle else old.utilisation,
        variation=old.variation,
        bytes_moved=old.bytes_moved,
    )


def _raised(world: _World, firm: str, provider: str, weak: float) -> None:
    hours, item = float(world.random.randint(2_000, 20_000)), "card-b"
    factor = world.random.uniform(1.25, 1.35) if weak > 0.6 else world.random.uniform(1.4, 2.0)
    amount = Money(int(ITEMS[item] * factor * hours * 1e4) * 100, CNY)
    _supported(world, firm, provider, Pattern.RAISED_PRICE, hours=hours, item=item, amount=amount)


def _resold(world: _World, firm: str, provider: str, weak: float) -> None:
    contract = _supported(world, firm, provider, Pattern.RESALE)
    old, mined = world.metered[contract.id], weak < 0.4
    world.metered[contract.id] = Metered(
        contract=contract.id,
        hours=old.hours,
        utilisation=0.98 if mined else old.utilisation,
        variation=0.005 if mined else old.variation,
        bytes_moved=contract.hours * (1e5 if mined else 1e9),
        foreign_share=0.0 if mined else world.random.uniform(0.28, 0.9),
    )


def _split(world: _World, firm: str, provider: str, weak: float) -> None:
    start = FIRST + timedelta(days=world.random.randrange(200))
    for i in range(3 if weak > 0.5 else 5):
        share = world.random.uniform(0.86, 0.999)
        amount = Money(int(THRESHOLD.micro * share), CNY)
        hours = amount.micro / 1e6 / ITEMS["card-a"]
        signed = start + timedelta(days=7 * i)
        days = {"signed": signed, "from_day": signed, "until_day": signed + timedelta(days=59)}
        _supported(world, firm, provider, Pattern.SPLITTING, item="card-a", hours=hours, amount=amount, **days)


def _doubled(world: _World, firm: str, provider: str, weak: float) -> None:
    first = _supported(world, firm, provider, Pattern.DOUBLE_SUBSIDY)
    same = {"fingerprint": first.fingerprint} if weak < 0.5 else {"invoice": first.invoice}
    again = {"item": first.item, "hours": first.hours, "amount": first.amount, "programme": "district"}
    _supported(world, firm, provider, Pattern.DOUBLE_SUBSIDY, **again, **same)


def _cashed(world: _World, firm: str, provider: str, weak: float) -> None:
    contract = _supported(world, firm, provider, Pattern.CASH_OUT)
    if weak < 0.7:
        _firm(world, firm, registered=contract.signed - timedelta(days=world.random.randint(5, 80)))
    assert contract.paid_out is not None
    left = Money(int(contract.granted.micro * world.random.uniform(0.72, 1.0)), CNY)
    _pay(
        world, firm, f"private account of {firm}", left, contract.paid_out + timedelta(days=world.random.randint(0, 12))
    )


_FRAUDS = {
    Pattern.AFFILIATE: _affiliate,
    Pattern.FAKE_USAGE: _fake,
    Pattern.RAISED_PRICE: _raised,
    Pattern.RESALE: _resold,
    Pattern.SPLITTING: _split,
    Pattern.DOUBLE_SUBSIDY: _doubled,
    Pattern.CASH_OUT: _cashed,
}
