"""What came of the demo: invoices, the tenant's statement, and a check of everything that was shown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from live import Report

from suanwang.domain.invoice import Invoice
from suanwang.domain.job import Job, JobState
from suanwang.domain.money import Money, total
from suanwang.domain.placement import Against, Saving
from suanwang.domain.reason import Reason
from suanwang.domain.usage import UsageRecord
from suanwang.errors import Message, msg
from suanwang.interfaces import figures
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.interfaces.cli.views import show_invoice
from suanwang.sdk import Client
from suanwang.service.planning import Quote
from suanwang.service.tenants import LedgerReport

TRAIN, EMBED, EVALUATE = "train-char-model", "embed-sonnets", "evaluate-baseline"
LOSS_FALLS_TO = 0.7
"""The last loss over the first, at most."""

Check = tuple[bool, Message]


@dataclass(frozen=True)
class Outcome:
    """Quotes by file; jobs, reports, invoices and usage by the workload's name."""

    quotes: Mapping[str, Quote]
    jobs: Mapping[str, Job]
    reports: Mapping[str, Sequence[Report]]
    bills: Mapping[str, Invoice]
    usage: Mapping[str, Sequence[UsageRecord]]
    ledger: LedgerReport

    @classmethod
    def of(
        cls,
        client: Client,
        quotes: Mapping[str, Quote],
        jobs: Mapping[str, Job],
        reports: Mapping[str, Sequence[Report]],
    ) -> "Outcome":
        return cls(
            quotes=quotes,
            jobs=jobs,
            reports=reports,
            bills={name: client.invoice(job.id) for name, job in jobs.items()},
            usage={name: client.usage(job.id) for name, job in jobs.items()},
            ledger=client.ledger_check(),
        )

    def saved(self, against: Against) -> Mapping[str, Saving]:
        """By workload: what its placement saves against an alternative, by the plan."""
        placed = {q.workload.name: q.placement for q in self.quotes.values() if q.placement is not None}
        return {name: s for name, p in placed.items() for s in p.savings if s.against is against}

    def said(self, name: str, key: str) -> Any:
        """The last report of a workload that has a key, that key's value; None where there is none."""
        return next((report[key] for report in reversed(self.reports[name]) if key in report), None)


def show_bills(terminal: Terminal, outcome: Outcome) -> None:
    """Each invoice, then the statement: who paid what, for which energy, carbon and compute; what the plan saved."""
    for bill in outcome.bills.values():
        show_invoice(terminal, bill)
        terminal.say("")
    bills = list(outcome.bills.values())
    rows = [_row(name, [bill]) for name, bill in outcome.bills.items()]
    rows.append(_row(terminal.text(msg("all")), bills))
    columns = (
        msg("statement"),
        msg(">charged"),
        msg(">voucher"),
        msg(">to pay"),
        msg(">card-hours"),
        msg(">delivered"),
        msg(">energy"),
        msg(">CO₂"),
    )
    terminal.table(columns, rows)
    for against, text in (
        (Against.NEAREST_EAST_AT_ONCE, msg("Moving")),
        (Against.SAME_POOL_AT_ONCE, msg("Waiting")),
    ):
        for name, saving in outcome.saved(against).items():
            terminal.say(
                msg(
                    "{what} {name} saves {amount} of {whole} ({percent:.0f} %) by the plan.",
                    what=text,
                    name=name,
                    amount=figures.money(saving.total),
                    whole=figures.money(saving.alternative.total),
                    percent=100 * saving.total.micro / saving.alternative.total.micro,
                )
            )


def _row(name: str, bills: Sequence[Invoice]) -> tuple[str, ...]:
    unit = bills[0].currency

    def money(amounts: list[Money]) -> str:
        return figures.money(total(amounts, unit))

    return (
        name,
        money([b.charged for b in bills]),
        money([b.by_voucher for b in bills]),
        money([b.payable for b in bills]),
        f"{sum(b.accelerator_hours for b in bills):.2f}",
        f"≈ {figures.compute(sum(b.flops_delivered for b in bills))}",
        f"≈ {figures.energy(sum(b.energy_kwh for b in bills))}",
        f"≈ {figures.carbon(sum(b.carbon_kg_location for b in bills))}",
    )


def check_all(outcome: Outcome) -> list[Check]:
    """Everything that the demo claims, with whether it held."""
    return [
        *_check_training(outcome),
        _check_refusal(outcome),
        _check_shift(outcome),
        *_check_voucher(outcome),
        *_check_books(outcome),
    ]


