"""The OpenAPI document is true: it is valid, covers every route, and real answers keep the schemas it gives."""

import json
import re
from typing import Any

from fastapi.routing import APIRoute
from jsonschema import Draft202012Validator

from suanwang.domain.identity import Permission
from suanwang.interfaces.api.app import ROUTERS
from tests.hub_world import HubWorld


def document(hub: HubWorld) -> dict[str, Any]:
    made: dict[str, Any] = hub.client().get("/v1/openapi.json").json()
    return made


def operations(made: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(verb, path): found for path, verbs in made["paths"].items() for verb, found in verbs.items()}


def check(made: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    Draft202012Validator({**schema, "components": made["components"]}).validate(value)


def test_every_route_of_v1_is_described_with_its_permission(hub: HubWorld) -> None:
    made = document(hub)
    served = {
        (verb.lower(), route.path)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for verb in route.methods or ()
        if route.path.startswith("/v1/")
    }
    described = operations(made)
    assert served == {key for key in described if key[1].startswith("/v1/")}
    permissions = {"", *(p.value for p in Permission)}
    assert {found["x-permission"] for (_, path), found in described.items() if path.startswith("/v1/")} <= permissions


def test_every_schema_is_one(hub: HubWorld) -> None:
    made = document(hub)
    for schema in made["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert "Job" in made["components"]["schemas"]
    known = {f"#/components/schemas/{name}" for name in made["components"]["schemas"]}
    assert set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(made))) <= known


def test_answers_keep_their_schemas(hub: HubWorld) -> None:
    made = document(hub)
    member, operator = hub.client("member"), hub.client("grid-operator")
    job = member.post("/v1/jobs", json=hub.workload()).json()
    asked = [
        (member, "post", "/v1/quotes", "/v1/quotes", hub.workload()),
        (member, "post", "/v1/workloads/check", "/v1/workloads/check", hub.workload()),
        (member, "get", "/v1/jobs", "/v1/jobs?newest=true&state=submitted", None),
        (member, "get", "/v1/jobs/{job_id}", f"/v1/jobs/{job['id']}", None),
        (member, "get", "/v1/jobs/{job_id}/events", f"/v1/jobs/{job['id']}/events", None),
        (member, "post", "/v1/jobs/{job_id}/cancel", f"/v1/jobs/{job['id']}/cancel", None),
        (member, "get", "/v1/sites", "/v1/sites", None),
        (member, "get", "/v1/sites/{site_id}", "/v1/sites/here", None),
        (member, "get", "/v1/prices", "/v1/prices?hours=3", None),
        (member, "get", "/v1/now", "/v1/now", None),
        (member, "get", "/v1/me", "/v1/me", None),
        (member, "get", "/v1/catalog", "/v1/catalog", None),
        (member, "get", "/v1/catalog/{table}", "/v1/catalog/tariffs", None),
        (operator, "get", "/v1/tenants", "/v1/tenants", None),
        (operator, "get", "/v1/tenants/{tenant_id}/balance", "/v1/tenants/me/balance", None),
        (operator, "get", "/v1/ledger/check", "/v1/ledger/check", None),
        (operator, "get", "/v1/ledger/transfers", "/v1/ledger/transfers", None),
        (operator, "get", "/v1/users", "/v1/users?limit=2", None),
        (operator, "get", "/v1/users/{user_id}/tokens", "/v1/users/member/tokens", None),
        (operator, "get", "/v1/audit", "/v1/audit", None),
    ]
    for client, verb, path, address, body in asked:
        answer = client.request(verb, address, json=body)
        assert answer.is_success, (address, answer.text)
        described = made["paths"][path][verb]["responses"][str(answer.status_code)]
        check(made, described["content"]["application/json"]["schema"], answer.json())
