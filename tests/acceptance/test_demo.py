"""The demo and the first run, as a newcomer starts them: real processes, a fresh home, nothing but the files here."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
DEMO_S = 300
CLAIMS = 9
CLI = "import sys; from suanwang.interfaces.cli.main import main; sys.exit(main())"


def run(arguments: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    """A program of this interpreter; its temporary files are below `home`. PATH is the system's own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SUANWANG_")}
    environment |= {"HOME": str(home), "TMPDIR": str(home), "LANG": "en_US.UTF-8", "PYTHONPATH": str(REPO)}
    environment |= {"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=REPO, env=environment, capture_output=True, text=True, timeout=DEMO_S, check=False
    )


def programs_below(folder: Path) -> list[str]:
    """Command lines of live processes that work in or were started for a folder (Linux)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words and entry.name != str(os.getpid()):
            found.append(words.replace(b"\0", b" ")[:200].decode(errors="replace"))
    return found


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    home = tmp_path_factory.mktemp("demo-en")
    return run(["examples/demo/demo.py"], home), home


def test_the_demo_keeps_its_word(english: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, home = english
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("✓") == CLAIMS
    for refused in ("guian", "zhongwei", "qingpu"):
        assert f"✗ {refused}: ExceedsCapacity." in done.stdout
    assert "Waits" in done.stdout
    assert "attempt 2" in done.stdout
    assert "every unit sums to 0 (CNY, VCH:east-lab)" in done.stdout
    assert list(home.glob("suanwang-demo-*")) == [], "the temporary home is still there"
    assert programs_below(home) == []


def test_the_loss_falls_before_the_eyes(english: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    losses = [float(loss) for loss in re.findall(r"step +\d+/900  loss (\d+\.\d+)", english[0].stdout)]
    assert len(losses) >= 10
    assert losses[0] > 4
    assert losses[-1] < 0.5 * losses[0]


def test_the_voucher_pays_thirty_percent(english: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    row = re.search(r"evaluate-baseline +¥ (\d+\.\d\d) +¥ (\d+\.\d\d) +¥ (\d+\.\d\d)", english[0].stdout)
    assert row is not None
    charged, voucher, paid = (float(figure) for figure in row.groups())
    assert voucher == pytest.approx(0.3 * charged, abs=0.011)
    assert voucher + paid == pytest.approx(charged, abs=0.011)


def test_the_output_fits_a_terminal(english: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    assert [line for line in english[0].stdout.splitlines() if len(line.rstrip()) > 112] == []


def test_the_demo_in_chinese(tmp_path: Path) -> None:
    done = run(["examples/demo/demo.py", "--lang", "zh-CN"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("✓") == CLAIMS
    assert "VCH:east-lab" in done.stdout


def test_a_home_that_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    done = run(["examples/demo/demo.py", "--keep", str(tmp_path / "mine")], tmp_path)
    assert done.returncode == 2
    assert list((tmp_path / "mine").iterdir()) == []


def test_the_first_run(tmp_path: Path) -> None:
    done = run(["-c", CLI, "run", "examples/workloads/hello.yaml"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 x server-cpu-core @ here" in done.stdout
    assert '"done": true' in done.stderr
