"""The static checks are tests: `make test` runs ruff, mypy and import-linter over everything."""

import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as check; check(prog_name='lint-imports')"

CHECKS = {
    "ruff check": ["-m", "ruff", "check", "--no-fix", "."],
    "ruff format": ["-m", "ruff", "format", "--check", "."],
    "mypy": ["-m", "mypy"],
    "import-linter": ["-c", LINT_IMPORTS],
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", CHECKS)
def test_static_check(name: str) -> None:
    done = subprocess.run([sys.executable, *CHECKS[name]], cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{name} found:\n{done.stdout}{done.stderr}"
