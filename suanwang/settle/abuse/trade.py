"""Affiliate trading, raised prices, splitting, double subsidy: who trades with whom, at what price, how often."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from statistics import median

from suanwang.domain.dossier import Contract, Dossier, Pattern, Suspicion
from suanwang.domain.money import Money, total
from suanwang.errors import Message, msg
from suanwang.settle.abuse.relations import Relations

LOOP_DAYS = 60
LOOP_SHARE_LEAST = 0.3
RAISED_LEAST = 1.2
"""Price of a supported hour over the usual one from which it is a sign."""
PEERS_LEAST = 3
NEAR = 0.85
"""Contracts from this share of a threshold on are near it."""
SPLIT_DAYS = 45
SPLIT_LEAST = 3


def affiliates(dossier: Dossier, relations: Relations) -> Iterator[Suspicion]:
    """A supported contract between related firms, or whose money comes back to the firm that paid."""
    returned = _returned(dossier, relations)
    for contract in dossier.subsidised():
        relation = relations.between(contract.firm, contract.provider)
        loop, said = returned.get(contract.id, (0.0, None))
        score = max(relation.strength if relation else 0.0, min(loop, 1.0) if loop >= LOOP_SHARE_LEAST else 0.0)
        if score:
            evidence = [*(relation.steps if relation else ()), *([said] if said and loop >= LOOP_SHARE_LEAST else [])]
            yield suspicion(Pattern.AFFILIATE, score, [contract], evidence)


def _returned(dossier: Dossier, relations: Relations) -> dict[str, tuple[float, Message]]:
    """The share of each contract's amount that went from its provider to its firm within two months of the payment."""
    flows: dict[tuple[str, str], list[tuple[date, int]]] = defaultdict(list)
    for payment in dossier.payments:
        key = (relations.owner(payment.payer), relations.owner(payment.payee))
        flows[key].append((payment.day, payment.amount.micro))
    found = {}
    for contract in dossier.subsidised():
        first, last = contract.signed, contract.until_day + timedelta(days=LOOP_DAYS)
        back = flows.get((contract.provider, contract.firm), [])
        micro = sum(amount for day, amount in back if first <= day <= last)
        if micro and contract.amount:
            said = msg(
                "{amount} went back from {provider} to {firm}",
                amount=str(Money(micro, contract.amount.unit)),
                provider=contract.provider,
                firm=contract.firm,
            )
            found[contract.id] = (micro / contract.amount.micro, said)
    return found


def raised_prices(dossier: Dossier) -> Iterator[Suspicion]:
    """A supported hour that costs clearly more than the same item does without support."""
    usual: dict[tuple[str, str], list[float]] = defaultdict(list)
    for contract in dossier.contracts:
        if not contract.subsidised and contract.hours:
            usual["", contract.item].append(contract.price)
            usual[contract.provider, contract.item].append(contract.price)
    for contract in dossier.subsidised():
        own = usual.get((contract.provider, contract.item), [])
        peers = own if len(own) >= PEERS_LEAST else usual.get(("", contract.item), [])
        if len(peers) < PEERS_LEAST or not contract.hours:
            continue
        middle = median(peers)
        spread = median(abs(price - middle) for price in peers) / middle
        ratio = contract.price / middle
        if ratio >= max(RAISED_LEAST, 1 + 4 * spread):
            said = msg(
                "{price} an hour of {item}; without support {usual} (median of {count})",
                price=f"{contract.price:.2f} {contract.amount.unit}",
                item=contract.item,
                usual=f"{middle:.2f}",
                count=len(peers),
            )
            yield suspicion(Pattern.RAISED_PRICE, min(1.0, (ratio - 1) / 0.5), [contract], [said])


def splits(dossier: Dossier, relations: Relations) -> Iterator[Suspicion]:
    """Several contracts of one group with one provider, close in time, each just below a threshold."""
    group = relations.groups({firm.id: firm for firm in dossier.firms})
    by_pair: dict[tuple[str, str], list[Contract]] = defaultdict(list)
    for contract in dossier.subsidised():
        by_pair[group.get(contract.firm, contract.firm), contract.provider].append(contract)
    for contracts in by_pair.values():
        for threshold in dossier.thresholds:
            near = [c for c in contracts if NEAR * threshold.micro <= c.amount.micro <= threshold.micro]
            for run in _runs(sorted(near, key=lambda c: (c.signed, c.id))):
                if len(run) >= SPLIT_LEAST:
                    said = msg(
                        "{count} contracts within {days} days, each {share} to 100 % of {threshold}",
                        count=len(run),
                        days=(run[-1].signed - run[0].signed).days,
                        share=f"{min(c.amount.micro for c in run) / threshold.micro:.0%}",
                        threshold=str(threshold),
                    )
                    yield suspicion(Pattern.SPLITTING, min(1.0, 0.4 + 0.15 * len(run)), run, [said])


def _runs(contracts: Sequence[Contract]) -> Iterator[list[Contract]]:
    """Contracts cut where more than `SPLIT_DAYS` lie between two."""
    run = list(contracts[:1])
    for before, after in pairwise(contracts):
        if (after.signed - before.signed).days > SPLIT_DAYS:
            yield run
            run = []
        run.append(after)
    if run:
        yield run


def double_subsidies(dossier: Dossier) -> Iterator[Suspicion]:
    """The same contract or invoice supported twice, in one programme or in several."""
    for name, kind in (("fingerprint", msg("text of the contract")), ("invoice", msg("invoice"))):
        seen: dict[str, list[Contract]] = defaultdict(list)
        for contract in dossier.subsidised():
            if value := getattr(contract, name):
                seen[f"{value} {contract.provider}" if name == "invoice" else value].append(contract)
        for contracts in seen.values():
            if len(contracts) > 1:
                programmes = ", ".join(sorted({c.programme for c in contracts}))
                said = msg(
                    "the same {kind} in {ids} ({programmes})", kind=kind, ids=_ids(contracts), programmes=programmes
                )
                yield suspicion(Pattern.DOUBLE_SUBSIDY, 1.0, contracts, [said])


def _ids(contracts: Sequence[Contract]) -> str:
    return ", ".join(c.id for c in contracts)


def suspicion(pattern: Pattern, score: float, contracts: Sequence[Contract], evidence: Sequence[Message]) -> Suspicion:
    """A finding on contracts: the firms on both sides, and what was granted, are at stake."""
    return Suspicion(
        pattern=pattern,
        score=round(score, 3),
        contracts=tuple(c.id for c in contracts),
        firms=tuple(sorted({name for c in contracts for name in (c.firm, c.provider)})),
        at_stake=total([c.granted for c in contracts], contracts[0].granted.unit),
        evidence=tuple(evidence),
    )