def _check_training(outcome: Outcome) -> list[Check]:
    job, said = outcome.jobs[TRAIN], outcome.said
    first, last = said(TRAIN, "loss_first") or math.nan, said(TRAIN, "loss_last") or math.nan
    east = outcome.saved(Against.NEAREST_EAST_AT_ONCE).get(TRAIN)
    moved = _site(job) == "zhongwei" and east is not None and east.total.micro > 0
    learnt = job.outcome is JobState.SUCCEEDED and last <= first * LOSS_FALLS_TO
    resumed = said(TRAIN, "resumed_from")
    once = said(TRAIN, "step") == 900 and job.attempt == 2 and (resumed or 0) > 0
    apart = all(a.end <= b.start for a, b in zip(outcome.usage[TRAIN], outcome.usage[TRAIN][1:], strict=False))
    return [
        (moved, msg("The training went to the north-west, which saves against the east.")),
        (learnt, msg("It learnt: its loss fell from {first:.2f} to {last:.2f}.", first=first, last=last)),
        (
            once and apart,
            msg("It was killed, and attempt 2 went on from step {step}: no hour counts twice.", step=str(resumed)),
        ),
    ]


def _check_refusal(outcome: Outcome) -> Check:
    quote = outcome.quotes["too-large"]
    refused = {r.pool_id: r.reason for r in quote.rejections}
    right = set(refused) == {"guian", "zhongwei", "qingpu"} and set(refused.values()) == {Reason.EXCEEDS_CAPACITY}
    return right and quote.placement is None, msg("The 70B pre-training was refused everywhere, with the reason.")


def _check_shift(outcome: Outcome) -> Check:
    job, saving = outcome.jobs[EMBED], outcome.saved(Against.SAME_POOL_AT_ONCE).get(EMBED)
    assert job.placement is not None
    planned, deadline = job.placement.option.start, job.workload.limits.deadline
    used = outcome.usage[EMBED]
    shifted = saving is not None and saving.total.micro > 0 and planned > saving.alternative.start
    kept = bool(used) and used[0].start >= planned and deadline is not None and used[-1].end <= deadline
    right = job.outcome is JobState.SUCCEEDED and _site(job) == "guian" and shifted and kept
    return right, msg("The embedding waited for a cheaper hour and kept its deadline.")


def _check_voucher(outcome: Outcome) -> list[Check]:
    job, bill = outcome.jobs[EVALUATE], outcome.bills[EVALUATE]
    far = {r.pool_id for r in outcome.quotes["evaluate"].rejections if r.reason is Reason.EXCEEDS_LATENCY}
    near = job.outcome is JobState.SUCCEEDED and _site(job) == "qingpu" and far == {"guian", "zhongwei"}
    part = bill.by_voucher.micro > 0 and bill.by_money.micro > 0
    share = 100 * bill.by_voucher.micro / bill.charged.micro if bill.charged.micro else 0.0
    return [
        (near, msg("The evaluation ran within 20 ms of Shanghai; the west is too far.")),
        (part, msg("A voucher paid {share:.0f} % of it.", share=share)),
    ]


def _check_books(outcome: Outcome) -> list[Check]:
    counts = outcome.ledger.counts
    sums = {key.partition(":")[2]: value for key, value in counts.items() if key.startswith("sum_micro:")}
    sound = bool(sums) and not any(sums.values()) and counts["holds_open"] == 0
    units = ", ".join(sorted(sums))
    paid = all(b.charged == b.by_voucher + b.by_money + b.waived and b.by_money for b in outcome.bills.values())
    return [
        (paid, msg("Every invoice is what was charged, less the voucher, to the last millionth.")),
        (
            sound,
            msg(
                "Ledger: {count} transfers re-derived, every unit sums to 0 ({units}), no hold is open.",
                count=counts["transfers"],
                units=units,
            ),
        ),
    ]


def _site(job: Job) -> str:
    return job.placement.option.site_id if job.placement else ""


def show_check(terminal: Terminal, checks: Sequence[Check]) -> bool:
    """Each claim with ✓ or ✗; whether all held."""
    for held, claim in checks:
        terminal.say(f"{'✓' if held else '✗'} {terminal.text(claim)}", fg=None if held else "red")
    return all(held for held, _ in checks)
