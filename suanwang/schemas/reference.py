"""The reference of the files, made from the models: docs/reference/files.md, one table for each part of a file."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from suanwang.schemas.case import CaseFile
from suanwang.schemas.grid_fields import GridFile
from suanwang.schemas.model_plan_fields import ModelPlanFile
from suanwang.schemas.price_book_fields import PriceBookFile
from suanwang.schemas.programme_fields import ProgrammeFile
from suanwang.schemas.section import Section, part_of
from suanwang.schemas.site_plan_fields import SitePlanFile
from suanwang.schemas.workload_fields import WorkloadFile

FILES: tuple[tuple[str, str, type[Section]], ...] = (
    ("The workload file", "workload", WorkloadFile),
    ("The grid file", "grid", GridFile),
    ("The price book file", "price-book", PriceBookFile),
    ("The programme file", "programme", ProgrammeFile),
    ("The case file", "case", CaseFile),
    ("The site plan file", "site-plan", SitePlanFile),
    ("The model plan file", "model-plan", ModelPlanFile),
)

_HEAD = """# The files, field by field

Made from the models in `suanwang/schemas`; a test keeps it current. JSON Schemas: {schemas}.

Files are YAML (core schema: `true`/`false` are booleans, plain decimal numbers are numbers, everything else is text),
UTF-8, one document of at most 1 MiB. Anchors, aliases and tags are refused. A quantity is text with its unit, such as
`80 GB`; a time is ISO 8601 with an offset, such as `2026-08-01T08:00+08:00`. Where a list of names is asked for, one
name may stand alone. All problems of a file are reported at once, each with its line, path and remedy.
"""


def reference_page() -> str:
    """The page as Markdown."""
    links = ", ".join(f"[{noun}](schemas/{noun}.v1.json)" for _, noun, _ in FILES)
    parts = [_HEAD.format(schemas=links)]
    done: dict[type[Section], str] = {}
    for title, _, model in FILES:
        parts.append(f"\n## {title}\n")
        repeated: list[str] = []
        for path, part in _parts(model, ""):
            if part not in done:
                parts.append(_table(path, part))
            elif not any(path.startswith((f"{other}.", f"{other}[].")) for other in repeated):
                parts.append(f"\n### `{path}`: as `{done[part]}`\n")
                repeated.append(path)
            done.setdefault(part, path)
    return "".join(parts)


def _parts(
    model: type[Section], path: str, around: tuple[type[Section], ...] = ()
) -> Iterator[tuple[str, type[Section]]]:
    """Every part of a file with the path to it, outermost first; a part within itself is told once."""
    yield path, model
    if model in around:
        return
    for name, field in model.model_fields.items():
        inner = part_of(field.annotation)
        if inner is not None:
            step = f"{field.alias or name}{'[]' if _is_list(field) else ''}"
            yield from _parts(inner, f"{path}.{step}".removeprefix("."), (*around, model))


def _is_list(field: FieldInfo) -> bool:
    return "list[" in str(field.annotation)


def _table(path: str, model: type[Section]) -> str:
    schema = model.model_json_schema(by_alias=True)
    if "$ref" in schema:  # a part that has itself inside
        schema = {**schema["$defs"][str(schema["$ref"]).rpartition("/")[2]], "$defs": schema["$defs"]}
    head = f"\n### {f'`{path}`' if path else 'Top'}: {(model.__doc__ or '').strip()}\n\n"
    rows = [
        f"| `{field.alias or name}` | {_form(schema['properties'][field.alias or name], schema.get('$defs', {}))} "
        f"| {_default(field)} | {field.description} |\n"
        for name, field in model.model_fields.items()
    ]
    return f"{head}| field | form | default | meaning |\n|---|---|---|---|\n{''.join(rows)}"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "**needed**"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, list) and len(value) > 6:
        value = f"{value[0]} to {value[-1]}"
    if value is None or value in ("", [], {}):
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _form(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """What a value looks like, in a few words."""
    if "anyOf" in schema or "oneOf" in schema:
        forms = [_form(s, definitions) for s in schema.get("anyOf") or schema["oneOf"] if s.get("type") != "null"]
        return " or ".join(dict.fromkeys(forms)) + _example(schema)
    if "$ref" in schema:
        return _form(definitions[str(schema["$ref"]).rpartition("/")[2]], definitions)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_form(schema['items'], definitions)}"
    if kind == "object" and "properties" in schema:
        return "mapping"
    if kind == "object":
        return f"mapping of name to {_form(schema.get('additionalProperties') or {}, definitions)}"
    if isinstance(kind, list):
        return " or ".join(_form({"type": one}, definitions) for one in kind)
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    return words.get(str(kind), "value") + _limits(schema) + _example(schema)


def _limits(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if schema.get("exclusiveMinimum") is not None:
        return f" above {schema['exclusiveMinimum']}"
    if low is not None and high is not None and high < 10**7:
        return f" {low} to {high}"
    return f" from {low}" if low is not None else ""


def _example(schema: Mapping[str, Any]) -> str:
    examples = schema.get("examples")
    return f" such as `{examples[0]}`" if examples else ""
