"""What every request passes: authentication, the one error shape, ids, bounds, languages."""

import pytest

from suanwang.interfaces.serving.passage import BODY_BYTES_MAX
from tests.hub_world import HubWorld


@pytest.mark.parametrize("secret", ["", "sw", "sw_", "sw_1_2", "sw_0000000000000000_x", "Bearer", "\x00"])
def test_a_request_without_a_valid_token_is_told_so(hub: HubWorld, secret: str) -> None:
    answer = hub.client().get("/v1/jobs", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"]["code"] == "not-authenticated"


def test_a_token_that_has_expired_or_has_another_key_is_not_valid(hub: HubWorld) -> None:
    assert hub.client("expired").get("/v1/jobs").status_code == 401
    wrong = hub.secrets["member"][:-1] + "~"
    assert hub.client().get("/v1/jobs", headers={"Authorization": f"Bearer {wrong}"}).status_code == 401
    assert hub.client("member").get("/v1/jobs").status_code == 200


def test_a_refusal_has_one_shape_in_the_readers_language(hub: HubWorld) -> None:
    answer = hub.client().get("/v1/jobs", headers={"Accept-Language": "zh-CN,zh;q=0.9", "X-Request-Id": "abc-1"})
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "remedy", "request_id"}
    assert error["request_id"] == answer.headers["x-request-id"] == "abc-1"
    assert "令牌" in error["message"]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/none", 404), ("DELETE", "/v1/jobs", 405)])
def test_an_unknown_address_is_refused_in_the_same_shape(hub: HubWorld, method: str, path: str, status: int) -> None:
    answer = hub.client("member").request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, "no-such-route")


def test_problems_of_parameters_are_listed_with_their_place(hub: HubWorld) -> None:
    answer = hub.client("member").get("/v1/jobs?limit=0&after=" + "x" * 200)
    assert answer.status_code == 422
    assert {p["place"] for p in answer.json()["error"]["problems"]} == {"query.limit", "query.after"}


def test_a_body_that_is_too_large_is_refused(hub: HubWorld) -> None:
    answer = hub.client().post("/login", data={"token": "x" * (BODY_BYTES_MAX + 1)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too-large")


def test_health_needs_no_token(hub: HubWorld) -> None:
    assert hub.client().get("/healthz").json() == {"status": "ok"}
    assert hub.client().get("/readyz").json() == {"status": "ok"}
