"""One cell of the isolation matrix: an operation, a caller, an object; what is asked, and what comes back."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from suanwang.domain.case import Case, Cost
from suanwang.domain.docket import Role as Side
from suanwang.domain.identity import Role, User, UserKind
from suanwang.domain.money import Money
from suanwang.schemas.json_file import read_json
from suanwang.schemas.workload import read_workload_document
from suanwang.service.identity import add_project, make_token
from suanwang.service.office import Signature, apply, set_budget
from suanwang.service.submit import submit
from suanwang.service.webhooks import add_webhook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from httpx import Response as Answer

    from tests.hub_world import HubWorld

CALLERS = (
    "anonymous",
    "expired",
    "member",
    "admin",
    "billing",
    "stranger",
    "site-operator",
    "auditor",
    "grid-operator",
)
OBJECTS = ("own", "other", "missing")
MARKS = {"me": "okapi", "poor": "zebra"}
"""A word that is in everything of a tenant, so that a leak of it shows in any answer."""
SITES = {"me": "here", "poor": "there"}
POOLS = {"me": "toys", "poor": "spares"}
MISSING = {"tenant_id": "nobody", "site_id": "nowhere", "pool_id": "no-pool", "programme_id": "none"}
MONTHLY = (
    *(f"tenants/{{tenant_id}}/{what}" for what in ("charges.csv", "documents", "delivered")),
    "charges",
    "sites/{site_id}/statement",
    "programmes/{programme_id}/statement",
)
QUERIES = {f"/v1/{path}": {"month": "2026-01"} for path in MONTHLY}
"""What an operation must be asked with beside its path."""
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Cell:
    """`which` is one of OBJECTS, or "" for an operation without an object."""

    verb: str
    path: str
    caller: str
    which: str

    @property
    def parameter(self) -> str:
        return self.path.partition("{")[2].partition("}")[0]


def tenant_of(cell: Cell) -> str:
    """Whose object is asked for: that of the caller's tenant, or of the other one."""
    ours = "poor" if cell.caller == "stranger" else "me"
    theirs = "me" if ours == "poor" else "poor"
    return theirs if cell.which == "other" else ours


def ask(hub: HubWorld, cell: Cell) -> Answer:
    """Make the object anew, and ask."""
    caller = "" if cell.caller == "anonymous" else cell.caller
    path, target = cell.path, ""
    if cell.parameter:
        tenant = tenant_of(cell)
        target = missing(cell.parameter) if cell.which == "missing" else make(hub, cell.parameter, tenant)
        path = path.replace(f"{{{cell.parameter}}}", target)
    path = path.replace("{row}", "toy")
    number = next(_numbers)
    client = hub.client(caller)
    body = body_of(hub, cell, number)
    if path.endswith("/stream"):  # it does not end by itself
        hub.app.state.front.closing.set()
    answer: Answer = client.request(
        cell.verb.upper(),
        path,
        params=QUERIES.get(cell.path),
        json=body,
        headers={"Idempotency-Key": f"k{number}"},
    )
    hub.app.state.front.closing.clear()
    return answer


def missing(parameter: str) -> str:
    return MISSING.get(parameter, "j0" if parameter == "job_id" else "nothing")


