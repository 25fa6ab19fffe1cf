"""Bodies of requests: read as strictly as files are, with all of their problems at once, each with its place."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from suanwang.schemas.findings import Findings
from suanwang.schemas.json_file import read_json
from suanwang.schemas.section import Section, read_section
from suanwang.schemas.yaml_file import Document, decode, read_yaml

Body = TypeVar("Body", bound=Section)


async def document(request: Request) -> Document:
    """The body as a document: JSON, or YAML where the content type says so. Raises InvalidInput."""
    content = await request.body()
    kind = request.headers.get("content-type", "")
    return await run_in_threadpool(_read, content, yaml="yaml" in kind)


def _read(content: bytes, *, yaml: bool) -> Document:
    text = decode(content, "body")
    return read_yaml(text, "body") if yaml else read_json(text, "body")


def body_of(model: type[Body]) -> Callable[[Request], Coroutine[Any, Any, Body]]:
    """A dependency: the body as a model. Raises InvalidInput with every problem."""

    async def read(request: Request) -> Body:
        findings = Findings(await document(request))
        body = read_section(model, findings)
        findings.raise_any()
        return body

    return read
