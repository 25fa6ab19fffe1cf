"""`suanwang replay` as a user meets it: every trace format, comparisons, what-ifs, reports, advice, refusals."""

import json
from pathlib import Path
from typing import Any

import pytest

from suanwang.interfaces.cli.main import main

REPO = Path(__file__).parents[2]
GRID = str(REPO / "examples" / "grids" / "three-hubs.yaml")
BUSY = "busy.swf"
"""The first 120 jobs of a trace with long queues, on 64 processors; see the fixture."""
PODS = str(REPO / "tests" / "reference" / "openb_mini" / "openb_pod_list_mini.csv")
GAVEL = str(REPO / "tests" / "reference" / "gavel" / "fairness.trace")

SACCT = """JobID|User|Account|Submit|Start|End|Timelimit|AllocTRES|State
1|ann|phys|2026-03-01T08:00:00|2026-03-01T08:00:10|2026-03-01T10:00:10|04:00:00|cpu=8,gres/gpu=4|COMPLETED
1.batch|||2026-03-01T08:00:00|2026-03-01T08:00:10|2026-03-01T10:00:10||cpu=8|COMPLETED
2|bob|chem|2026-03-01T08:05:00|2026-03-01T10:00:20|2026-03-01T11:00:20|1-00:00:00|cpu=8,gres/gpu:a100=8|COMPLETED
3|ann|phys|2026-03-01T08:06:00|Unknown|Unknown|04:00:00||PENDING
4|cat|chem|2026-03-01T08:07:00|2026-03-01T11:00:30|2026-03-01T11:30:30|60:00|cpu=8,gres/gpu=4|TIMEOUT
5|cat|chem|broken
6|ann|phys|2026-03-01T09:00:00|2026-03-01T11:00:30|2026-03-01T12:00:30|UNLIMITED|cpu=64|FAILED
"""
CHRONUS = """job_id,user,num_gpu,submit_time,iterations,model_name,duration,interval,expect_time_list,\
expect_value_list,best_effort,job_type
0,a,4,0,1,vgg16,100,1,90,10,0,strict
1,b,4,0,1,vgg16,100,1,250,10,0,strict
2,b,4,0,1,vgg16,100,1,5,10,1,best
"""
AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,1000,10
2023-11-16 18:17:04.0319600,500,20
"""
USAGE = [
    {"job_id": "j", "tenant": "t", "accelerators": 2, "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z"},
    {"job_id": "j", "tenant": "t", "accelerators": 2, "start": "2026-01-01T01:00:00Z", "end": "2026-01-01T01:30:00Z"},
    {"job_id": "k", "tenant": "t", "accelerators": 2, "start": "2026-01-01T00:00:00", "end": "2026-01-01T01:30:00Z"},
]


@pytest.fixture(autouse=True)
def busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (REPO / "tests" / "reference" / "queue_starts" / "busy.swf").read_text(encoding="utf-8").splitlines()
    jobs = [line for line in lines if not line.startswith(";")][:120]
    text = "\n".join([line for line in lines if line.startswith(";")] + jobs)
    monkeypatch.chdir(tmp_path)
    (tmp_path / BUSY).write_text(text + "\n", encoding="utf-8")


def said(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["replay", *words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_an_export_of_slurms_accounting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = said(capsys, write(tmp_path, "sacct.txt", SACCT), "--accelerators", "8", "--policy", "fcfs")
    assert (result["jobs"], result["malformed_lines"]) == (3, 3)
    places = {int(line["place"].rpartition(":")[2]): line["problem"] for line in result["malformed_first"]}
    assert set(places) == {5, 7, 8}
    assert "never ran" in places[5]
    assert result["mean_wait_s"] == pytest.approx((0 + 6900 + 10380) / 3)  # 2 h, then 1 h, then half an hour


def test_sites_that_count_no_accelerators_count_their_cpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = SACCT.replace(",gres/gpu=4", "").replace(",gres/gpu:a100=8", "")
    assert said(capsys, write(tmp_path, "s.txt", text), "--accelerators", "64")["jobs"] == 4
    assert main(["replay", write(tmp_path, "t.txt", "JobID|User|Submit|Start|End\n1|a|b|c|d\n")]) == 2
    assert "AllocTRES" in capsys.readouterr().err


def test_deadlines_of_chronus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = write(tmp_path, "chronus.csv", CHRONUS)
    late = said(capsys, trace, "--accelerators", "4", "--policy", "fcfs")
    assert (late["deadlines"], late["deadline_misses"], late["refused"]) == (2, 1, 0)
    kept = said(capsys, trace, "--accelerators", "4", "--policy", "deadline")
    assert (kept["deadline_misses"], kept["refused"], kept["never_started"]) == (1, 1, 1)


def test_requests_to_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = write(tmp_path, "azure.csv", AZURE)
    assert main(["replay", trace, "--accelerators", "1"]) == 2
    assert "--prompt-tokens-per-s" in capsys.readouterr().err
    words = ("--accelerators", "1", "--prompt-tokens-per-s", "1000", "--answer-tokens-per-s", "10")
    assert said(capsys, trace, *words)["makespan_s"] == pytest.approx(2.0 + 2.5)


def test_our_own_usage_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = "\n".join(json.dumps(record) for record in USAGE)
    for text in (lines, json.dumps(USAGE), json.dumps({"records": USAGE})):
        result = said(capsys, write(tmp_path, "usage.json", text), "--accelerators", "2")
        assert (result["jobs"], result["makespan_s"], result["malformed_lines"]) == (1, 5400, 1)
        assert "no time zone" in result["malformed_first"][0]["problem"]


def test_kinds_of_accelerators(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", GAVEL]) == 2
    assert "--pools k80=8,p100=8,v100=8" in capsys.readouterr().err
    assert main(["replay", GAVEL, "--pools", "h100=8"]) == 2
    assert main(["replay", GAVEL, "--pools", "v100:8"]) == 2
    result = said(capsys, GAVEL, "--pools", "v100=8,p100=16,k80=24", "--policy", "max_min", "--restart", "0")
    assert (result["jobs"], result["accelerators"]) == (96, 48)


def test_what_if(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--policy", "easy", "--policy", "fcfs + best-fit", "--per-node", "8", "--what-if", "load=1.3")
    results = said(capsys, "compare", BUSY, *words, "--what-if", "accelerators=2", "--processes", "2")["results"]
    names = [r["name"] for r in results]
    assert names[:2] == ["easy", "fcfs + best-fit"]
    by_name = {r["name"]: r for r in results}
    assert by_name["easy (load=1.3)"]["jobs"] == 156
    assert by_name["easy (accelerators=2)"]["accelerators"] == 128
    assert by_name["easy (accelerators=2)"]["mean_wait_s"] < by_name["easy"]["mean_wait_s"]
    assert main(["replay", "compare", BUSY, "--what-if", "lode=1, tariff=x"]) == 2
    assert "2 problem" in capsys.readouterr().err
    assert main(["replay", "compare", BUSY, "--what-if", "tariff=2"]) == 2


def test_seeds_give_means_and_their_spread(capsys: pytest.CaptureFixture[str]) -> None:
    results = said(capsys, "compare", BUSY, "--policy", "fcfs", "--what-if", "load=0.5", "--seeds", "3")["results"]
    assert results[0]["mean_wait_s_standard_deviation"] == 0
    assert results[1]["mean_wait_s_standard_deviation"] > 0
    assert results[1]["jobs"] == 60


def test_money_energy_and_carbon_of_a_pool(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--grid", GRID, "--accelerators", "64")
    here, there = said(
        capsys, "compare", BUSY, "--policy", "easy", *words, "--at", "guian-910b3", "--at", "qingpu-a800"
    )["results"]
    assert here["accelerator_h"] == pytest.approx(there["accelerator_h"])
    assert here["currency"] == "CNY"
    assert here["energy_kwh"] == pytest.approx(1.2 * here["energy_kwh_it"])
    assert min(here["energy_cost"], here["carbon_kg"], here["rent"]) > 0
    dearer = said(capsys, "compare", BUSY, "--policy", "easy", *words, "--pool", "guian-910b3", "--what-if", "tariff=2")
    assert dearer["results"][1]["energy_cost"] == pytest.approx(2 * here["energy_cost"])
    cheap = said(capsys, BUSY, "--policy", "shift", *words, "--pool", "guian-910b3")
    assert cheap["energy_cost"] < here["energy_cost"]
    assert main(["replay", BUSY, "--grid", GRID]) == 2
    assert "--pool" in capsys.readouterr().err


def test_a_report_with_charts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "report.html"
    words = ["replay", "compare", BUSY, "--policy", "easy", "--policy", "las", "--report", str(page)]
    assert main(words) == 0
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") == 3
    assert "Mean wait" in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert main(["--lang", "zh-CN", *words]) == 0
    assert "平均等待" in page.read_text(encoding="utf-8")
    assert main(["replay", PODS, "--packing", "fgd", "--report", str(page)]) == 0
    assert "Upper bound" in page.read_text(encoding="utf-8")


def test_series_are_in_the_json_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    series = said(capsys, BUSY, "--series")["series"]
    assert len(series["at_s"]) == len(series["busy"]) + 1 == 201
    assert max(series["busy"]) <= 64
    assert "series" not in said(capsys, BUSY)


def test_advice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    advice = said(capsys, "advise", BUSY, "--now", "fcfs", "--processes", "2")
    names = [r["name"] for r in advice["results"]]
    assert names[0] == "fcfs"
    assert len(set(names)) == len(names) == 8
    by_name = {r["name"]: r for r in advice["results"]}
    best = by_name[advice["recommended"]]
    assert best["mean_wait_s"] < by_name["fcfs"]["mean_wait_s"]
    assert best["p95_wait_s"] <= 1.1 * by_name["fcfs"]["p95_wait_s"]
    assert best["fairness"] >= 0.9 * by_name["fcfs"]["fairness"]
    better = [n for n, r in by_name.items() if r["mean_wait_s"] < best["mean_wait_s"]]
    assert better == [each["name"] for each in advice["better_but_not_advised"] if each["name"] in better]
    assert advice["accelerators_for_the_wait_of_now"] <= 64
    assert main(["replay", "advise", BUSY, "--goal", "happiness"]) == 2
    assert main(["replay", "advise", PODS]) == 2


def test_advice_from_an_export_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "advise", write(tmp_path, "sacct.txt", SACCT), "--now", "fcfs"]) == 0
    told = capsys.readouterr()
    assert "instead of fcfs" in told.out
    assert "accelerators: 8, the most in use at once" in told.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--policy", "las + topology"], "--per-node"),
        (["--packing", "best-fit", "--per-node", "7"], "no whole nodes"),
        (["--elastic", "2:1:0"], "LEAST:MOST:SERIAL"),
        (["--begin", "soon"], "is no time"),
        (["--policy", "quota", "--entitlements", "{bad}"], "problem"),
    ],
)
def test_wrong_words_are_refused(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = write(tmp_path, "bad.yaml", "entitlements:\n  - {id: a, quota: -1}\n  - {id: a, parnt: b}\n")
    assert main(["replay", BUSY, *(word.format(bad=bad) for word in words)]) == 2
    assert says in capsys.readouterr().err


def test_entitlements_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = write(tmp_path, "tree.yaml", "entitlements:\n  - {id: '1', quota: 8, borrow: 0}\n")
    free = said(capsys, BUSY, "--policy", "quota")
    held = said(capsys, BUSY, "--policy", "quota", "--entitlements", tree)
    assert held["event_log_sha256"] != free["event_log_sha256"]


def test_elastic_jobs_end_sooner(capsys: pytest.CaptureFixture[str]) -> None:
    stiff = said(capsys, BUSY, "--policy", "elastic")
    grown = said(capsys, BUSY, "--policy", "elastic", "--elastic", "0.5:2:0.02")
    assert grown["mean_completion_s"] < stiff["mean_completion_s"]
    assert grown["resizes"] > 0
