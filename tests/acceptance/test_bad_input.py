"""Bad input through the command line: every planted problem at once with place and remedy, exit 2, nothing stored."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from suanwang.interfaces.cli.main import main
from tests.tiny_home import GRID, Home

NOW = re.compile(r"\S+(?= now;)")
"""The time, which may go on to the next minute between two calls."""
HEAD = "apiVersion: suanwang/v1\nkind: Workload\n"
GOOD = """\
  name: fine
  kind: batch
  batch: {duration: 1 s, duration_accelerator: toy}
  command: [python, -c, pass]
"""

WORKLOADS = {
    "wrong YAML": (HEAD + "workload:\n  name: [a\n  kind: batch\n", ["5"]),
    "not YAML at all": ("\x00\x01\x02", ["1"]),
    "empty": ("", ["1"]),
    "a list": ("- 1\n- 2\n", ["1"]),
    "another kind": (GRID, ["2 kind", "3 grid", "1 workload"]),
    "a key twice": (
        HEAD + "workload:\n  name: a\n  name: b\n" + GOOD.replace("  name: fine\n", ""),
        ["5 workload.name"],
    ),
    "unknown fields": (
        HEAD + "workload:\n" + GOOD + "  colour: red\n  accelerators: {cuont: 2}\nextra: 1\n",
        ["8 workload.colour", "9 workload.accelerators.cuont", "10 extra"],
    ),
    "wrong units": (
        HEAD + "workload:\n" + GOOD + "  time_limit: 5 kg\n  budget: 5 parsecs\n  data:\n"
        "    - {name: d, at: shanghai, size: 5 s}\n",
        ["8 workload.time_limit", "9 workload.budget", "11 workload.data[0].size"],
    ),
    "negative, NaN and infinite numbers": (
        HEAD + "workload:\n" + GOOD + "  time_limit: -5 s\n  budget: .nan\n  accelerators: {count: -1}\n"
        "  checkpoint: {every: .inf, retries: -1}\n",
        [
            "8 workload.time_limit",
            "9 workload.budget",
            "10 workload.accelerators.count",
            "11 workload.checkpoint.every",
            "11 workload.checkpoint.retries",
        ],
    ),
    "a deadline in the past": (
        HEAD + "workload:\n" + GOOD + "  deadline: 2020-01-01T00:00+08:00\n  earliest_start: yesterday\n",
        ["8 workload.deadline", "9 workload.earliest_start"],
    ),
    "a model without its shape": (
        HEAD + "workload:\n  name: a\n  kind: pretrain\n  model: {layers: 2}\n  tokens: 1 M\n",
        [f"6 workload.model.{part}" for part in ("hidden", "heads", "ffn", "vocab")]
        + [f"3 workload.{field}" for field in ("sequence_length", "global_batch")],
    ),
    "a model that nobody knows": (
        HEAD + "workload:\n  name: a\n  kind: pretrain\n  model: lama-2-7b\n  tokens: 1 M\n  sequence_length: 16\n"
        "  global_batch: 2\n",
        ["6 workload.model"],
    ),
    "names that the grid does not have": (
        HEAD + "workload:\n" + GOOD + "  vouchers: [third]\n  tenant: you\n  accelerators: {kinds: [toi]}\n",
        ["8 workload.vouchers[0]", "9 workload.tenant", "10 workload.accelerators.kinds[0]"],
    ),
}

Refused = Callable[..., list[dict[str, str]]]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def refused(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command that must be refused as bad input, plainly and as JSON; gives its problems."""
    for name, value in home.environment.items():
        monkeypatch.setenv(name, value)

    def run(*words: object) -> list[dict[str, str]]:
        arguments = [str(word) for word in words]
        assert main(arguments) == 2
        plain = capsys.readouterr()
        assert plain.out == ""
        assert "Traceback" not in plain.err
        assert main([*arguments, "--json"]) == 2
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["code"] == "invalid-input"
        problems: list[dict[str, str]] = error["problems"]
        assert problems
        for problem in problems:
            assert problem["remedy"]
            said = f"{problem['place']}: {problem['message']} {problem['remedy']}"
            assert NOW.sub("now", said) in NOW.sub("now", plain.err)
        assert f"{len(problems)} problem(s)" in plain.err
        return problems

    return run


