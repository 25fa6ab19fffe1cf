"""Rating: usage x price book = charges. Each charge is rounded once, to 10^-6, half to even.

All figures are whole numbers and exact ratios of them; a record that meets several prices (a period of the day ends in
it, or a tier begins) gives a charge for each.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from fractions import Fraction
from typing import NamedTuple

from suanwang.domain.money import Money
from suanwang.domain.placement import CostPart
from suanwang.domain.price import COMPUTE, PRICED, Basis, Charge, Price, PriceBook, Tier, UsageBasis
from suanwang.domain.provenance import MissingFigure
from suanwang.domain.rule import Answer
from suanwang.domain.signal import MICROSECOND
from suanwang.domain.usage import UsageRecord
from suanwang.domain.workload import DataSet
from suanwang.errors import Never, msg
from suanwang.units import MICRO, PFLOP_HOUR, SECONDS_PER_HOUR

BYTES_PER_GB = 10**9
US_PER_HOUR = SECONDS_PER_HOUR * MICRO

PART_OF: Mapping[Basis, CostPart] = {
    Basis.ACCELERATOR_HOUR: CostPart.RENT,
    Basis.DELIVERED_PFLOP_HOUR: CostPart.RENT,
    Basis.MILLION_TOKENS: CostPart.RENT,
    Basis.KWH: CostPart.POWER,
    Basis.DATA_GB: CostPart.DATA,
    Basis.MINIMUM: CostPart.RENT,
    Basis.TAX: CostPart.RENT,
}
"""The part of a cost that a basis belongs to; voucher programmes recognise parts. Tax counts with the rent, as in
contracts."""
TARIFF = "tariff"
"""The rule of a charge that passes the site's power price through."""


