"""Source: fetches the text of a signal from a file, an address, or Prometheus."""

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

from suanwang.adapters.signals.points import read_points
from suanwang.errors import msg, why_not_read
from suanwang.schemas.signal_fields import ReadSignal, SignalSection, Steps
from suanwang.schemas.wrong import Wrong

TIMEOUT_S = 20.0
BYTES_MAX = 50_000_000
BACK, AHEAD = timedelta(days=2), timedelta(days=9)
"""What is asked of Prometheus: it keeps forecasts as series whose times lie ahead."""

Fetch = Callable[[str], str]


def signal_reader(folder: Path, now: datetime, fetch: Fetch | None = None) -> ReadSignal:
    """Reads signals for a grid file in a folder; `fetch` gives the text at an address, over HTTP unless told else."""

    def read(section: SignalSection) -> Steps:
        if section.file is not None:
            return read_points(_text(folder / section.file), section)
        address = section.url if section.url is not None else _query(section, now)
        return read_points((fetch or get)(address), section)

    return read


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        why = why_not_read(error)
        raise Wrong(msg("{path} cannot be read: {why}.", path=str(path), why=why), msg("Check the path.")) from None
    except UnicodeDecodeError:
        raise Wrong(msg("{path} is not UTF-8 text.", path=str(path)), msg("Save it as UTF-8.")) from None


def _query(section: SignalSection, now: datetime) -> str:
    """Prometheus' range query around now. https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries"""
    asked = {
        "query": section.query or "",
        "start": f"{(now - BACK).timestamp():.0f}",
        "end": f"{(now + AHEAD).timestamp():.0f}",
        "step": f"{section.step:g}",
    }
    return f"{(section.prometheus or '').rstrip('/')}/api/v1/query_range?{urlencode(asked)}"


def get(address: str) -> str:
    """The text at an http or https address, which answers itself: redirects are not followed. Raises Wrong."""
    remedy = msg("Check the address, or remove the signal: what the site says otherwise holds then.")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Wrong(msg("{address} is not an http or https address.", address=address), remedy)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    try:
        connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
        path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request("GET", path, headers={"Accept": "text/csv, application/json"})
        answer = connection.getresponse()
        content = answer.read(BYTES_MAX + 1)
        connection.close()
    except (HTTPException, OSError, ValueError) as error:
        raise Wrong(msg("{address} does not answer: {why}.", address=address, why=str(error)), remedy) from None
    if answer.status != HTTPStatus.OK:
        raise Wrong(msg("{address} answers {status}.", address=address, status=answer.status), remedy)
    if len(content) > BYTES_MAX:
        raise Wrong(msg("{address} gives more than {most} bytes.", address=address, most=BYTES_MAX), remedy)
    try:
        return str(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Wrong(msg("{address} does not give UTF-8 text.", address=address), remedy) from None
