"""Fake usage, resale and mining, cash-out: signs in what was metered and where the money went."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from suanwang.domain.dossier import Contract, Dossier, Pattern, Payment, Suspicion
from suanwang.errors import Message, msg
from suanwang.settle.abuse.relations import Relations
from suanwang.settle.abuse.trade import suspicion

METERED_LEAST = 0.85
"""Metered over claimed hours below which usage is not shown."""
IDLE = 0.05
"""Mean utilisation below which hours are padding."""
STEADY_UTILISATION, STEADY_VARIATION, SILENT_BYTES_PER_HOUR = 0.95, 0.02, 1e6
"""Near full load that never varies and moves next to no data: what mining looks like."""
FOREIGN_LEAST = 0.3
OUT_DAYS, OUT_SHARE_LEAST = 10, 0.7
YOUNG_DAYS, LATE_DAYS = 90, 7


def fake_usage(dossier: Dossier) -> Iterator[Suspicion]:
    """Claims that the meter does not bear out: fewer hours, hours without work, more hours than a provider has."""
    meters = {m.contract: m for m in dossier.metered}
    oversold = _oversold(dossier)
    for contract in dossier.subsidised():
        signs: list[tuple[float, Message]] = []
        meter = meters.get(contract.id)
        if meter is None:
            signs.append((0.6, msg("no metering of {hours} claimed hours", hours=f"{contract.hours:,.0f}")))
        else:
            share = meter.hours / contract.hours if contract.hours else 0.0
            if share < METERED_LEAST:
                said = msg(
                    "{metered} of {hours} claimed hours were metered",
                    metered=f"{meter.hours:,.0f}",
                    hours=f"{contract.hours:,.0f}",
                )
                signs.append((min(1.0, 0.4 + (1 - share)), said))
            if meter.utilisation < IDLE:
                said = msg("mean utilisation {share}: hours without work", share=f"{meter.utilisation:.1%}")
                signs.append((0.8, said))
        if contract.id in oversold:
            signs.append(oversold[contract.id])
        if signs:
            yield suspicion(Pattern.FAKE_USAGE, max(s for s, _ in signs), [contract], [said for _, said in signs])


def _oversold(dossier: Dossier) -> dict[str, tuple[float, Message]]:
    """Contracts of a provider and item on days on which more hours were sold than its accelerators have."""
    found: dict[str, tuple[float, Message]] = {}
    owned = {(i.provider, i.item): i.accelerators for i in dossier.installed}
    sold: dict[tuple[str, str], list[Contract]] = defaultdict(list)
    for contract in dossier.contracts:
        sold[contract.provider, contract.item].append(contract)
    for key, contracts in sold.items():
        if key not in owned:
            continue
        change: dict[date, float] = defaultdict(float)
        for c in contracts:
            cards = c.hours / (24 * ((c.until_day - c.from_day).days + 1))
            change[c.from_day] += cards
            change[c.until_day + timedelta(days=1)] -= cards
        level, full = 0.0, []
        for day in sorted(change):
            level += change[day]
            if level > owned[key] * 1.001:
                full.append((day, level))
        if not full:
            continue
        day, most = max(full, key=lambda x: x[1])
        said = msg(
            "{provider} sold the hours of {sold} {item} on {day} and has {owned}",
            provider=key[0],
            sold=f"{most:.0f}",
            item=key[1],
            day=day.isoformat(),
            owned=owned[key],
        )
        score = min(1.0, 0.3 + (most / owned[key] - 1))
        found |= {c.id: (score, said) for c in contracts if c.subsidised and c.from_day <= day <= c.until_day}
    return found


def resale(dossier: Dossier) -> Iterator[Suspicion]:
    """Hours that others used, or load that looks like mining."""
    contracts = {c.id: c for c in dossier.subsidised()}
    for meter in dossier.metered:
        contract = contracts.get(meter.contract)
        if contract is None or not meter.hours:
            continue
        signs: list[tuple[float, Message]] = []
        if meter.foreign_share >= FOREIGN_LEAST:
            said = msg("{share} of the hours were used by people of other firms", share=f"{meter.foreign_share:.0%}")
            signs.append((min(1.0, 0.3 + meter.foreign_share), said))
        silent = meter.bytes_moved / meter.hours < SILENT_BYTES_PER_HOUR
        if meter.utilisation >= STEADY_UTILISATION and meter.variation <= STEADY_VARIATION and silent:
            said = msg(
                "load of {share} that never varies, and {bytes} bytes an hour: looks like mining",
                share=f"{meter.utilisation:.0%}",
                bytes=f"{meter.bytes_moved / meter.hours:,.0f}",
            )
            signs.append((0.8, said))
        if signs:
            yield suspicion(Pattern.RESALE, max(s for s, _ in signs), [contract], [said for _, said in signs])


def cash_outs(dossier: Dossier, relations: Relations) -> Iterator[Suspicion]:
    """Support that leaves the firm at once for an account it pays at no other time; worse for a firm made for it."""
    firms = {f.id: f for f in dossier.firms}
    out: dict[str, list[Payment]] = defaultdict(list)
    for payment in dossier.payments:
        if relations.owner(payment.payee) not in firms:
            out[relations.owner(payment.payer)].append(payment)
    for contract in dossier.subsidised():
        if contract.paid_out is None:
            continue
        last = contract.paid_out + timedelta(days=OUT_DAYS)
        inside = [p for p in out.get(contract.firm, ()) if contract.paid_out <= p.day <= last]
        known = {p.payee for p in out.get(contract.firm, ()) if not contract.paid_out <= p.day <= last}
        left: dict[str, int] = defaultdict(int)
        for payment in inside:
            if payment.payee not in known:
                left[payment.payee] += payment.amount.micro
        share = max(left.values(), default=0) / contract.granted.micro
        if share < OUT_SHARE_LEAST:
            continue
        evidence = [
            msg(
                "{share} of the support left within {days} days for one account that is paid at no other time",
                share=f"{min(share, 9):.0%}",
                days=OUT_DAYS,
            )
        ]
        score = 0.5
        registered = firms[contract.firm].registered if contract.firm in firms else None
        if registered and (contract.signed - registered).days <= YOUNG_DAYS:
            score += 0.25
            evidence.append(msg("registered {days} days before the contract", days=(contract.signed - registered).days))
        if contract.claimed and (contract.claimed - contract.until_day).days <= LATE_DAYS:
            score += 0.15
            evidence.append(
                msg("claimed {days} days after the last day of use", days=(contract.claimed - contract.until_day).days)
            )
        yield suspicion(Pattern.CASH_OUT, min(score, 1.0), [contract], evidence)
