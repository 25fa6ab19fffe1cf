"""Serving: the hub's application on a socket, with its ticker, until a signal ends both."""

import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import IO

import uvicorn
from anyio import to_thread

from suanwang.adapters.calling import Caller
from suanwang.bootstrap import House
from suanwang.errors import InvalidInput, Problem, msg, why_not_read
from suanwang.interfaces.api.app import create_app
from suanwang.interfaces.serving.front import Front, front_of_app
from suanwang.interfaces.serving.served import TICKS, Served
from suanwang.schedule.scheme import find_scheme
from suanwang.service.feeds import Feeds, Heard, remember, with_heard
from suanwang.service.ticking import Courier, Ticker

BACKLOG = 2048
KEEP_ALIVE_S = 75
"""How long a connection may be quiet between two requests: people read in between."""
THREADS = 6
"""How many requests are worked on at once; a thread also waits for the database, an engine, or a site's agent."""
SWITCH_S = 0.01
"""How long a thread runs before others may: longer than Python's own, since most requests are done within it."""
GRACE_S = 20
"""How long open requests may take after the signal to end."""


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening socket; port 0 takes any that is free. `shared`: other processes of the hub listen there too. Raises
    InvalidInput when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        why = why_not_read(error) if isinstance(error, OSError) else msg("{error}", error=error)
        what = msg("The hub cannot listen on {host} port {port}: {why}.", host=host, port=port, why=why)
        raise InvalidInput([Problem("--port", what, msg("Choose another address with --host and --port."))]) from error
    return listener


def serve(
    house: House,
    listener: socket.socket,
    on_ready: Callable[[], None],
    *,
    ticking: bool = True,
    served: Served | None = None,
    until: IO[str] | None = None,
) -> None:
    """Serve until SIGINT, SIGTERM or the end of `until`. Open requests are answered, the tick that runs is ended, the
    lease given back. `served`: the counters, where other processes serve too."""
    served = served or Served()
    policy = find_scheme(house.hub.grid.policy).policy
    replan_s = house.settings.replan_s
    ticker = Ticker(house.hub, house.store, policy, lambda ticker: served.put(figures_of(ticker)), replan_s)
    app = create_app(house, served)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    caller = Caller()
    courier = Courier(house.store, house.hub.clock, caller.send)
    feeds = _feeds(front_of_app(app), ticker, served)
    if ticking:
        ticker.start()
        courier.start()
    try:
        on_ready()
        _until_signalled(Server(config), listener, front_of_app(app), until)
    finally:
        feeds.stop()
        if ticking:
            courier.stop()
            ticker.stop()
            served.put(dict.fromkeys(TICKS, 0.0))
        caller.close()


def _feeds(front: Front, ticker: Ticker, served: Served) -> Feeds:
    """Reads the signals of sites anew for those who quote and for the ticker; it runs where there are any."""

    def take(heard: Heard) -> None:
        house = front.house
        grid = with_heard(house.hub.grid, heard)
        front.house = replace(house, hub=replace(house.hub, grid=grid))
        ticker.take(grid)
        remember(house.store, heard, house.hub.clock.now())

    def told(faults: int) -> None:
        served.add("signal_reads", 1)
        served.add("signal_faults", faults)

    feeds = Feeds(front.house.settings.signals_s, front.house.read_signals, take, told)
    if front.house.settings.signals_s and front.house.grid_file:
        feeds.start()
    return feeds


class Server(uvicorn.Server):
    """uvicorn's, with few threads: they take turns in one interpreter, where more of them only wait for one another."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        await super().startup(sockets)


def figures_of(ticker: Ticker) -> dict[str, float]:
    """A ticker's figures, as the metrics have them."""
    return {
        "ticks": ticker.ticks,
        "tick_faults": ticker.faults,
        "tick_seconds": ticker.last_s,
        "tick_leader": ticker.leading,
        "replanned": ticker.rolling.moved,
        "ticking": True,
    }


def _until_signalled(server: uvicorn.Server, listener: socket.socket, front: Front, until: IO[str] | None) -> None:
    """Run the server beside this thread, which waits for SIGINT or SIGTERM; a second one does not wait for requests."""

    def end(_number: int, _frame: object) -> None:
        server.force_exit = server.should_exit
        server.should_exit = True
        front.closing.set()

    def wait(until: IO[str]) -> None:
        until.read()
        end(0, None)

    sys.setswitchinterval(SWITCH_S)
    serving = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="serve")
    if until is not None:
        threading.Thread(target=wait, args=(until,), name="until", daemon=True).start()
    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        serving.start()
        while serving.is_alive():
            serving.join(0.2)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
