"""A site of 1,000 accelerators whose figures the tests turn: the project of the golden cases."""

from suanwang.feasibility.plan import MONTHS, Asset, Cost, Debt, Phase, Plan, Power, Segment, Tax


def small_plan(
    *,
    years: int = 5,
    accelerators: int = 1000,
    cost: float = 280_000.0,
    price: float = 12.0,
    utilisation: float = 0.6,
    operating: float = 9_000.0,
    kw: float = 1.28,
    pue: float = 1.25,
    tariff: float = 0.45,
    inflation: float = 0.0,
    price_change: float = 0.0,
    degradation: float = 0.0,
    tax: float = 0.25,
    discount: float = 0.10,
    salvage: float = 0.10,
    debt: float = 0.0,
    rate: float = 0.045,
    tenor: int = 4,
    timing: str = "yearly",
) -> Plan:
    """Everything is bought now and depreciated straight over five years by half-years; losses are refunded."""
    return Plan(
        id="small",
        name="Small",
        currency="CNY",
        years=years,
        discount_rate=discount,
        phases=(Phase(month=0, accelerators=accelerators),),
        assets=(Asset(name="all", cost=cost, life_years=5, per_accelerator=True, half_year=True, salvage=salvage),),
        power=Power(kw_per_accelerator=kw, pue=(pue,) * MONTHS, price=(tariff,) * MONTHS, price_change=inflation),
        costs=(Cost(name="all", per_year=operating, per_accelerator=True, change=inflation),),
        segments=(
            Segment(
                name="all", share=utilisation, price=price, path=tuple((1 + price_change) ** y for y in range(years))
            ),
        ),
        debt=Debt(share=debt, rate=rate, tenor_years=tenor),
        tax=Tax(rate=tax),
        degradation=degradation,
        write_off=False,
        timing=timing,
    )
