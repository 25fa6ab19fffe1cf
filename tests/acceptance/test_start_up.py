"""Help is quick: it loads none of the large libraries, and no service."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LARGE = ("fastapi", "sqlalchemy", "numpy", "highspy", "pydantic", "rich", "yaml", "structlog", "alembic", "scipy")
WORDS = [("--help",), ("run", "--help"), ("admin", "tick", "--help"), ("--version",), ("no-such-command",)]

PROGRAM = f"""
import json, sys
from suanwang.interfaces.cli.main import main
status = main(sys.argv[1:])
ours = [m for m in sys.modules if m.startswith(("suanwang.service", "suanwang.adapters", "suanwang.schemas"))]
print(json.dumps([status, [m for m in {LARGE} if m in sys.modules], ours, len(sys.modules)]))
"""


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_help_loads_little(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    status, large, ours, count = json.loads(done.stdout.splitlines()[-1])
    assert status == (2 if words == ("no-such-command",) else 0)
    assert large == []
    assert ours == []
    assert count < 400


def test_the_benchmark_prints_the_median_as_json() -> None:
    done = subprocess.run(
        [sys.executable, "benchmarks/start_up.py", "--runs", "3"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=120,
    )
    result = json.loads(done.stdout)
    assert result["runs"] == 3
    assert 0 < result["bare_python_s_median"] < result["help_s_median"]
