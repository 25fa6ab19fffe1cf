"""Counters and gauges of the books, for monitoring."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from suanwang.service.budgets import budget_states
from suanwang.service.hub import Hub
from suanwang.service.rating import effective
from suanwang.units import MICRO, PFLOP_HOUR

JOB_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number with its labels. `counts`: it only rises; else it goes both ways."""

    name: str
    meaning: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    counts: bool = True


def figures(hub: Hub) -> Iterator[Figure]:
    """Sums of accounts, use by site, budgets. Money in its own unit, energy in kWh, compute in PFLOP-hours."""
    with hub.store.transaction() as tx:
        for balance in tx.ledger.balances():
            account = tx.ledger.account(balance.account_id)
            labels = {"account": balance.account_id, "kind": account.kind.value, "unit": balance.unit}
            for name, meaning, micro in (
                ("suanwang_account_credits", "What came into an account", balance.credits_posted),
                ("suanwang_account_debits", "What went out of an account", balance.debits_posted),
            ):
                yield Figure(name=name, meaning=meaning, value=micro / MICRO, labels=labels)
            held = balance.debits_pending / MICRO
            yield Figure(
                name="suanwang_account_held",
                meaning="What is held on an account",
                value=held,
                labels=labels,
                counts=False,
            )
        sums: dict[tuple[str, str], list[float]] = {}
        after = ""
        while page := tx.jobs.find(limit=JOB_PAGE, after=after):
            after = page[-1].id
            for record in effective(tx, [job.id for job in page]):
                row = sums.setdefault((record.tenant, record.site_id), [0.0, 0.0, 0.0])
                row[0] += float(record.accelerator_hours)
                row[1] += float(record.energy_kwh)
                row[2] += record.flops_delivered / PFLOP_HOUR
    names = (
        ("suanwang_accelerator_hours", "Accelerator-hours metered"),
        ("suanwang_energy_kwh", "Energy at the site's meter, kWh"),
        ("suanwang_delivered_pflop_hours", "Delivered compute, PFLOP-hours"),
    )
    for (tenant, site), row in sorted(sums.items()):
        for (name, meaning), value in zip(names, row, strict=True):
            yield Figure(name=name, meaning=meaning, value=value, labels={"tenant": tenant, "site": site})
    for state in budget_states(hub):
        labels = {"budget": state.budget.id, "period": state.period.id, "unit": state.limit.unit}
        for name, meaning, amount in (
            ("suanwang_budget_limit", "Limit of a budget", state.limit),
            ("suanwang_budget_used", "Captured of a budget", state.used),
            ("suanwang_budget_reserved", "Reserved of a budget", state.reserved),
        ):
            yield Figure(name=name, meaning=meaning, value=amount.micro / MICRO, labels=labels, counts=False)
