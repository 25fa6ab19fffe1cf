"""Writes the published schemas and the reference page of the files from the models."""

import json
from pathlib import Path
from typing import Any

from suanwang.schemas.case import case_schema
from suanwang.schemas.grid import grid_schema
from suanwang.schemas.model_plan_fields import model_plan_schema
from suanwang.schemas.price_book import price_book_schema
from suanwang.schemas.programme import programme_schema
from suanwang.schemas.reference import reference_page
from suanwang.schemas.site_plan_fields import site_plan_schema
from suanwang.schemas.workload import workload_schema

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs" / "reference"
SCHEMAS: dict[str, dict[str, Any]] = {
    "workload": workload_schema(),
    "grid": grid_schema(),
    "price-book": price_book_schema(),
    "programme": programme_schema(),
    "case": case_schema(),
    "site-plan": site_plan_schema(),
    "model-plan": model_plan_schema(),
}


def main() -> None:
    (PAGES / "schemas").mkdir(parents=True, exist_ok=True)
    for noun, schema in SCHEMAS.items():
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        (PAGES / "schemas" / f"{noun}.v1.json").write_text(text, encoding="utf-8")
    (PAGES / "files.md").write_text(reference_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
