"""Reading traces: what is malformed is counted and told by its line; nothing is dropped silently."""

import gzip
import json
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from suanwang.adapters.traces.read import DemandTrace, JobTrace, read_trace
from suanwang.errors import InvalidInput
from suanwang.interfaces.cli.main import main

SWF = """; Version: 2.2
; MaxProcs: 4
1 0 -1 10 2 -1 -1 -1 -1 -1 1 1 1 -1 -1 -1 -1 -1
2 5 -1 ten 2 -1 -1 -1 -1 -1 1 1 1 -1 -1 -1 -1 -1
3 6 -1 10

4 3 -1 20 4 -1 -1 3 60 -1 1 2 1 -1 -1 -1 -1 -1 extra fields
5 9 -1 -1 4 -1 -1 -1 60 -1 1 2 1 -1 -1 -1 -1 -1
"""
PHILLY = """timestamp,duration,num_gpus,gpu_time,cluster
2017-10-09 07:01:55,66.0,1,66.0,a
2017-10-09 07:00:55,30.0,2,60.0,b
2017-10-09 07:01:55,66.0,0,0,a
yesterday,66.0,1,66.0,a
2017-10-09 07:01:55,66.0
"""
PODS = """name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec
a,1000,10,1,500,
b,1000,10,2,500,
c,1000,10,8,1000,T4|P100
"""
NODES = "sn,cpu_milli,memory_mib,gpu,model\nn1,8000,100,8,T4\nn2,many,100,8,T4\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_swf(tmp_path: Path) -> None:
    read = read_trace(write(tmp_path, "log.swf", SWF))
    assert isinstance(read, JobTrace)
    assert (read.jobs.job_ids, read.accelerators) == (("1", "4"), 4)
    assert (read.jobs.size.tolist(), read.jobs.estimate_s.tolist()) == ([2, 3], [10.0, 60.0])
    assert read.malformed.count == 3
    assert [p.place.rpartition(":")[2] for p in read.malformed.first] == ["4", "5", "8"]


def test_philly(tmp_path: Path) -> None:
    read = read_trace(write(tmp_path, "philly.csv", PHILLY))
    assert isinstance(read, JobTrace)
    assert read.jobs.submit_s.tolist() == [0.0, 60.0]
    assert (read.jobs.size.tolist(), read.jobs.user, read.accelerators) == ([2, 1], ("b", "a"), None)
    assert sorted(int(p.place.rpartition(":")[2]) for p in read.malformed.first) == [4, 5, 6]


