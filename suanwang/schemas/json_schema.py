"""JSON Schema of the files, as published under docs/reference/schemas."""

from typing import Any

from suanwang.schemas.section import Section

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(model: type[Section], noun: str) -> dict[str, Any]:
    """The schema of one file, version 1; it checks form only, the reader also checks what the fields mean."""
    body = model.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": DIALECT, "$id": f"suanwang/{noun}.v1.json", **body}