class Line(NamedTuple):
    """A charge as bare whole numbers: quantity = numerator / denominator, prices and amount in millionths."""

    basis: Basis
    numerator: int
    denominator: int
    price_micro: int
    list_micro: int
    amount_micro: int
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a price may depend on beside the record. `zone`: the site's clock. `facts`: by dotted name, for discounts.

    `before`: what the tenant has used of each basis under the book in the month, before the record.
    """

    zone: tzinfo = UTC
    facts: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[Basis, Fraction] = field(default_factory=dict)


PLAIN = Circumstances()


def rate(record: UsageRecord, book: PriceBook, circumstances: Circumstances = PLAIN) -> list[Charge]:
    """The charges of a record for what the book prices (data is rated by `rate_data`), in the order of Basis.

    Energy without an amount passes the site's tariff through: the record's own power cost, with its mean price.
    What is due once a job (minimum, tax) is `closing`.
    Raises Never(price-missing) where the book has no price, MissingFigure where the record lacks the figure that a
    price is for.
    """
    return Rater(book).charges(record, circumstances)


class Rater:
    """A price book made ready to rate many records."""

    def __init__(self, book: PriceBook) -> None:
        if all(book.price(basis) is None for basis in COMPUTE):
            raise Never(
                "price-missing",
                msg(
                    "price book {book} version {version} prices neither accelerator-hours nor delivered compute",
                    book=book.id,
                    version=book.version,
                ),
                msg("Add one of the two prices in a new version of the book."),
            )
        self.book = book
        self._prices = [p for b in PRICED if b is not Basis.DATA_GB and (p := book.price(b)) is not None]
        self._used = book.usage_basis is UsageBasis.USED
        self._committed = {(c.tenant, c.basis): c for c in book.commitments}

    def charges(self, record: UsageRecord, circumstances: Circumstances = PLAIN) -> list[Charge]:
        """As `rate`."""
        seen: dict[Basis, int] = {}
        made: list[Charge] = []
        for line in self.lines(record, circumstances):
            number = seen[line.basis] = seen.get(line.basis, -1) + 1
            made.append(self._charge(record, line, f"{record.id}:{line.basis}" + (f":{number}" if number else "")))
        return made

    def lines(self, record: UsageRecord, circumstances: Circumstances = PLAIN) -> list[Line]:
        """The same as bare numbers: what rates a million records in seconds."""
        lines: list[Line] = []
        for price in self._prices:
            basis = price.basis
            numerator, denominator = self._quantity(record, basis)
            if price.passes_tariff:
                amount = record.power_cost_micro
                mean = round_ratio(amount * denominator, numerator) if numerator else 0
                lines.append(Line(basis, numerator, denominator, mean, mean, amount, TARIFF))
            elif price.times or price.steps or price.link:
                lines += self._timed(record, price, numerator, denominator, circumstances.zone)
            elif price.tiers or (record.tenant, basis) in self._committed:
                lines += self._tiered(record, price, Fraction(numerator, denominator), circumstances)
            else:
                assert price.amount is not None
                micro = price.amount.micro
                amount = round_ratio(micro * numerator, denominator)
                lines.append(Line(basis, numerator, denominator, micro, micro, amount, ""))
        if self.book.discounts:
            lines = [self._discounted(line, record.start, circumstances.facts) for line in lines]
        return lines

    def _quantity(self, record: UsageRecord, basis: Basis) -> tuple[int, int]:
        """What a record used of a basis, as an exact ratio. Raises MissingFigure."""
        match basis:
            case Basis.ACCELERATOR_HOUR:
                time_us = (record.end - record.start) // MICROSECOND * record.accelerators
                if not self._used:
                    return time_us, US_PER_HOUR
                if record.utilisation is None:
                    raise MissingFigure(msg("usage record {id}", id=record.id), msg("measured utilisation"))
                return time_us * record.utilisation.numerator, US_PER_HOUR * record.utilisation.denominator
            case Basis.KWH:
                return record.energy_kwh.numerator, record.energy_kwh.denominator
            case Basis.DELIVERED_PFLOP_HOUR:
                numerator, denominator = record.flops_delivered.as_integer_ratio()
                return numerator, denominator * PFLOP_HOUR
            case _:
                if record.tokens is None:
                    raise MissingFigure(msg("usage record {id}", id=record.id), msg("count of tokens"))
                return record.tokens, MICRO

    def _timed(
        self, record: UsageRecord, price: Price, numerator: int, denominator: int, zone: tzinfo
    ) -> Iterator[Line]:
        """The quantity spread evenly over the record, at the price of each of its pieces."""
        pieces = price.pieces(zone, record.start, record.end)
        if not pieces:
            raise Never(
                "price-missing",
                msg(
                    "price book {book} version {version} has no {basis} price published for {when}",
                    book=self.book.id,
                    version=self.book.version,
                    basis=price.basis.value,
                    when=record.start.isoformat(),
                ),
                msg(
                    "Publish the prices of that time in a new version: suanwang book publish {book}", book=self.book.id
                ),
            )
        whole = (record.end - record.start) // MICROSECOND
        merged: dict[tuple[int, str], int] = {}
        for a, b, micro, name in pieces:
            merged[micro, name] = merged.get((micro, name), 0) + (b - a) // MICROSECOND
        for (micro, name), length in merged.items():
            part, of = numerator * length, denominator * whole
            yield Line(price.basis, part, of, micro, micro, round_ratio(micro * part, of), name)

    def _tiered(
        self, record: UsageRecord, price: Price, quantity: Fraction, circumstances: Circumstances
    ) -> Iterator[Line]:
        """The quantity cut where the month's use passes from a tier to the next; what is committed comes first."""
        assert price.amount is not None
        basis, list_micro = price.basis, price.amount.micro
        steps = [(Fraction(0), list_micro, ""), *((t.above, t.amount.micro, _above(t)) for t in price.tiers)]
        commitment = self._committed.get((record.tenant, basis))
        if commitment is not None:
            beyond = [step for step in steps if step[0] > commitment.quantity]
            at = [step for step in steps if step[0] <= commitment.quantity][-1]
            first = (Fraction(0), commitment.amount.micro, f"commitment {commitment.id}")
            steps = [first, (commitment.quantity, at[1], at[2]), *beyond]
        used = circumstances.before.get(basis, Fraction(0))
        end = used + quantity
        for index, (start, micro, rule) in enumerate(steps):
            stop = steps[index + 1][0] if index + 1 < len(steps) else end
            part = min(end, stop) - max(used, start)
            if part > 0 or (not quantity and index == 0):
                n, d = part.numerator if part > 0 else 0, part.denominator
                yield Line(basis, n, d, micro, list_micro, round_ratio(micro * n, d), rule)

    def _discounted(self, line: Line, when: datetime, facts: Mapping[str, str]) -> Line:
        for discount in self.book.discounts:
            if discount.bases and line.basis not in discount.bases:
                continue
            if (discount.starts and when < discount.starts) or (discount.ends and when >= discount.ends):
                continue
            if all(rule.answer(facts) is Answer.YES for rule in discount.when):
                left = 1 - discount.share
                price = round_ratio(line.price_micro * left.numerator, left.denominator)
                exact = line.price_micro * line.numerator * left.numerator
                passed_through = line.amount_micro * left.numerator
                amount = (
                    round_ratio(passed_through, left.denominator)
                    if line.rule == TARIFF
                    else round_ratio(exact, line.denominator * left.denominator)
                )
                rule = " + ".join(filter(None, (line.rule, f"discount {discount.name}")))
                return line._replace(price_micro=price, amount_micro=amount, rule=rule)
        return line

    def _charge(self, record: UsageRecord, line: Line, charge_id: str) -> Charge:
        unit = self.book.currency
        return Charge(
            id=charge_id,
            job_id=record.job_id,
            usage_id=record.id,
            basis=line.basis,
            quantity=Fraction(line.numerator, line.denominator),
            unit_price=Money(line.price_micro, unit),
            amount=Money(line.amount_micro, unit),
            book_id=self.book.id,
            book_version=self.book.version,
            rule=line.rule,
            list_price=None if line.list_micro == line.price_micro else Money(line.list_micro, unit),
        )