def jobs(home: Home, capsys: pytest.CaptureFixture[str]) -> object:
    """What is in the database, read with the grid as it was."""
    home.grid.write_text(GRID)
    assert main(["jobs", "--json"]) == 0
    return json.loads(capsys.readouterr().out)["jobs"]


def places(problems: list[dict[str, str]], file: Path) -> list[str]:
    assert all(p["place"].startswith(f"{file}:") for p in problems), problems
    return [p["place"].removeprefix(f"{file}:") for p in problems]


@pytest.mark.parametrize("name", WORKLOADS)
@pytest.mark.parametrize("command", ["run", "submit"])
def test_a_bad_workload(
    name: str, command: str, home: Home, refused: Refused, capsys: pytest.CaptureFixture[str]
) -> None:
    text, planted = WORKLOADS[name]
    file = home.folder / "bad.yaml"
    file.write_text(text)
    found = places(refused(command, file), file)
    assert sorted(found) == sorted(planted), found
    assert jobs(home, capsys) == []


def test_the_workload_that_the_bad_ones_are_made_of_is_good(home: Home, refused: Refused) -> None:
    del refused  # only its environment is needed
    file = home.folder / "good.yaml"
    file.write_text(HEAD + "workload:\n" + GOOD)
    assert main(["place", str(file)]) == 0


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5_000_000 + "]" * 5_000_000,
        "{a: " * 2_500_000,
        HEAD + "workload:\n" + "".join(" " * n + "a:\n" for n in range(2, 3000)),
        "a: &a [x, x]\n"
        + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(24)),
        "- " * 5_000_000,
        "x" * 10_000_000,
    ],
    ids=["brackets", "braces", "indentation", "aliases", "dashes", "one word"],
)
def test_ten_megabytes_of_nesting(text: str, home: Home, refused: Refused, capsys: pytest.CaptureFixture[str]) -> None:
    file = home.folder / "deep.yaml"
    file.write_text(text)
    problems = refused("run", file)
    assert len(problems) < 50
    assert max(len(p["message"]) for p in problems) < 500
    assert jobs(home, capsys) == []


BAD_GRIDS = {
    "a pool without price": (
        [("engine: local, price_book: book}", "engine: local}")],
        ["grid.pools[0].price_book"],
    ),
    "a price book without price": (
        [("{accelerator_hour: 360 CNY, kwh: pass-through}", "{kwh: pass-through}")],
        ["grid.price_books[0].prices"],
    ),
    "references that lead nowhere": (
        [
            ("site: here,", "site: her,"),
            ("accelerator: toy,", "accelerator: toi,"),
            ("id: tiny", "id: tiny\n  policy: fsfc"),
        ],
        ["grid.pools[0].site", "grid.pools[0].accelerator", "grid.policy"],
    ),
    "figures that cannot be": (
        [
            ("pue: 1.2", "pue: 0.8"),
            ("nodes: 1,", "nodes: -1,"),
            ("latitude: 31", "latitude: .nan"),
            ("0.5 kg/kWh", "0.5 kWh"),
            ("ratio: 50 %", "ratio: 150 %"),
        ],
        [
            "grid.sites[0].pue",
            "grid.pools[0].nodes",
            "grid.sites[0].latitude",
            "grid.sites[0].carbon.location",
            "grid.programmes[0].rates[0].ratio",
        ],
    ),
    "other currencies": (
        [("{flat: 0.6 CNY/kWh}", "{flat: 0.6 USD/kWh}"), ("credit_limit: 1000 CNY", "credit_limit: 1000 USD")],
        ["grid.sites[0].tariff", "grid.tenants[0].credit_limit"],
    ),
}


