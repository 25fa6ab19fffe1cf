"""Energy at the meter and carbon of an estimate off the grid: by hand, and what is said of what is not known."""

import json
from pathlib import Path

import pytest

from suanwang.domain.estimate import Band
from suanwang.estimate.footprint import Known, Place, footprint
from suanwang.interfaces.cli.main import main

TRAINING = "examples/workloads/pretrain-7b.yaml"
SERVING = "examples/workloads/serve-8b.yaml"
ENERGY = Band(80.0, 100.0, 130.0)
PUE = Known(value=1.25, source="test")


def stated(value: float) -> Known:
    return Known(value=value, source="test")


@pytest.mark.parametrize(
    ("place", "meter", "location", "market"),
    [
        (Place(), None, None, None),
        (Place(pue=PUE), 125.0, None, None),
        (Place(carbon_location=stated(0.5)), None, None, None),
        (Place(pue=PUE, carbon_location=stated(0.5)), 125.0, 62.5, None),
        (Place(pue=PUE, carbon_location=stated(0.5), carbon_market=stated(0.0)), 125.0, 62.5, 0.0),
    ],
)
def test_the_footprint_by_hand(place: Place, meter: float | None, location: float | None, market: float | None) -> None:
    found = footprint(ENERGY, place)
    bands = (found.energy_kwh_meter, found.carbon_kg_location, found.carbon_kg_market)
    assert [band.mid if band else None for band in bands] == [meter, location, market]
    if found.energy_kwh_meter:
        assert found.energy_kwh_meter == Band(100.0, 125.0, 162.5)


@pytest.fixture(autouse=True)
def where_nobody_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUANWANG_HOME", str(tmp_path))
    monkeypatch.setenv("SUANWANG_LANG", "en")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(["estimate", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.mark.parametrize("workload", [TRAINING, SERVING])
def test_json_has_each_figure_and_how_it_is_known(workload: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("--pue", "1.2", "--carbon", "cn-gz-2023", "--carbon-market", "100 g/kWh")
    status, out, _ = run(capsys, workload, "--accelerator", "h100-sxm5-80gb", "--count", "8", *place, "--json")
    assert status == 0
    shown = json.loads(out)
    energy = (shown.get("fastest") or shown)["energy_kwh_it"]["mid"]
    footprint = shown["footprint"]
    assert footprint["energy_kwh_meter"]["mid"] == pytest.approx(1.2 * energy)
    assert footprint["carbon_kg_location"]["mid"] == pytest.approx(1.2 * energy * 0.5683)
    assert footprint["carbon_kg_market"]["mid"] == pytest.approx(1.2 * energy * 0.1)
    assert shown["known_by"]["carbon_kg_location"] == "modelled: 0.5683 kg/kWh, catalog, carbon cn-gz-2023"
    assert set(shown["known_by"]) >= {"time_s", "memory_bytes", "power_w_it", "energy_kwh_it", "energy_kwh_meter"}


def test_what_is_not_known_says_what_would_tell_it(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, TRAINING, "--accelerator", "h100-sxm5-80gb", "--count", "64", "--carbon", "cn-gz-2023")
    assert status == 0
    assert "carbon, location-based (unknown: give --pue)" in out
    assert "carbon, market-based (unknown: give --pue, --carbon-market)" in out


def test_every_problem_of_a_place_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ("--pue", "0.9", "--carbon", "a/b", "--carbon-market", "cn-xx")
    status, _, err = run(capsys, TRAINING, "--accelerator", "h100-sxm5-80gb", *wrong)
    assert status == 2
    assert "--pue: 0.9 is no PUE" in err
    assert "--carbon: 'a/b' is not an amount of CO2 per kWh" in err
    assert "--carbon-market: the catalog has no carbon factor 'cn-xx'" in err


def test_a_place_needs_a_kind_of_card(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, TRAINING, "--pue", "1.2")
    assert status == 2
    assert "need --accelerator" in err