def rate_data(record: UsageRecord, data: DataSet, per_gb: Money, book: PriceBook) -> Charge:
    """Moving one data set to the site, once a job: the id names the job and the data set, not the record.

    `record`: the job's first one (a job that never started has none, and pays nothing). `per_gb`: price of 10^9
    bytes on the line that carried it. A repeat makes the same id.
    """
    quantity = Fraction(str(float(data.size_bytes))) / BYTES_PER_GB
    return Charge(
        id=f"{record.job_id}:{Basis.DATA_GB}:{data.name}",
        job_id=record.job_id,
        usage_id=record.id,
        basis=Basis.DATA_GB,
        quantity=quantity,
        unit_price=per_gb,
        amount=per_gb.times(quantity),
        book_id=book.id,
        book_version=book.version,
    )


def closing(job_id: str, charges: Sequence[Charge], book: PriceBook, usage_id: str, mark: str = "") -> list[Charge]:
    """What a job that started pays once, at its end: the rest to the book's minimum, then the tax on all of it where
    the prices do not have it in them. `charges`: all others of the job. `mark` makes ids new when a job is rated again.
    """
    if not charges:
        return []
    net = sum(c.amount.micro for c in charges)
    due: list[tuple[Basis, Fraction, int, int, str]] = []
    least = book.minimum_per_job
    if least is not None and net < least.micro:
        due.append((Basis.MINIMUM, Fraction(1), least.micro - net, least.micro - net, f"minimum {least}"))
        net = least.micro
    tax = book.tax
    if tax is not None and not tax.included and net:
        quantity = Fraction(net, MICRO)
        due.append((Basis.TAX, quantity, round(tax.ratio * MICRO), round(tax.ratio * net), tax.name))
    return [
        Charge(
            id=f"{job_id}:{basis}{mark}",
            job_id=job_id,
            usage_id=usage_id,
            basis=basis,
            quantity=quantity,
            unit_price=Money(price, book.currency),
            amount=Money(amount, book.currency),
            book_id=book.id,
            book_version=book.version,
            rule=rule,
        )
        for basis, quantity, price, amount, rule in due
    ]


def tax_of(charges: Sequence[Charge], book: PriceBook) -> Money:
    """The tax within a job's charges: its own charge, or the share that the prices have in them, rounded once."""
    tax = book.tax
    if tax is None:
        return Money.zero(book.currency)
    if not tax.included:
        return Money(sum(c.amount.micro for c in charges if c.basis is Basis.TAX), book.currency)
    return Money(round(sum(c.amount.micro for c in charges) * tax.ratio / (1 + tax.ratio)), book.currency)


def round_ratio(numerator: int, denominator: int) -> int:
    """The nearest whole number to a ratio, half to even: the one rounding of a charge. `denominator` above 0."""
    quotient, rest = divmod(numerator, denominator)
    twice = rest * 2
    return quotient + (twice > denominator or (twice == denominator and quotient % 2 == 1))


def _above(tier: Tier) -> str:
    return f"above {float(tier.above):g}"
