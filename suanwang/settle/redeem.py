"""Redeeming vouchers at order (mode B): who may, at which rate, how much; with each rule's answer as evidence.

What a voucher takes over is ratio x recognised cost, exact, cut to 10^-6 toward zero (so never above the ratio), and
at most: what its units come to where it pays by the unit, what each cap leaves, what is left of the voucher, and what
is free in the programme's fund. A voucher of face value pays as far as it reaches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from types import MappingProxyType

from suanwang.domain.money import Money, total
from suanwang.domain.placement import CostPart, Option
from suanwang.domain.programme import AT_ORDER, ORDER_UNITS, Programme, Rate
from suanwang.domain.reason import Reason
from suanwang.domain.rule import Answer, Rule
from suanwang.domain.site import Pool, Site, Tenant
from suanwang.domain.usage import UsageRecord
from suanwang.domain.voucher import Finding, Granted, Redemption, Voucher
from suanwang.domain.workload import Workload
from suanwang.settle.caps import applies, left_under
from suanwang.settle.grant import find, rate_for
from suanwang.units import PFLOP_HOUR, SECONDS_PER_HOUR

NOTHING: Mapping[str, Fraction] = MappingProxyType({})
OF_ORDER = ("provider", "accelerator", "workload")
"""The groups of facts that an order has anew each time."""
THIS_ORDER = "(this order)"
"""Stands for the job that is being ordered, which has no grant of its own yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """A voucher with what is left of it (the available balance of its account, in the voucher unit).

    `facts`: what its application proved. Those of where and what is ordered are the order's own (`OF_ORDER`).
    """

    voucher: Voucher
    programme: Programme
    remaining: Money
    facts: Mapping[str, str] = field(default_factory=dict)

    def facts_with(self, order: Mapping[str, str]) -> dict[str, str]:
        """The facts that its rules see at an order: the order's, and beside them what was proved."""
        return {k: v for k, v in self.facts.items() if k.partition(".")[0] not in OF_ORDER} | dict(order)


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


def planned_quantities(option: Option) -> dict[str, Fraction]:
    """What vouchers may pay for by the unit (`ORDER_UNITS`), as the estimate has it at its high end."""
    hours = Fraction(option.estimate.time_s.high) / SECONDS_PER_HOUR * option.accelerators
    return dict(zip(ORDER_UNITS, (hours, Fraction(option.estimate.flops) / PFLOP_HOUR), strict=True))


def metered_quantities(records: Sequence[UsageRecord]) -> dict[str, Fraction]:
    """The same as it was metered."""
    hours = sum((r.accelerator_hours for r in records), Fraction(0))
    flops = sum((Fraction(r.flops_delivered) for r in records), Fraction(0))
    return dict(zip(ORDER_UNITS, (hours, flops / PFLOP_HOUR), strict=True))


def eligibility(programme: Programme, voucher: Voucher, facts: Mapping[str, str]) -> tuple[Finding, ...]:
    """Every rule's answer, the first being that the voucher is the tenant's own. All must be YES."""
    own = Rule(fact="tenant.id", one_of=(voucher.tenant,))
    return tuple(find(rule, facts) for rule in (own, *programme.eligibility))


def redeem(
    programme: Programme,
    voucher: Voucher,
    *,
    remaining: Money,
    before: Sequence[Granted] = (),
    fund_available: Money,
    facts: Mapping[str, str],
    amount_by_part: Mapping[CostPart, Money],
    now: datetime,
    quantities: Mapping[str, Fraction] = NOTHING,
    redeemed_on_job: Money | None = None,
    covered: Money | None = None,
) -> Redemption:
    """What this voucher takes over of a job whose cost is at most `amount_by_part` (the programme's currency).

    `remaining` of the voucher in the voucher unit; `before`: what the programme's vouchers paid and hold on other jobs,
    as its caps count it; `fund_available`, `redeemed_on_job` (this programme's other vouchers on the job) and `covered`
    (all vouchers on the job) in the currency. `quantities` of the job by unit, at the high end. The minimum spend is
    tested here, at order, on the recognised cost. Raises Never(unit-mismatch) when an amount is in another unit.
    """
    zero = Money.zero(programme.currency)
    on_job, covered = redeemed_on_job or zero, covered or zero
    findings = eligibility(programme, voucher, facts)
    rate, asked = rate_for(programme, facts)
    recognised = total([m for part, m in amount_by_part.items() if part in programme.recognised], programme.currency)
    cost = total([m for part, m in amount_by_part.items() if part is not CostPart.CARBON], programme.currency)
    reason = _refusal(programme, voucher, findings, rate, recognised, now)
    none = Redemption(
        programme_id=programme.id,
        programme_version=programme.version,
        voucher_id=voucher.id,
        amount=zero,
        ratio=rate.share if rate else Fraction(0),
        recognised=programme.recognised,
        findings=(*findings, *asked),
        reason=reason,
        per_unit=rate.per_unit if rate else None,
        unit=rate.unit if rate else "",
    )
    if rate is not None and reason is None:
        share = none.entitled(recognised, quantities)
        share = share if rate.at_most is None else min(share, rate.at_most)
        mine = _mine(voucher, facts, on_job, now)
        wanted = min(share - on_job, cost - covered)
        left = [_worth(remaining, programme), zero + fund_available]
        for cap in programme.caps:
            under = left_under(cap, programme, mine, (*before, mine)) if applies(cap, facts, "") else None
            left += [] if under is None else [under]
        amount = max(zero, min(wanted, *left))
        return replace(none, amount=amount, reason=Reason.VOUCHER_EXHAUSTED if wanted > zero and not amount else None)
    return none


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
    before: Mapping[str, Sequence[Granted]],
    fund_available: Mapping[str, Money],
    facts: Mapping[str, str],
    amount_by_part: Mapping[CostPart, Money],
    now: datetime,
    quantities: Mapping[str, Fraction] = NOTHING,
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
        result = redeem(
            programme,
            purse.voucher,
            remaining=purse.remaining,
            before=before.get(programme.id, ()),
            fund_available=fund_available.get(programme.id, zero) - mine,
            facts=purse.facts_with(facts),
            amount_by_part=amount_by_part,
            now=now,
            quantities=quantities,
            redeemed_on_job=mine,
            covered=total([r.amount for r in results], programme.currency),
        )
        if result.amount or result.reason:
            results.append(result)
    return tuple(results)


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
    if programme.mode not in AT_ORDER or not started or too_small or rate is None or not recognised:
        return Reason.VOUCHER_NOT_ELIGIBLE
    return None if all(f.answer is Answer.YES for f in findings) else Reason.VOUCHER_NOT_ELIGIBLE


def _mine(voucher: Voucher, facts: Mapping[str, str], on_job: Money, now: datetime) -> Granted:
    """This order as caps count it, with what the programme's other vouchers pay of it already."""
    return Granted(
        at=now,
        amount=on_job,
        tenant=voucher.tenant,
        job=THIS_ORDER,
        group=facts.get("tenant.group", ""),
        provider=facts.get("provider.id", ""),
        project=facts.get("project.id", ""),
    )


def _worth(vouchers: Money, programme: Programme) -> Money:
    """Voucher units as currency, one for one. Raises Never(unit-mismatch) for another unit."""
    return Money((Money.zero(programme.unit) + vouchers).micro, programme.currency)