LONG = "x" * 1000
STREAMED = {
    "swf": ("1 0 -1 10 2 -1 -1 -1 -1 -1 1 1 1 -1 -1 -1 -1 -1\n", f"2 5 -1 {LONG}\n"),
    "philly": (
        "timestamp,duration,num_gpus,cluster\n2017-10-09 07:01:55,66.0,1,a\n",
        f"yesterday,66.0,1,{LONG}\n",
    ),
    "sacct": (
        "JobID|User|Account|Submit|Start|End|Timelimit|AllocTRES\n"
        "1|ann|p|2026-03-02T08:00:00|2026-03-02T08:00:00|2026-03-02T09:00:00|08:00:00|gres/gpu=4\n",
        f"2|bob|{LONG}|2026-03-02T08:00:00|Unknown|Unknown|08:00:00|gres/gpu=4\n",
    ),
    "usage": (
        '{"job_id": "j", "tenant": "t", "accelerators": 1, "start": "2026-03-02T08:00Z", "end": "2026-03-02T09:00Z"}\n',
        f'{{"job_id": "{LONG}"}}\n',
    ),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", STREAMED)
def test_no_reader_holds_the_text(tmp_path: Path, name: str, packed: bool) -> None:
    """Twenty megabytes of lines, of which one is a job; each other is counted."""
    head, broken = STREAMED[name]
    path = tmp_path / "trace"
    text = (head + broken * 20_000).encode()
    path.write_bytes(gzip.compress(text, 1) if packed else text)
    del text
    tracemalloc.start()
    try:
        read = read_trace(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(read, JobTrace)
    assert (len(read.jobs.job_ids), read.malformed.count) == (1, 20_000)
    assert read.malformed.first[0].place == f"{path}:{head.count(chr(10)) + 1}"
    assert peak < 2_000_000


def test_a_list_of_records_is_read_like_lines_of_them(tmp_path: Path) -> None:
    record = json.loads(STREAMED["usage"][0])
    lines = "".join(json.dumps({**record, "job_id": name}) + "\n" for name in "ab")
    whole = json.dumps([{**record, "job_id": name} for name in "ab"], indent=1)
    wrapped = json.dumps({"records": json.loads(whole)})
    for text in (lines, whole, wrapped):
        read = read_trace(write(tmp_path, "usage.json", text))
        assert isinstance(read, JobTrace)
        assert (read.jobs.job_ids, read.malformed.count) == (("a", "b"), 0)
    read = read_trace(write(tmp_path, "usage.json", '{"job_id": \n' + lines))
    assert isinstance(read, JobTrace)
    assert (len(read.jobs.job_ids), [p.place.rpartition(":")[2] for p in read.malformed.first]) == (2, ["1"])


@pytest.mark.parametrize("odd", ["inf", "nan", "1e300", "9" * 30, "-inf"])
def test_what_is_no_number_of_a_log_is_malformed(tmp_path: Path, odd: str) -> None:
    """In each field that is used, in each format; no figure of the replay becomes inf or nan by it."""
    good = STREAMED["swf"][0].split()
    broken = [" ".join([*good[:i], odd, *good[i + 1 :]]) for i in (0, 1, 3, 4, 11)]
    fields = ["2017-10-09 07:01:55", "66.0", "1", "a"]
    philly = [",".join([*fields[:i], odd, *fields[i + 1 :]]) for i in (1, 2)]
    record = json.loads(STREAMED["usage"][0])
    number = {"inf": float("inf"), "-inf": float("-inf"), "nan": float("nan"), "1e300": 1e300}.get(odd, 10**30)
    records = [json.dumps({**record, "accelerators": wrong}) for wrong in (number, 0, -1)]
    for head, lines in ((STREAMED["swf"][0], broken), (STREAMED["philly"][0], philly), (STREAMED["usage"][0], records)):
        read = read_trace(write(tmp_path, "trace", head + "\n".join(lines)))
        assert isinstance(read, JobTrace)
        assert (len(read.jobs.job_ids), read.malformed.count) == (1, len(lines))


def test_a_field_without_end_is_a_malformed_line(tmp_path: Path) -> None:
    read = read_trace(write(tmp_path, "philly.csv", PHILLY + "y" * 200_000 + ",1,1,1,a\n" + PHILLY.splitlines()[1]))
    assert isinstance(read, JobTrace)
    assert (len(read.jobs.job_ids), read.malformed.count) == (3, 4)


def test_accelerators_count_where_one_job_has_them(tmp_path: Path) -> None:
    """Known at the end of the file only: a job of CPUs that came before is left out, by its number."""
    head, row = STREAMED["sacct"][0].splitlines()
    read = read_trace(write(tmp_path, "s.txt", "\n".join((head, row.replace("gres/gpu", "cpu"), row))))
    assert isinstance(read, JobTrace)
    assert (read.jobs.size.tolist(), read.malformed.first[0].place.rpartition(":")[2]) == ([4], "2")


def test_openb(tmp_path: Path) -> None:
    write(tmp_path, "openb_node_list_gpu_node.csv", NODES)
    read = read_trace(write(tmp_path, "openb_pod_list_x.csv", PODS))
    assert isinstance(read, DemandTrace)
    assert [d.total_milli for d in read.demands] == [500, 8000]
    assert read.demands[1].models == {"T4", "P100"}
    assert [p.place.rpartition("/")[2] for p in read.malformed.first] == [
        "openb_pod_list_x.csv:3",
        "openb_node_list_gpu_node.csv:3",
    ]


@pytest.mark.parametrize(
    ("pods", "nodes"),
    [(PODS.splitlines()[0], NODES), (PODS, NODES.splitlines()[0]), (PODS, "\n".join(NODES.splitlines()[::2]))],
)
def test_openb_without_pods_or_nodes_is_refused(tmp_path: Path, pods: str, nodes: str) -> None:
    write(tmp_path, "openb_node_list_gpu_node.csv", nodes)
    with pytest.raises(InvalidInput, match="no line of the file"):
        read_trace(write(tmp_path, "openb_pod_list_x.csv", pods))


def test_compressed(tmp_path: Path) -> None:
    packed = tmp_path / "log.swf.gz"
    packed.write_bytes(gzip.compress(SWF.encode()))
    assert isinstance(read_trace(packed), JobTrace)
    if shutil.which("zstd"):
        plain = write(tmp_path, "log.swf", SWF)
        subprocess.run(["zstd", "-q", str(plain)], check=True)
        assert isinstance(read_trace(tmp_path / "log.swf.zst"), JobTrace)
        pipe = subprocess.run(
            [sys.executable, "-m", "suanwang", "replay", "/dev/stdin", "--json"],
            input=(tmp_path / "log.swf.zst").read_bytes(),
            capture_output=True,
            check=True,
        )
        assert json.loads(pipe.stdout)["malformed_lines"] == 3


@pytest.mark.parametrize(("text", "error"), [("a,b\n1,2\n", InvalidInput), ("", InvalidInput)])
def test_an_unknown_format_is_refused(tmp_path: Path, text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_trace(write(tmp_path, "trace.csv", text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_trace(tmp_path / "none.swf")


@pytest.mark.parametrize("damaged", [gzip.compress(SWF.encode())[:-9], b"\x1f\x8bx", b"\x28\xb5\x2f\xfdx"])
def test_a_damaged_file_is_refused(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "log.swf.gz").write_bytes(damaged)
    with pytest.raises(InvalidInput, match=r"damaged|zstd"):
        read_trace(tmp_path / "log.swf.gz")


def test_a_problem_ends_before_its_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = str(write(tmp_path, "trace.csv", "a,b\n1,2\n"))
    for lang, end in (("en", "is not known. Known:"), ("zh-CN", "。 ")):
        assert main(["--lang", lang, "replay", odd]) == 2
        assert end in capsys.readouterr().err.splitlines()[0]


def test_replay_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = str(write(tmp_path, "log.swf", SWF))
    assert main(["replay", log, "--policy", "easy", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["mean_wait_s"], said["makespan_s"], said["malformed_lines"]) == (3.5, 30.0, 3)
    assert said["utilisation"] == pytest.approx((10 * 2 + 20 * 3) / (4 * 30))
    assert len(said["event_log_sha256"]) == 64
    assert main(["replay", "compare", log, "--policy", "fcfs", "--policy", "sjf", "--processes", "2", "--json"]) == 0
    assert [r["policy"] for r in json.loads(capsys.readouterr().out)["results"]] == ["fcfs", "sjf"]
    assert main(["replay", str(write(tmp_path, "p.csv", PHILLY))]) == 2
    assert "--accelerators" in capsys.readouterr().err
    assert main(["replay", log, "--policy", "none"]) == 1


@pytest.mark.parametrize("rows", ["", "1 0 -1 5 8 -1 -1 8 20 -1 1 1 1 -1 -1 -1 -1 -1\n", "1 0 -1 inf 2\n"])
def test_a_trace_of_which_nothing_can_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str
) -> None:
    log = str(write(tmp_path, "log.swf", "; MaxProcs: 4\n" + rows))
    for words in (["replay", log], ["replay", log, "--policy", "las"], ["replay", "compare", log, "--policy", "easy"]):
        assert main(words) == 2
        assert "could run" in capsys.readouterr().err


def test_replay_of_demands_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    pods = Path(__file__).parents[1] / "reference" / "openb_mini" / "openb_pod_list_mini.csv"
    words = ["replay", str(pods), "--packing", "FGD", "--arrived-demand", "1.0", "--seeds", "2", "--json"]
    assert main(words) == 0
    said = json.loads(capsys.readouterr().out)
    assert 0.9 < said["allocation_ratio"] <= said["allocation_ratio_upper_bound"] <= 1
    assert (said["seeds"], said["nodes"], len(said["runs"])) == (2, 122, 2)
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out) == said


def test_the_bench_measures(capsys: pytest.CaptureFixture[str]) -> None:
    pods = Path(__file__).parents[1] / "reference" / "openb_mini" / "openb_pod_list_mini.csv"
    log = Path(__file__).parents[1] / "reference" / "queue_starts" / "busy.swf"
    assert main(["bench", "replay", str(pods), str(log), "--seeds", "1", "--json"]) == 0
    first, *others = json.loads(capsys.readouterr().out)["results"]
    assert first["decisions_per_cpu_s"] > 0
    assert [other["policy"] for other in others] == ["fcfs", "sjf", "first_fit", "easy"]
    assert all(other["jobs_per_cpu_s"] > 0 for other in others)
