"""The errors that the documentation shows are those that the estimates carry."""

from pathlib import Path

import pytest

from suanwang.estimate.residuals import CROSS_VALIDATED, Validated

PAGE = (Path(__file__).parents[2] / "docs/explanation/estimates.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("found", CROSS_VALIDATED, ids=lambda f: f"{f.left_out}, {f.runs}")
def test_the_page_shows_every_error(found: Validated) -> None:
    row = next(
        line for line in PAGE.splitlines() if line.startswith(f"| {found.left_out} | {found.runs} | {found.rows} |")
    )
    shown = [float(cell.strip().rstrip("%")) / 100 for cell in row.split("|")[4:7]]
    assert shown == pytest.approx([found.median_ape, found.mape, found.bias], abs=0.001)
