"""The list of options that none beats, and the pictures of placement."""

import re
from datetime import timedelta
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.domain.placement import Occupancy, Promise
from suanwang.domain.signal import Signal
from suanwang.errors import InvalidInput
from suanwang.interfaces.cli.main import main
from suanwang.interfaces.pictures.placement import cost_and_time, flows, heat_map
from suanwang.interfaces.pictures.svg import write_picture
from suanwang.place.offer import Offer, Request, offers
from suanwang.place.outlook import Outlooks
from suanwang.place.pareto import SHOWN_MAX, front, pareto
from tests.small_grid import MONDAY, SHANGHAI, book, cny, estimate, grid, hour, pool, site, tariff, workload

DAY_NIGHT = tariff({"flat": "0.9", "valley": "0.2"}, {"valley": [(0, 8)]}, id="deep")
PLAN = grid(
    [site("fast"), site("slow", tariff=DAY_NIGHT), site("clean", carbon_location=Signal.constant("kg/kWh", "0.01"))],
    [pool("f", "fast", price_book_id="dearest"), pool("s", "slow"), pool("c", "clean", price_book_id="dear")],
    price_books=(book(), book("dear", rent="9"), book("dearest", rent="20")),
)


def made(taken: Occupancy) -> list[Offer]:
    request = Request(workload=workload(), grid=PLAN, now=MONDAY, horizon=timedelta(hours=48), occupancy=taken)
    estimates = [estimate("f", hours=1, kwh=40), estimate("s", hours=3, kwh=40), estimate("c", hours=2, kwh=40)]
    return offers(request, estimates, Outlooks(PLAN))[0]


def test_none_of_the_list_beats_another_and_nothing_beats_the_list() -> None:
    taken = Occupancy(promises={"f": (Promise(start=MONDAY, end=hour(0.5), accelerators=30),)})
    answers = made(taken)
    listed = pareto(answers, taken)
    values = [(float(o.total.decimal), o.end.timestamp(), o.carbon_kg_location) for o in listed]
    assert 3 <= len(listed) <= SHOWN_MAX
    assert {o.pool_id for o in listed} == {"f", "s", "c"}
    for a, b in product(values, values):
        assert a == b or any(x < y for x, y in zip(a, b, strict=True))
    assert [o.end for o in listed] == sorted(o.end for o in listed)
    assert min(v[0] for v in values) == pytest.approx(min(float(o.best.total.decimal) for o in answers), abs=1e-3)
    assert all(o.start >= hour(0.5) for o in listed if o.pool_id == "f")
    for offer in answers:  # every hour that is allowed is beaten or equalled by one of the list
        for number in range(48):
            start = max(offer.found.at_once_us, int(hour(number).timestamp() * 1e6))
            other = offer.option(min(start, offer.last_us))
            key = (float(other.total.decimal), other.end.timestamp(), other.carbon_kg_location)
            assert any(all(x <= y + 2e-2 * abs(y) for x, y in zip(v, key, strict=True)) for v in values)


def test_a_budget_leaves_out_what_it_cannot_hold() -> None:
    answers = made(Occupancy())
    dear = max(o.billed_high for o in pareto(answers, Occupancy()))
    assert all(o.billed_high < dear for o in pareto(answers, Occupancy(), dear - cny("0.01")))
    assert pareto([], Occupancy()) == []


@settings(max_examples=50, deadline=None, derandomize=True)
@given(rows=st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=20))
def test_the_front_is_what_no_other_row_beats(rows: list[tuple[int, int, int]]) -> None:
    values = np.array(rows, np.float64)
    kept = {rows[i] for i in front(values).tolist()}
    beaten = {r for r in rows if any(o != r and all(x <= y for x, y in zip(o, r, strict=True)) for o in rows)}
    assert kept == set(rows) - beaten


def parsed(picture: str) -> ElementTree.Element:
    assert "nan" not in picture
    return ElementTree.fromstring(picture)


def test_pictures_are_sound_and_show_every_figure() -> None:
    options = pareto(made(Occupancy()), Occupancy())
    assert len(re.findall("<title>", cost_and_time(options, "t", ("x", "y")))) == len(options)
    rows = {"a<b": [1.0, 2.5], "c": [3.0, 3.0]}
    cells = parsed(heat_map(rows, MONDAY, SHANGHAI, "t"))
    told = [e.text for e in cells.iter() if e.tag.endswith("title")]
    assert told == ["a<b: 1.0000", "a<b: 2.5000", "c: 3.0000", "c: 3.0000"]
    arrows = parsed(flows(PLAN, {("shanghai", "slow"): 12.0, ("fast", "fast"): 3.0}, "t", "h"))
    assert sum(e.tag.endswith("polygon") for e in arrows.iter()) == 1
    assert {"12.0 h", "3.0 h"} <= {e.text for e in arrows.iter()}
    for empty in (cost_and_time([], "t", ("x", "y")), heat_map({}, MONDAY, SHANGHAI, "t")):
        parsed(empty)


def test_they_are_written_as_svg_and_png(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUANWANG_HOME", str(tmp_path / "home"))
    common = ["examples/workloads/serve-8b.yaml", "--grid", "examples/grids/three-hubs.yaml"]
    assert main(["place", *common, "--pareto", "--picture", str(tmp_path / "a.png")]) == 0
    assert main(["plan", *common, "--map", str(tmp_path / "b.svg")]) == 0
    assert main(["prices", *common[1:], "--hours", "24", "--picture", str(tmp_path / "c.svg")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert all("<svg" in (tmp_path / name).read_text() for name in ("b.svg", "c.svg"))
    with pytest.raises(InvalidInput, match="svg"):
        write_picture(str(tmp_path / "d.gif"), "")
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot be written"):
        write_picture(str(tmp_path / "file" / "x.svg"), "")
