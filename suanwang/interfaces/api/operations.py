"""How an operation of the API is described: what it needs, what it answers with, how it can refuse.

The description is made of the types that the handler really uses, so that the OpenAPI document is true: an answer's
schema follows from the noun that is shown, a body's from the model that reads it.
"""

from typing import Annotated, Any, NamedTuple

from fastapi import FastAPI, Path, Query
from fastapi.openapi.utils import get_openapi

from suanwang.domain.identity import Permission
from suanwang.schemas.section import Section
from suanwang.schemas.wire_schema import schema_of
from suanwang.schemas.workload import workload_schema

Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@:-]{0,127}$")]
"""An id in an address."""
After = Annotated[
    str, Query(pattern=r"^([A-Za-z0-9][A-Za-z0-9._@:-]{0,127})?$", description="`next` of the page before.")
]
"""A cursor of a list by id."""
AfterNumber = Annotated[int, Query(ge=0, le=2**53, description="`next` of the page before.")]
"""A cursor of a list by position."""
Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many.")]

WORKLOAD = "Workload file"
"""A body that is a workload file, as JSON or YAML."""
_REFUSALS = {
    401: "No valid token.",
    403: "The caller may not do this.",
    422: "The parameters or the body have problems; each is listed with its place and remedy.",
    429: "Too many requests; Retry-After says when to come again.",
    503: "It may work later; Retry-After says when to try again.",
}
_OTHERS = {
    400: "It will not work, however often it is tried.",
    404: "No such thing, or not visible to the caller.",
    409: "It clashes with what is there.",
    412: "If-Match names another state.",
    413: "The body is too large.",
}
_FASTAPIS_ERRORS = {"HTTPValidationError", "ValidationError"}
_ERROR = {"$ref": "#/components/schemas/Error"}


class Shape(NamedTuple):
    """What one operation takes and gives, as Python knows it. `answer`: a type, a schema, or None for no content."""

    status: int
    media: str
    answer: Any
    body: type[Section] | str | None


_SHAPES: list[Shape] = []


def _keep(shape: Shape) -> int:
    """The number by which the description finds the shape: what FastAPI carries must be JSON."""
    _SHAPES.append(shape)
    return len(_SHAPES) - 1


def operation(
    permission: Permission | None,
    answer: Any,
    *,
    status: int = 200,
    body: type[Section] | str | None = None,
    refuses: tuple[int, ...] = (),
    media: str = "application/json",
) -> dict[str, Any]:
    """The keyword arguments of a route. `refuses`: statuses beside those that every operation may have.

    `permission` None: whoever has a valid token.
    """
    if body is not None:
        refuses = (*refuses, 413)
    responses = {code: _refusal(text) for code, text in _REFUSALS.items()}
    responses |= {code: _refusal(_OTHERS[code]) for code in refuses}
    return {
        "status_code": status,
        "response_model": None,
        "responses": dict(sorted(responses.items())),
        "openapi_extra": {
            "x-permission": permission.value if permission else "",
            "x-shape": _keep(Shape(status, media, answer, body)),
        },
    }


def _refusal(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": _ERROR}}}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document; made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, routes=app.routes)
        theirs = made.pop("components", {}).get("schemas", {})
        made["paths"] = {
            path: {v: _without_fastapis(f) for v, f in verbs.items()} for path, verbs in made["paths"].items()
        }
        made["paths"] = _renamed(made["paths"])
        kept = {name: part for name, part in theirs.items() if name not in _FASTAPIS_ERRORS}
        components: dict[str, Any] = {f"{name}{_INPUT}": _renamed(part) for name, part in kept.items()}
        made["components"] = {"schemas": components}
        components["Error"] = _error_schema()
        made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path in made["paths"].values():
            for found in path.values():
                _complete(found, components)
        app.openapi_schema = made
    return app.openapi_schema


def _without_fastapis(found: dict[str, Any]) -> dict[str, Any]:
    """An operation whose refusals are ours."""
    return {**found, "responses": {code: _ours(told) for code, told in found["responses"].items()}}


def _ours(told: dict[str, Any]) -> dict[str, Any]:
    """A response; where FastAPI describes its own error, ours, which is what comes."""
    schema = told.get("content", {}).get("application/json", {}).get("schema", {})
    return _refusal(_REFUSALS[422]) if schema.get("$ref", "").rpartition("/")[2] in _FASTAPIS_ERRORS else told


def _complete(found: dict[str, Any], components: dict[str, Any]) -> None:
    """Put the schemas of answer and body where OpenAPI has them."""
    if "x-shape" not in found:
        if "x-permission" in found:  # described by FastAPI; it may be refused like any other
            refused = {str(code): _refusal(text) for code, text in {**_REFUSALS, **_OTHERS}.items()}
            found["responses"] = refused | found["responses"]
        return
    status, media, answer, body = _SHAPES[found.pop("x-shape")]
    success = found["responses"][str(status)]
    if answer is None:
        success.pop("content", None)
    else:
        success["content"] = {media: {"schema": answer if isinstance(answer, dict) else schema_of(answer, components)}}
    found["security"] = [{"token": []}]
    if body == "tar":
        found["requestBody"] = {"required": True, "content": {"application/x-tar": {"schema": _BYTES}}}
    elif body is not None:
        schema = (
            workload_schema() if body == WORKLOAD else _model(body).model_json_schema(ref_template=f"{_DEFS}{{model}}")
        )
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _lift(schema, components)}},
        }


_DEFS = "#/components/schemas/"


def _model(body: type[Section] | str) -> type[Section]:
    assert not isinstance(body, str), f"{body} is no model"
    return body


def _lift(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """A schema whose definitions are moved to the components."""
    inner = {name: part for name, part in schema.items() if name not in ("$defs", "$schema", "$id")}
    for name, definition in schema.get("$defs", {}).items():
        components[name + _INPUT] = _renamed(definition)
    moved: dict[str, Any] = _renamed(inner)
    return moved


_BYTES = {"type": "string", "format": "binary"}
_INPUT = "Input"
"""What names of schemas end with that are not of a noun."""


def _renamed(value: Any) -> Any:
    """References to definitions of an input, led to its component; to our own error, left."""
    if isinstance(value, dict):
        return {k: _led(v) if k == "$ref" else _renamed(v) for k, v in value.items()}
    return [_renamed(v) for v in value] if isinstance(value, list) else value


def _led(reference: str) -> str:
    return reference if reference == _ERROR["$ref"] else f"{_DEFS}{reference.rpartition('/')[2]}{_INPUT}"


def _error_schema() -> dict[str, Any]:
    text = {"type": "string"}
    problem = dict.fromkeys(("place", "message", "remedy"), text)
    problems = {
        "type": "array",
        "items": {"type": "object", "properties": problem, "required": list(problem), "additionalProperties": False},
    }
    shape = dict.fromkeys(("code", "message", "remedy", "request_id"), text)
    error = {
        "type": "object",
        "properties": {**shape, "problems": problems},
        "required": list(shape),
        "additionalProperties": False,
    }
    return {"type": "object", "properties": {"error": error}, "required": ["error"], "additionalProperties": False}
