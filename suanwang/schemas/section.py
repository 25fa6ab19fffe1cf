"""The base of every part of a file, and how a file that has problems is still read as far as it goes.

`read_section` gives a model in any case: what could not be read is None or empty there, and is already on the list of
problems. So the checks of meaning run on every file, and all problems are reported at once.
"""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic.fields import FieldInfo

from suanwang.errors import msg
from suanwang.schemas.findings import Findings, nearest
from suanwang.schemas.quantities import show
from suanwang.schemas.wording import explain
from suanwang.schemas.wrong import Wrong
from suanwang.schemas.yaml_file import Path

API_VERSION = "suanwang/v1"


class Section(BaseModel):
    """A part of a file: unknown fields are refused, and text is not taken for a number."""

    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True, protected_namespaces=())


Part = TypeVar("Part", bound=Section)


def choice(*values: str) -> AfterValidator:
    """Admits only these texts; a wrong one is told the nearest."""

    def check(value: str) -> str:
        if value not in values:
            near = nearest(value, values) or ", ".join(values)
            raise Wrong(msg("{value} is not known here.", value=show(value)), msg("Write one of: {near}.", near=near))
        return value

    return AfterValidator(check)


def _plain_text(value: str) -> str:
    if any(not character.isprintable() for character in value):
        remedy = msg("Remove line breaks and control characters.")
        raise Wrong(msg("{value} has characters that do not print.", value=show(value)), remedy)
    return value


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _list_of_one(value: object) -> object:
    return [value] if isinstance(value, str) else value


_NAME_SCHEMA = {"type": "string", "minLength": 1, "maxLength": 200}

Text = Annotated[str, Field(max_length=500), AfterValidator(_plain_text)]
"""One line of text."""
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain_text)]
"""A name or reference: one line, not empty."""
Word = Annotated[
    str,
    Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"),
]
"""An id that the file defines: letters, digits, dot, dash, underscore; starts with a letter or digit."""
Argument = Annotated[
    str,
    Field(max_length=10_000),
    BeforeValidator(_number_as_text),
    WithJsonSchema({"type": ["string", "integer"], "maxLength": 10_000}),
]
"""Text handed to a program; a whole number is taken as typed."""
Names = Annotated[
    list[Name],
    BeforeValidator(_list_of_one),
    WithJsonSchema({"anyOf": [_NAME_SCHEMA, {"type": "array", "items": _NAME_SCHEMA}]}),
]
"""A list of names; one name may stand alone."""


def read_section(model: type[Part], findings: Findings) -> Part:
    """The document as a model; all problems of form are added to `findings`, each with path and remedy."""
    data = findings.document.data
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            path = _path(problem["loc"])
            parent = _section_at(model, problem["loc"][:-1])
            fields = [f.alias or name for name, f in parent.model_fields.items()] if parent else []
            findings.unread(path, *explain({**problem, "loc": path}, fields))
    return _salvage(model, data)


def _path(loc: Path) -> Path:
    """pydantic's location without the names of union members, which are written <so>."""
    return tuple(step for step in loc if not (isinstance(step, str) and step.startswith("<") and step.endswith(">")))


def _section_at(model: type[Section], loc: Path) -> type[Section] | None:
    current: type[Section] | None = model
    for step in loc:
        if isinstance(step, int) or step.startswith("<") or current is None:
            continue
        field = next((f for name, f in current.model_fields.items() if (f.alias or name) == step), None)
        current = part_of(field.annotation) if field else None
    return current


def part_of(annotation: Any) -> type[Section] | None:
    """The model within an annotation such as list[Pool] | None."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for inner in get_args(annotation) if (found := part_of(inner))), None)


def _salvage(model: type[Part], data: object) -> Part:
    """What can be read of a mapping: each field on its own, parts within parts likewise."""
    given = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key not in given:
            values[name] = _absent(field)
            continue
        try:
            checked = model.__pydantic_validator__.validate_assignment(model.model_construct(), name, given[key])
            values[name] = getattr(checked, name)
        except ValidationError:
            values[name] = _partial(field, given[key])
    return model.model_construct(**values)


def _absent(field: FieldInfo) -> object:
    return _partial(field, None) if field.is_required() else field.get_default(call_default_factory=True)


def _partial(field: FieldInfo, value: object) -> object:
    """A field that has problems: the readable parts of it, else empty, else None."""
    part = part_of(field.annotation)
    kinds = list(_outer(field.annotation))
    if list in kinds:
        items = value if isinstance(value, list) else []
        return [_salvage(part, item) for item in items] if part else [i for i in items if isinstance(i, str)]
    if dict in kinds:
        return {}
    if part is not None and (isinstance(value, dict) or field.is_required()):
        return _salvage(part, value)
    return None


def _outer(annotation: Any) -> Iterator[Any]:
    """The outermost types of an annotation: list for list[dict[str, int]] | None."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _outer(member)
    elif origin is Annotated:
        yield from _outer(get_args(annotation)[0])
    else:
        yield origin or annotation
