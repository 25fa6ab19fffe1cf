"""The application of a hub: routes, errors, request ids. Everything it does, a service does."""

from fastapi import FastAPI

from suanwang import __version__
from suanwang.bootstrap import House
from suanwang.interfaces.api import health, jobs
from suanwang.interfaces.serving.caller import Known
from suanwang.interfaces.serving.passage import Passage
from suanwang.interfaces.serving.refusals import add_refusals
from suanwang.interfaces.web import sessions

ROUTERS = (health.router, jobs.router, sessions.router)
"""Every router of the hub. One that is added here is served, documented and fuzzed."""


def create_app(house: House) -> FastAPI:
    """The ASGI application of a composed hub. It does not tick: see `ticker.py`."""
    app = FastAPI(
        title="suanwang",
        version=__version__,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    app.state.house = house
    app.state.known = Known()
    add_refusals(app)
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(Passage)
    return app
