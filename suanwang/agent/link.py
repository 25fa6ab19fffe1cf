"""The agent's line to its hub: it calls out only, and every way in which the line can fail is a NotNow."""

from pathlib import Path
from typing import Protocol

import httpx

from suanwang.errors import (
    Conflict,
    InvalidInput,
    Never,
    NotFound,
    NotNow,
    NotPermitted,
    Problem,
    SuanwangError,
    msg,
    why_not_read,
)
from suanwang.schemas.sync import SyncReply, SyncRequest

PATH = "/v1/agent/sync"
CONNECT_S_MAX, ANSWER_S_MAX = 5.0, 15.0
KINDS: dict[int, type[SuanwangError]] = {
    400: Never,
    401: NotPermitted,
    403: NotPermitted,
    404: NotFound,
    409: Conflict,
    413: Never,
    422: Never,
}
"""What a hub's refusal is here; any other status may pass."""


class Link(Protocol):
    """How messages reach the hub."""

    def exchange(self, message: SyncRequest) -> SyncReply:
        """Send one message and wait for its answer.

        Raises NotNow(hub-unreachable), or what the hub refused it with.
        """

    def close(self) -> None: ...


class HttpLink:
    """`Link` over HTTP. The token is read anew for every new connection's first message, so that it can be renewed."""

    def __init__(self, hub: str, token_file: Path, *, transport: httpx.BaseTransport | None = None) -> None:
        self._hub = hub.rstrip("/")
        self._token_file = token_file
        self._client = httpx.Client(
            timeout=httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX), transport=transport, follow_redirects=False
        )

    def exchange(self, message: SyncRequest) -> SyncReply:
        headers = {"Authorization": f"Bearer {read_token(self._token_file)}", "Content-Type": "application/json"}
        timeout = httpx.Timeout(ANSWER_S_MAX + message.wait_s, connect=CONNECT_S_MAX)
        try:
            response = self._client.post(
                self._hub + PATH, content=message.model_dump_json(), headers=headers, timeout=timeout
            )
            if response.status_code == httpx.codes.OK:
                return SyncReply.model_validate_json(response.content)
        except (httpx.HTTPError, ValueError) as error:
            raise _unreachable(self._hub, str(error) or type(error).__name__) from error
        raise self._refusal(response)

    def _refusal(self, response: httpx.Response) -> SuanwangError:
        try:
            said = response.json()["error"]
            code, message, remedy = str(said["code"]), str(said["message"]), str(said["remedy"])
        except (ValueError, KeyError, TypeError):
            return _unreachable(self._hub, f"HTTP {response.status_code}")
        kind = KINDS.get(response.status_code, NotNow)
        return kind(code, msg("{text}", text=message), msg("{text}", text=remedy))

    def close(self) -> None:
        self._client.close()


def read_token(path: Path) -> str:
    """The first line of the file. Raises InvalidInput when it cannot be read or is empty."""
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        why = why_not_read(error) if isinstance(error, OSError) else msg("it is not text")
        what = msg("The token file cannot be read: {why}.", why=why)
        raise InvalidInput([Problem(str(path), what, msg("Check the path and its rights."))]) from error
    if len(lines) != 1:
        what = msg("The token file must hold one token and nothing else.")
        raise InvalidInput([Problem(str(path), what, msg("Ask the hub's operator for a token of this site."))])
    return lines[0]


def _unreachable(hub: str, why: str) -> NotNow:
    return NotNow(
        "hub-unreachable",
        msg("the hub {hub} does not answer: {why}", hub=hub, why=why),
        msg("Nothing is lost meanwhile; it is tried again."),
    )
