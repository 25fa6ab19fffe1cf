"""Rating: usage x price book = charges. Each charge is rounded once, to 10^-6, half to even."""

from collections.abc import Mapping
from fractions import Fraction

from suanwang.domain.money import Money
from suanwang.domain.placement import CostPart
from suanwang.domain.price import Basis, Charge, Price, PriceBook
from suanwang.domain.usage import UsageRecord
from suanwang.domain.workload import DataSet
from suanwang.errors import Never, msg
from suanwang.units import SECONDS_PER_HOUR

FLOPS_PER_PFLOP_HOUR = 10**15 * SECONDS_PER_HOUR
BYTES_PER_GB = 10**9

PART_OF: Mapping[Basis, CostPart] = {
    Basis.ACCELERATOR_HOUR: CostPart.RENT,
    Basis.DELIVERED_PFLOP_HOUR: CostPart.RENT,
    Basis.KWH: CostPart.POWER,
    Basis.DATA_GB: CostPart.DATA,
}
"""The part of a cost that a basis belongs to; voucher programmes recognise parts."""


def rate(record: UsageRecord, book: PriceBook) -> list[Charge]:
    """One charge for each basis that the book prices (data is rated by `rate_data`), in the order of Basis.

    Energy without an amount passes the site's tariff through: the record's own power cost, with its mean price.
    Raises Never(price-missing) when the book prices neither accelerator-hours nor delivered compute.
    """
    if book.price(Basis.ACCELERATOR_HOUR) is None and book.price(Basis.DELIVERED_PFLOP_HOUR) is None:
        raise Never(
            "price-missing",
            msg(
                "price book {book} version {version} prices neither accelerator-hours nor delivered compute",
                book=book.id,
                version=book.version,
            ),
            msg("Add one of the two prices in a new version of the book."),
        )
    quantities = {
        Basis.ACCELERATOR_HOUR: record.accelerator_hours,
        Basis.KWH: record.energy_kwh,
        Basis.DELIVERED_PFLOP_HOUR: Fraction(record.flops_delivered) / FLOPS_PER_PFLOP_HOUR,
    }
    priced = ((basis, quantity, book.price(basis)) for basis, quantity in quantities.items())
    return [_charge(record, book, quantity, price) for _, quantity, price in priced if price is not None]


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


def _charge(record: UsageRecord, book: PriceBook, quantity: Fraction, price: Price) -> Charge:
    if price.amount is None:
        amount = Money(record.power_cost_micro, book.currency)
        unit_price = Money(round(amount.micro / quantity) if quantity else 0, book.currency)
    else:
        amount, unit_price = price.amount.times(quantity), price.amount
    return Charge(
        id=f"{record.id}:{price.basis}",
        job_id=record.job_id,
        usage_id=record.id,
        basis=price.basis,
        quantity=quantity,
        unit_price=unit_price,
        amount=amount,
        book_id=book.id,
        book_version=book.version,
    )