def body_of(hub: HubWorld, cell: Cell, number: int) -> Any:
    """A body that is right for the operation."""
    tenant = "poor" if cell.caller == "stranger" else "me"
    bodies: Mapping[str, Any] = {
        "post /v1/jobs": hub.workload(name=MARKS[tenant], tenant=tenant),
        "post /v1/quotes": hub.workload(name=MARKS[tenant], tenant=tenant),
        "post /v1/plans": {"workloads": [hub.workload(name=MARKS[tenant], tenant=tenant)], "hours": 24},
        "post /v1/replans": {"make": True},
        "post /v1/workloads/check": hub.workload(name=MARKS[tenant], tenant=tenant),
        "post /v1/tenants/{tenant_id}/deposits": {"amount": "1 CNY"},
        "post /v1/programmes/{programme_id}/funds": {"amount": "1 CNY"},
        "post /v1/periods": {"month": "2020-01"},
        "post /v1/vouchers": {
            "id": f"v{number}",
            "programme": "half",
            "tenant": "me",
            "face": "1 CNY",
            "expires": "2099-01-01T00:00Z",
        },
        "put /v1/sites/{site_id}/drained": {"drained": False},
        "put /v1/pools/{pool_id}/drained": {"drained": False},
        "post /v1/users": {"id": f"u{number}", "roles": ["member"], "organisation": tenant},
        "patch /v1/users/{user_id}": {"name": f"n{number}"},
        "post /v1/users/{user_id}/tokens": {"name": "t"},
        "post /v1/me/tokens": {"name": "t", "days": 0.01},
        "post /v1/projects": {"id": f"p{number}", "organisation": tenant},
        "post /v1/dockets/{docket_id}/steps": {"after": "withdrawn"},
        "post /v1/webhooks": {"url": "http://127.0.0.1:9/hook"},
    }
    return bodies.get(f"{cell.verb} {cell.path}")


def make(hub: HubWorld, parameter: str, tenant: str) -> str:
    """A new object of a tenant; its id."""
    match parameter:
        case "job_id":
            return _job(hub, tenant)
        case "tenant_id":
            return tenant
        case "site_id":
            return SITES[tenant]
        case "pool_id":
            return POOLS[tenant]
        case "user_id":
            return _user(hub, tenant).id
        case "token_id":
            return _token(hub, tenant)
        case "docket_id":
            return make_docket(hub, tenant)
        case "webhook_id":
            house = hub.house
            return add_webhook(house.store, house.hub.clock, tenant, f"http://127.0.0.1:9/{MARKS[tenant]}").id
        case "programme_id":
            return "half"
        case "table":
            return "accelerators"
    raise KeyError(f"the matrix cannot make a {parameter}")


def furnish(hub: HubWorld) -> None:
    """Something of everything for both tenants, so that a list has something to leak."""
    set_budget(hub.house.hub, "half", Money.parse("1000000", "CNY"), "furnish")
    for tenant, mark in MARKS.items():
        add_project(hub.house.store, hub.house.hub.grid, hub.house.hub.clock, tenant, f"{mark}-project", "")
        _job(hub, tenant)
        _token(hub, tenant)


def make_docket(hub: HubWorld, tenant: str, amount: str = "300") -> str:
    """An application of a tenant for a voucher, submitted."""
    house, docket_id = hub.house, f"d{next(_numbers)}"
    cost = Cost(line="rent", amount=Money.parse(amount, "CNY"))
    case = Case(id="", at=house.hub.clock.now(), facts={"mark": MARKS[tenant]}, costs=(cost,))
    apply(house.hub, "half", case, tenant, docket_id, Signature(actor=f"of {tenant}", role=Side.TENANT))
    return docket_id


def _job(hub: HubWorld, tenant: str) -> str:
    house, number = hub.house, next(_numbers)
    document = read_json(json.dumps(hub.workload(name=MARKS[tenant])), "body")
    workload = read_workload_document(document, house.catalog, house.hub.clock.now(), tenant, house.hub.grid)
    return submit(house.hub, replace(workload, tenant=tenant), f"made{number}").id


def _user(hub: HubWorld, tenant: str) -> User:
    user = User(
        id=f"person{next(_numbers)}",
        kind=UserKind.PERSON,
        name=MARKS[tenant],
        roles=frozenset({Role.MEMBER}),
        organisation=tenant,
        created=hub.house.hub.clock.now(),
    )
    with hub.house.store.transaction() as tx:
        tx.identity.add_user(user)
    return user


def _token(hub: HubWorld, tenant: str) -> str:
    user, now = _user(hub, tenant), hub.house.hub.clock.now()
    with hub.house.store.transaction() as tx:
        return make_token(tx.identity, user, MARKS[tenant], now, timedelta(days=1)).token.id
