"""ETags: the state of an object, so that a client need not load it again, nor change what it has not seen."""

import json
from hashlib import sha256
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from suanwang.errors import Conflict, msg
from suanwang.interfaces.serving.caller import Caller
from suanwang.schemas.wire import plain


def tag_of(thing: object) -> str:
    """The ETag of an object: the same in every language."""
    text = json.dumps(plain(thing), ensure_ascii=False, sort_keys=True)
    return f'"{sha256(text.encode()).hexdigest()[:32]}"'


def tagged(request: Request, caller: Caller, thing: object, status: int = 200, **headers: str) -> Response:
    """The object with its ETag; 304 when the client has this state already (If-None-Match)."""
    tag = tag_of(thing)
    if request.method == "GET" and tag in _listed(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers={"ETag": tag})
    shown: Any = caller.show(thing)
    return JSONResponse(shown, status, {"ETag": tag, **headers})


def require_match(request: Request, thing: object) -> None:
    """Raises Conflict(stale-etag) when If-Match is given and names another state than the present one."""
    wanted = request.headers.get("if-match", "")
    if wanted and wanted.strip() != "*" and tag_of(thing) not in _listed(wanted):
        raise Conflict(
            "stale-etag",
            msg("it was changed since it was read"),
            msg("Read it again and decide anew."),
        )


def _listed(header: str) -> list[str]:
    return [part.strip().removeprefix("W/") for part in header.split(",")]
