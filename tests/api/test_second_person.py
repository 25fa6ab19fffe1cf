"""Above the limit of a programme two persons decide on a voucher: its maker neither issues nor checks it alone."""

import pytest

from suanwang.domain.money import Money
from suanwang.service.office import set_budget
from tests.api.cells import make_docket
from tests.hub_world import HubWorld


def voucher(amount: str, number: int) -> dict[str, str]:
    return {
        "id": f"v{number}",
        "programme": "half",
        "tenant": "me",
        "face": f"{amount} CNY",
        "expires": "2099-01-01T00:00Z",
    }


def step(hub: HubWorld, caller: str, docket: str, after: str) -> tuple[int, str]:
    answer = hub.client(caller).post(f"/v1/dockets/{docket}/steps", json={"after": after, "reason": "seen"})
    return answer.status_code, answer.json().get("state") or answer.json()["error"]["code"]


def test_one_person_issues_up_to_the_limit_and_no_more(hub: HubWorld) -> None:
    maker = hub.client("maker")
    assert maker.post("/v1/vouchers", json=voucher("100", 1)).status_code == 201
    refused = maker.post("/v1/vouchers", json=voucher("100.01", 2))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "second-person")


def test_maker_and_checker_sign_one_after_the_other(hub: HubWorld) -> None:
    set_budget(hub.house.hub, "half", Money.parse("1000", "CNY"), "budget")
    docket = make_docket(hub, "me")
    assert step(hub, "checker", docket, "pre_check")[0] == 403
    assert step(hub, "maker", docket, "pre_check") == (200, "pre_check")
    assert step(hub, "maker", docket, "review") == (200, "review")
    assert step(hub, "maker", docket, "publicity")[0] == 403
    assert step(hub, "checker", docket, "publicity") == (200, "publicity")
    assert step(hub, "maker", docket, "approved")[0] == 403
    assert step(hub, "checker", docket, "approved") == (200, "approved")
    shown = hub.client("billing").get(f"/v1/dockets/{docket}").json()
    assert [(s["after"], s["actor"]) for s in shown["steps"]][2:] == [
        ("pre_check", "maker"),
        ("review", "maker"),
        ("publicity", "checker"),
        ("approved", "checker"),
    ]


@pytest.mark.parametrize("caller", ["grid-operator", "auditor"])
def test_who_sees_all_does_not_sign(hub: HubWorld, caller: str) -> None:
    assert step(hub, caller, make_docket(hub, "me"), "pre_check") == (403, "role-missing")