@pytest.mark.parametrize("name", BAD_GRIDS)
def test_a_bad_grid(name: str, home: Home, refused: Refused, capsys: pytest.CaptureFixture[str]) -> None:
    changes, planted = BAD_GRIDS[name]
    text = GRID
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    home.grid.write_text(text)
    found = {place.partition(" ")[2] for place in places(refused("run", home.workload("print(1)")), home.grid)}
    assert len(found) == len(planted)
    assert all(any(place.startswith(plant) for place in found) for plant in planted), found
    assert not home.database.exists()
    assert jobs(home, capsys) == []


def test_an_overlay_that_contradicts_itself(home: Home, refused: Refused, capsys: pytest.CaptureFixture[str]) -> None:
    facts = home.folder / "facts"
    sound = (facts / "accelerators.csv").read_text()
    (facts / "accelerators.csv").write_text(
        sound + "toy,Us,Toy again,cpu,0.2,8,10,another bench,2026,estimate\n"
        "odd,Us,Odd,engine,nan,-8,10 W,,2026,rumour\n"
    )
    (facts / "tariff_periods.csv").write_text(
        "tariff,period,months,weekdays,hours_local,source,date,confidence\n"
        "nowhere,peak,1-12,1-7,8-25,our contract,2026,official\n"
    )
    found = places_in(refused("run", home.workload("print(1)")), facts)
    assert {"accelerators.csv:3", "accelerators.csv:4", "tariff_periods.csv:2"} == {p.partition(" ")[0] for p in found}
    columns = {p.partition(" ")[2] for p in found if p.startswith("accelerators.csv:4")}
    assert {"kind", "peak_fp32_tflops", "memory_gb", "power_w", "source", "confidence"} <= columns
    assert not home.database.exists()
    (facts / "accelerators.csv").write_text(sound)
    (facts / "tariff_periods.csv").unlink()
    assert jobs(home, capsys) == []


def places_in(problems: list[dict[str, str]], folder: Path) -> list[str]:
    assert all(p["place"].startswith(f"{folder}/") for p in problems), problems
    return [p["place"].removeprefix(f"{folder}/") for p in problems]


SETTINGS = {
    "SUANWANG_HOME": "/dev/null/home",
    "SUANWANG_DATABASE_URL": "nonsense",
    "SUANWANG_CATALOG": "/no/such/folder",
    "SUANWANG_GRID": "/no/such/grid.yaml",
    "SUANWANG_CLOCK_SPEED": "nan",
    "SUANWANG_CLOCK_ORIGIN": "noon",
}


@pytest.mark.parametrize("variable", SETTINGS)
def test_a_bad_setting_is_named(variable: str, home: Home, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, SETTINGS[variable])
    (problem,) = refused("jobs")
    assert SETTINGS[variable] in problem["place"] + problem["message"] or variable == problem["place"]


def test_bad_settings_are_told_together(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUANWANG_CLOCK_SPEED", "0.5")
    monkeypatch.setenv("SUANWANG_CLOCK_ORIGIN", "2026-01-01T00:00")
    assert [p["place"] for p in refused("jobs")] == ["SUANWANG_CLOCK_SPEED", "SUANWANG_CLOCK_ORIGIN"]


def test_a_fast_clock_needs_its_start(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUANWANG_CLOCK_SPEED", "60")
    assert [p["place"] for p in refused("jobs")] == ["SUANWANG_CLOCK_ORIGIN"]


def test_files_that_cannot_be_read(home: Home, refused: Refused) -> None:
    assert refused("run", home.folder / "none.yaml")[0]["place"] == str(home.folder / "none.yaml")
    binary = home.folder / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    assert places(refused("submit", binary), binary) == ["1"]


def test_a_run_without_a_program_is_refused_and_a_quote_is_not(
    home: Home, refused: Refused, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home.folder / "quote.yaml"
    file.write_text(HEAD + "workload:\n" + GOOD.replace("  command: [python, -c, pass]\n", ""))
    assert main(["place", str(file), "--json"]) == 0
    capsys.readouterr()
    assert refused("submit", file)[0]["place"] == "workload.command"
