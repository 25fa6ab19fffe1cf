"""Overlays replace and add rows; tariffs read their hours exactly; missing figures are named."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from suanwang.adapters.catalog import load_catalog
from suanwang.domain.provenance import Confidence, MissingFigure
from suanwang.errors import NotFound
from suanwang.schemas.catalog.power import read_hours
from suanwang.schemas.wrong import Wrong

HEAD = "id,vendor,name,kind,peak_bf16_tflops,power_w,source,date,confidence\n"
SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_a_new_accelerator_is_one_row(tmp_path: Path) -> None:
    (tmp_path / "accelerators.csv").write_text(
        HEAD + "light-1,Us,Light One,photonic,12.5,30,bench of May,2026-05,measured\n"
    )
    catalog = load_catalog([tmp_path])
    card = catalog.accelerator("light-1")
    assert card.peak_or_raise("bf16") == 12.5e12
    assert card.provenance.confidence is Confidence.MEASURED
    assert card.capabilities == {"bf16", "photonic"}
    assert catalog.origin["accelerators/light-1"] == f"{tmp_path}/accelerators.csv:2"
    assert len(catalog.accelerators) == len(load_catalog().accelerators) + 1
    with pytest.raises(MissingFigure, match="light-1 has no memory size"):
        card.memory_or_raise()


def test_a_known_id_replaces_the_row_and_the_last_folder_wins(tmp_path: Path) -> None:
    for name, power in (("one", 640), ("two", 660)):
        (tmp_path / name).mkdir()
        row = f"h100-sxm5-80gb,NVIDIA,H100,gpu,,{power},wall meter,2026,measured\n"
        (tmp_path / name / "accelerators.csv").write_text(HEAD + row)
    card = load_catalog([tmp_path / "one", tmp_path / "two"]).accelerator("h100-sxm5-80gb")
    assert card.power_or_raise() == 660
    assert card.peak_flops_per_s == {}
    assert [e.dtype for e in card.efficiencies] == ["bf16", "fp8"]


def test_own_prices_keep_the_hours_and_own_hours_replace_all_of_a_tariff(tmp_path: Path) -> None:
    tariff = "cn-nx-general-10kv"
    (tmp_path / "tariffs.csv").write_text(
        "id,name,region,currency,base,price_flat_per_kwh,price_valley_per_kwh,source,date,confidence\n"
        f"{tariff},Our bill,cn-nx,CNY,flat,0.401,0.2005,bill of May,2026-05,measured\n"
    )
    mine = load_catalog([tmp_path]).tariff(tariff)
    assert mine.period_at(datetime(2026, 5, 5, 12, tzinfo=SHANGHAI)) == "valley"
    assert mine.price("valley") == Decimal("0.2005")
    with pytest.raises(MissingFigure, match="price for period 'peak'"):
        mine.signal(SHANGHAI, datetime(2026, 5, 5, 18, tzinfo=SHANGHAI), datetime(2026, 5, 5, 19, tzinfo=SHANGHAI))
    (tmp_path / "tariff_periods.csv").write_text(
        "tariff,period,months,weekdays,hours_local,source,date,confidence\n"
        f"{tariff},valley,1-12,6-7,8.5-11.5,our contract,2026,official\n"
    )
    mine = load_catalog([tmp_path]).tariff(tariff)
    assert [p.name for p in mine.periods] == ["valley"]
    saturday = datetime(2026, 5, 9, 8, 30, tzinfo=SHANGHAI)
    assert mine.period_at(saturday) == "valley"
    assert mine.period_at(saturday.replace(minute=29)) == "flat"
    assert mine.period_at(datetime(2026, 5, 8, 9, tzinfo=SHANGHAI)) == "flat"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("0-8", ((0, 480),)),
        ("23-7", ((0, 420), (1380, 1440))),
        ("16-24", ((960, 1440),)),
        ("23-24,0-1", ((0, 60), (1380, 1440))),
        ("22-0", ((1320, 1440),)),
        ("7:30-10:30, 16-21", ((450, 630), (960, 1260))),
        ("8.5-11.5", ((510, 690),)),
        ("8.25-9", ((495, 540),)),
        ("rest", ()),
    ],
)
def test_hours(text: str, minutes: tuple[tuple[int, int], ...]) -> None:
    assert read_hours(text) == minutes


@pytest.mark.parametrize(
    "text", ["", "8", "8-8", "24-1", "8-24:30", "8.333-9", "25-26", "8:60-9", "8:5-9", "8-9-10", "8-9,", "all", "-8-9"]
)
def test_hours_that_are_refused(text: str) -> None:
    with pytest.raises(Wrong):
        read_hours(text)


def test_nothing_of_that_name_lists_what_is_near() -> None:
    with pytest.raises(NotFound) as refused:
        load_catalog().accelerator("h100-sxm-80gb")
    assert "h100-sxm5-80gb" in str(refused.value.remedy)


def test_a_fact_without_value_is_named() -> None:
    with pytest.raises(MissingFigure, match="dedicated-line-price has no value in CNY/month"):
        load_catalog().fact("dedicated-line-price").value_or_raise()
