"""Serving: the hub's application on a socket, with its ticker, until a signal ends both."""

import signal
import socket
import threading
from collections.abc import Callable

import uvicorn

from suanwang.adapters.calling import Caller
from suanwang.bootstrap import House
from suanwang.errors import InvalidInput, Problem, msg, why_not_read
from suanwang.interfaces.api.app import create_app
from suanwang.interfaces.serving.front import Front, front_of_app
from suanwang.schedule.scheme import find_scheme
from suanwang.service.ticking import Courier, Ticker

BACKLOG = 2048
KEEP_ALIVE_S = 75
"""How long a connection may be quiet between two requests: people read in between."""
GRACE_S = 20
"""How long open requests may take after the signal to end."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any that is free. Raises InvalidInput when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        why = why_not_read(error) if isinstance(error, OSError) else msg("{error}", error=error)
        what = msg("The hub cannot listen on {host} port {port}: {why}.", host=host, port=port, why=why)
        raise InvalidInput([Problem("--port", what, msg("Choose another address with --host and --port."))]) from error
    return listener


def serve(house: House, listener: socket.socket, on_ready: Callable[[], None], *, ticking: bool = True) -> None:
    """Serve until SIGINT or SIGTERM. Open requests are answered, the tick that runs is ended, the lease given back."""
    ticker = Ticker(house.hub, house.store, find_scheme(house.hub.grid.policy).policy)
    app = create_app(house, ticker if ticking else None)
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
    if ticking:
        ticker.start()
        courier.start()
    try:
        on_ready()
        _until_signalled(uvicorn.Server(config), listener, front_of_app(app))
    finally:
        if ticking:
            courier.stop()
            ticker.stop()
        caller.close()


def _until_signalled(server: uvicorn.Server, listener: socket.socket, front: Front) -> None:
    """Run the server beside this thread, which waits for SIGINT or SIGTERM; a second one does not wait for requests."""

    def end(_number: int, _frame: object) -> None:
        server.force_exit = server.should_exit
        server.should_exit = True
        front.closing.set()

    serving = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="serve")
    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        serving.start()
        while serving.is_alive():
            serving.join(0.2)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
