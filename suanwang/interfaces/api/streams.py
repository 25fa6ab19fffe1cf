"""Server-sent events: the moves of a job and what its program writes, as they come.

    event: state    data: a JobEvent             a move of the job
    event: log      data: {"attempt", "text"}    whole lines of the latest attempt's output
    event: end      data: {"outcome"}            the job is settled; nothing follows

The id of each event is where a client that lost its line goes on (`Last-Event-ID`); nothing is sent twice or left out.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from suanwang.domain.identity import Permission
from suanwang.domain.job import Job, JobState
from suanwang.errors import NotNow, SuanwangError, msg
from suanwang.interfaces.api.operations import Id, operation
from suanwang.interfaces.serving.caller import Caller, needs
from suanwang.interfaces.serving.front import front_of
from suanwang.service.jobs import job_of, latest_output

router = APIRouter(prefix="/v1", tags=["jobs"])
Reader = Annotated[Caller, Depends(needs(Permission.JOBS_READ))]
PAUSE_S = 0.5
HEARTBEAT_S = 15.0
LAST_S = 600.0
"""A stream ends after so long; the client's next request is authenticated anew."""
STREAMS_MAX = 500
CHUNK_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Place:
    """How far a stream has come: the last event, and the output's attempt and byte."""

    sequence: int = 0
    attempt: int = 0
    offset: int = 0

    @classmethod
    def read(cls, text: str) -> "Place":
        """From an event's id; the beginning, where it is none."""
        with suppress(ValueError):
            sequence, attempt, offset = (int(part) for part in text.split("."))
            if min(sequence, attempt, offset) >= 0:
                return cls(sequence, attempt, offset)
        return cls()

    def __str__(self) -> str:
        return f"{self.sequence}.{self.attempt}.{self.offset}"


_STREAM = {"type": "string"}


@router.get(
    "/jobs/{job_id}/stream", **operation(Permission.JOBS_READ, _STREAM, media="text/event-stream", refuses=(404,))
)
async def stream_job(
    request: Request, caller: Reader, job_id: Id, last_event_id: Annotated[str, Header(max_length=100)] = ""
) -> Response:
    """Follow a job: its moves, and what its program writes, until it is settled."""
    job = await run_in_threadpool(job_of, caller.reading(Permission.JOBS_READ), caller.principal, job_id)
    if front_of(request).served.here("streams") >= STREAMS_MAX:
        raise NotNow("too-many-requests", msg("too many streams are open"), msg("Come again in a moment."))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    body = _follow(request, caller, job.id, Place.read(last_event_id))
    return StreamingResponse(body, media_type="text/event-stream", headers=headers)


async def _follow(request: Request, caller: Caller, job_id: str, place: Place) -> AsyncIterator[str]:
    began = spoke = monotonic()
    front = front_of(request)
    front.served.add("streams", 1)
    try:
        while monotonic() - began < LAST_S and not front.closing.is_set():
            news, place, over = await run_in_threadpool(_news, caller, job_id, place)
            for line in news:
                yield line
            if over:
                return
            if news:
                spoke = monotonic()
            elif monotonic() - spoke > HEARTBEAT_S:
                spoke = monotonic()
                yield ": still here\n\n"
            await asyncio.sleep(PAUSE_S)
    finally:
        front.served.add("streams", -1)


def _news(caller: Caller, job_id: str, place: Place) -> tuple[list[str], Place, bool]:
    """What happened since `place`, as lines of the stream; the new place; whether the job is over."""
    hub = caller.reading(Permission.JOBS_READ)
    lines: list[str] = []
    with hub.store.transaction() as tx:
        job = tx.jobs.get(job_id)
        events = [e for e in tx.jobs.events(job_id) if e.sequence > place.sequence]
    place, texts = _output(caller, job, place)
    lines += texts
    for event in events:
        place = replace(place, sequence=event.sequence)
        lines.append(_event("state", caller.show(event), place))
    over = job.state is JobState.SETTLED and not texts
    if over:
        lines.append(_event("end", {"outcome": job.outcome.value if job.outcome else None}, place))
    return lines, place, over


def _output(caller: Caller, job: Job, place: Place) -> tuple[Place, list[str]]:
    """New whole lines of the latest attempt; of a job that is over, the last half line too."""
    if job.attempt != place.attempt:
        place = replace(place, attempt=job.attempt, offset=0)
    try:
        new = latest_output(caller.reading(Permission.JOBS_READ), job, place.offset, CHUNK_BYTES)
    except SuanwangError:
        return place, []
    whole = new if job.outcome or len(new) == CHUNK_BYTES else new[: new.rfind(b"\n") + 1]
    if not whole:
        return place, []
    place = replace(place, offset=place.offset + len(whole))
    shown = {"attempt": job.attempt, "text": whole.decode(errors="replace")}
    return place, [_event("log", shown, place)]


def _event(name: str, data: Any, place: Place) -> str:
    return f"event: {name}\nid: {place}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
