"""Redeeming vouchers at order (mode B): who may, at which rate, how much; with each rule's answer as evidence.

What a voucher takes over is ratio x recognised cost, exact, cut to 10^-6 toward zero (so never above the ratio), and
at most: the caps per job and per tenant, what is left of the voucher, and what is free in the programme's fund.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from suanwang.domain.money import Money, total
from suanwang.domain.placement import CostPart, Option
from suanwang.domain.reason import Reason
from suanwang.domain.site import Pool, Site, Tenant
from suanwang.domain.voucher import Answer, Finding, Programme, Rate, Redemption, Rule, Voucher
from suanwang.domain.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """A voucher with what is left of it (the available balance of its account, in the voucher unit)."""

    voucher: Voucher
    programme: Programme
    remaining: Money


def facts_of(tenant: Tenant, site: Site, pool: Pool, workload: Workload) -> dict[str, str]:
    """The facts that rules ask for, by dotted name; what is not known is not in it.

    `tenant.<fact>` and `tenant.id`; `provider.<label of the site>`, `.id`, `.province`, `.hub`;
    `accelerator.<label of the pool>`, `.id`, `.vendor`, `.kind`; `workload.<label>`, `.kind`. A label never
    replaces one of the named facts.
    """
    card = pool.accelerator
    groups: dict[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
        "tenant": (tenant.facts, {"id": tenant.id}),
        "provider": (site.labels, {"id": site.id, "province": site.province, "hub": site.hub}),
        "accelerator": (pool.labels, {"id": card.id, "vendor": card.vendor, "kind": card.kind.value}),
        "workload": (workload.labels, {"kind": workload.kind.value}),
    }
    facts: dict[str, str] = {}
    for group, (labels, named) in groups.items():
        facts |= {f"{group}.{name.removeprefix(group + '.')}": value for name, value in {**labels, **named}.items()}
    return {name: value for name, value in facts.items() if value}


def billed_high_by_part(option: Option) -> dict[CostPart, Money]:
    """`billed_high` split by part: data does not vary, the rest keeps the proportions of the mid cost.

    The parts sum exactly to `billed_high`; the last millionths are in the rent.
    """
    high = option.billed_high
    data = min(option.cost.get(CostPart.DATA, Money.zero(high.unit)), high)
    power_mid = option.cost.get(CostPart.POWER, Money.zero(high.unit))
    varying_mid = (option.billed - option.cost.get(CostPart.DATA, Money.zero(high.unit))).micro
    power = (high - data).times(Fraction(power_mid.micro, varying_mid) if varying_mid else 0)
    return {CostPart.RENT: high - data - power, CostPart.POWER: power, CostPart.DATA: data}


def eligibility(programme: Programme, voucher: Voucher, facts: Mapping[str, str]) -> tuple[Finding, ...]:
    """Every rule's answer, the first being that the voucher is the tenant's own. All must be YES."""
    own = Rule(fact="tenant.id", one_of=(voucher.tenant,))
    return tuple(_find(rule, facts) for rule in (own, *programme.eligibility))


def rate_that_holds(programme: Programme, facts: Mapping[str, str]) -> tuple[Rate | None, tuple[Finding, ...]]:
    """The first rate whose conditions are all YES, and the answers that were asked for on the way there."""
    asked: list[Finding] = []
    for rate in programme.rates:
        answers = [_find(rule, facts) for rule in rate.when]
        asked.extend(answers)
        if all(f.answer is Answer.YES for f in answers):
            return rate, tuple(asked)
    return None, tuple(asked)


def redeem(
    programme: Programme,
    voucher: Voucher,
    *,
    remaining: Money,
    redeemed_by_tenant: Money,
    fund_available: Money,
    facts: Mapping[str, str],
    amount_by_part: Mapping[CostPart, Money],
    now: datetime,
    redeemed_on_job: Money | None = None,
    covered: Money | None = None,
) -> Redemption:
    """What this voucher takes over of a job whose cost is at most `amount_by_part` (the programme's currency).

    `remaining` of the voucher and `redeemed_by_tenant` (used and held, in the cap's period) in the voucher unit;
    `fund_available`, `redeemed_on_job` (this programme's other vouchers on the job) and `covered` (all vouchers on
    the job) in the currency. The minimum spend is tested here, at order, on the recognised cost.
    Raises Never(unit-mismatch) when an amount is in another unit.
    """
    zero = Money.zero(programme.currency)
    on_job, covered = redeemed_on_job or zero, covered or zero
    findings = eligibility(programme, voucher, facts)
    rate, asked = rate_that_holds(programme, facts)
    recognised = total([m for part, m in amount_by_part.items() if part in programme.recognised], programme.currency)
    cost = total([m for part, m in amount_by_part.items() if part is not CostPart.CARBON], programme.currency)

    amount, reason = zero, _refusal(programme, voucher, findings, rate, recognised, now)
    if rate is not None and reason is None:
        share = entitlement(rate.ratio, recognised)
        if programme.cap_per_job is not None:
            share = min(share, zero + programme.cap_per_job)
        wanted = min(share - on_job, cost - covered)
        left = [_worth(remaining, programme), zero + fund_available]
        if programme.cap_per_tenant is not None:
            left.append(zero + programme.cap_per_tenant - _worth(redeemed_by_tenant, programme))
        amount = max(zero, min(wanted, *left))
        reason = Reason.VOUCHER_EXHAUSTED if wanted > zero and not amount else None
    return Redemption(
        programme_id=programme.id,
        programme_version=programme.version,
        voucher_id=voucher.id,
        amount=amount,
        ratio=rate.ratio if rate else Fraction(0),
        recognised=programme.recognised,
        findings=(*findings, *asked),
        reason=reason,
    )


def order_of_use(purses: Sequence[Purse], programmes: Sequence[str] = ()) -> list[Purse]:
    """Soonest expiry first, then smallest remainder, then the tenant's order of programmes, then id.

    With `programmes` only vouchers of those are used.
    """
    chosen = [p for p in purses if not programmes or p.programme.id in programmes]
    rank = {programme: i for i, programme in enumerate(programmes)}
    return sorted(
        chosen,
        key=lambda p: (p.voucher.expires, p.remaining.micro, rank.get(p.programme.id, 0), p.voucher.id),
    )


def redeem_in_order(
    purses: Sequence[Purse],
    *,
    redeemed_by_tenant: Mapping[str, Money],
    fund_available: Mapping[str, Money],
    facts: Mapping[str, str],
    amount_by_part: Mapping[CostPart, Money],
    now: datetime,
) -> tuple[Redemption, ...]:
    """Redeem vouchers one after the other for one job, as given (see `order_of_use`), counting what went before.

    Both mappings are by programme id (no entry = nothing); units as in `redeem`. Together the vouchers of a
    programme pay no more than its ratio, and all of them no more than the cost. Vouchers that are not needed are
    left out; refused ones stay, with their reason.
    """
    results: list[Redemption] = []
    for purse in purses:
        programme = purse.programme
        zero = Money.zero(programme.currency)
        mine = total([r.amount for r in results if r.programme_id == programme.id], programme.currency)
        before = redeemed_by_tenant.get(programme.id, Money.zero(programme.unit))
        result = redeem(
            programme,
            purse.voucher,
            remaining=purse.remaining,
            redeemed_by_tenant=before + Money(mine.micro, programme.unit),
            fund_available=fund_available.get(programme.id, zero) - mine,
            facts=facts,
            amount_by_part=amount_by_part,
            now=now,
            redeemed_on_job=mine,
            covered=total([r.amount for r in results], programme.currency),
        )
        if result.amount or result.reason:
            results.append(result)
    return tuple(results)


def entitlement(ratio: Fraction, recognised: Money) -> Money:
    """ratio x recognised cost, cut to 10^-6 toward zero."""
    return Money(int(recognised.micro * ratio), recognised.unit)


def _refusal(
    programme: Programme,
    voucher: Voucher,
    findings: Sequence[Finding],
    rate: Rate | None,
    recognised: Money,
    now: datetime,
) -> Reason | None:
    if now >= min(voucher.expires, programme.closes):
        return Reason.VOUCHER_EXPIRED
    too_small = programme.minimum_spend is not None and recognised < programme.minimum_spend
    started = now >= max(voucher.issued, programme.opens)
    if not started or too_small or rate is None or not recognised:
        return Reason.VOUCHER_NOT_ELIGIBLE
    return None if all(f.answer is Answer.YES for f in findings) else Reason.VOUCHER_NOT_ELIGIBLE


def _find(rule: Rule, facts: Mapping[str, str]) -> Finding:
    return Finding(rule=rule, known=facts.get(rule.fact, ""), answer=rule.answer(facts))


def _worth(vouchers: Money, programme: Programme) -> Money:
    """Voucher units as currency, one for one. Raises Never(unit-mismatch) for another unit."""
    return Money((Money.zero(programme.unit) + vouchers).micro, programme.currency)
