"""What one process of a hub keeps while it serves: the composed house, whom it knows, what it takes and counts."""

import threading
from dataclasses import dataclass, field

from fastapi import FastAPI, Request

from suanwang.bootstrap import House
from suanwang.interfaces.serving.known import Known
from suanwang.interfaces.serving.limits import Shares
from suanwang.interfaces.serving.served import Served


@dataclass(slots=True, kw_only=True)
class Front:
    """`closing` is set when the process is told to end."""

    house: House
    shares: Shares
    known: Known = field(default_factory=Known)
    served: Served = field(default_factory=Served)
    closing: threading.Event = field(default_factory=threading.Event)


def front_of(request: Request) -> Front:
    """The front of the process that answers a request."""
    return front_of_app(request.app)


def front_of_app(app: FastAPI) -> Front:
    """The front of an application."""
    front = app.state.front
    assert isinstance(front, Front)
    return front
