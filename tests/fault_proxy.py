"""A bad line: a small TCP proxy before a hub that cuts, slows, doubles and reorders the requests that pass it.

It knows so much of HTTP/1.1 as it takes to tell where a request ends. What it does to each is drawn from a seed.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

FAULTS: Mapping[str, int] = {
    "pass": 40,
    "slow": 10,
    "cut before": 10,
    "cut within": 10,
    "cut after": 10,
    "twice": 10,
    "late": 10,
}
"""Fault -> weight. Cut before: the hub hears nothing; within: half of the request; after: the answer is lost. Twice:
the request arrives two times at once. Late: the caller is cut off, and the request arrives when later ones have."""
NONE: Mapping[str, int] = {"pass": 1}
SLOW_S_MAX, LATE_S_MAX = 0.3, 1.0
PEER_GONE = (ConnectionError, asyncio.IncompleteReadError, OSError)


@dataclass(kw_only=True)
class FaultProxy:
    """Listens on `port`, passes on to `hub_port`. `done`: how often each fault was made."""

    port: int
    hub_port: int
    seed: int
    faults: Mapping[str, int] = field(default_factory=lambda: FAULTS)
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._late: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Until cancelled."""
        server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, reuse_address=True)
        async with server:
            await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await _message(reader):
                answer = await self._pass(request)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        except PEER_GONE:
            pass
        finally:
            writer.transport.abort()

    async def _pass(self, request: bytes) -> bytes | None:
        """The answer, or None when the line is cut."""
        fault = self._dice.choices(list(self.faults), weights=list(self.faults.values()))[0]
        self.done[fault] += 1
        match fault:
            case "slow":
                await asyncio.sleep(self._dice.random() * SLOW_S_MAX)
            case "cut before":
                return None
            case "cut within":
                await self._half(request)
                return None
            case "twice":
                answers = await asyncio.gather(self._ask(request), self._ask(request), return_exceptions=True)
                return next((a for a in answers if isinstance(a, bytes)), None)
            case "late":
                task = asyncio.create_task(self._later(request, self._dice.random() * LATE_S_MAX))
                self._late.add(task)
                task.add_done_callback(self._late.discard)
                return None
        answer = await self._ask(request)
        return None if fault == "cut after" else answer

    async def _ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.hub_port)
        try:
            writer.write(request)
            await writer.drain()
            return await _message(reader)
        finally:
            writer.transport.abort()

    async def _half(self, request: bytes) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self.hub_port)
        writer.write(request[: len(request) // 2])
        await writer.drain()
        writer.transport.abort()

    async def _later(self, request: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        try:
            await self._ask(request)
        except PEER_GONE:
            return


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One whole request or answer; nothing when the peer has closed."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    return head + await reader.readexactly(length)
