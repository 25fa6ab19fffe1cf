"""Calling webhooks: one POST, no redirects, a short patience."""

from collections.abc import Mapping

import httpx

TIMEOUT_S = 5.0


class Caller:
    """Keeps connections between calls."""

    def __init__(self) -> None:
        self._http = httpx.Client(timeout=TIMEOUT_S, follow_redirects=False)

    def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> int | None:
        """The status of the answer; None where there was none."""
        try:
            with self._http.stream("POST", url, content=body, headers=dict(headers)) as answer:
                return answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return None

    def close(self) -> None:
        self._http.close()
