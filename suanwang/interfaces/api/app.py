"""The application of a hub: routes, errors, request ids. Everything it does, a service does."""

from typing import Any

from fastapi import FastAPI

from suanwang import __version__
from suanwang.bootstrap import House
from suanwang.interfaces.api import (
    agent_routes,
    books,
    bundles,
    catalog,
    dockets,
    health,
    identity,
    jobs,
    metrics,
    months,
    periods,
    sites,
    streams,
    webhooks,
    workloads,
)
from suanwang.interfaces.api.operations import describe
from suanwang.interfaces.serving.front import Front
from suanwang.interfaces.serving.limits import Shares
from suanwang.interfaces.serving.passage import Passage
from suanwang.interfaces.serving.refusals import add_refusals
from suanwang.interfaces.serving.served import Served
from suanwang.interfaces.web import sessions
from suanwang.interfaces.web.install import install

ROUTERS = (
    jobs.router,
    sites.router,
    workloads.router,
    health.router,
    metrics.router,
    streams.router,
    bundles.router,
    books.router,
    months.router,
    periods.router,
    catalog.router,
    identity.router,
    dockets.router,
    webhooks.router,
    agent_routes.router,
    sessions.router,
)
"""Every router of the hub, those that are asked most first: addresses are compared one after another. One that is added
here is served, documented and fuzzed."""


class HubApp(FastAPI):
    """FastAPI, with a description made of the nouns."""

    def openapi(self) -> dict[str, Any]:
        return describe(self)


def create_app(house: House, served: Served | None = None) -> FastAPI:
    """The ASGI application of a composed hub. `served`: where it counts what it answers."""
    app = HubApp(
        title="suanwang",
        version=__version__,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    app.state.front = front = Front(house=house, shares=Shares(house.settings.rate_limit), served=served or Served())
    add_refusals(app)
    for router in ROUTERS:
        app.include_router(router)
    install(app)
    app.add_middleware(Passage, in_flight_max=house.settings.in_flight_max, served=front.served)
    return app
