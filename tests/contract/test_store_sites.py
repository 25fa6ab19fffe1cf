"""The contract of the port `Sites`, run on every store."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from suanwang.domain.agent import Inquiry, SiteAgent, SiteOrder
from suanwang.domain.order import Ability, Capacity, EndCause, Observation, Order, OrderState
from suanwang.errors import Never, msg
from suanwang.ports import Store

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def order(number: int, job: str = "j1", attempt: int = 1, **changes: Any) -> SiteOrder:
    wanted = Order(
        id=f"o{number}",
        job_id=job,
        attempt=attempt,
        fence=attempt,
        pool_id="p",
        queue="",
        accelerators=1,
        command=("x", "\u7b97"),
        time_limit_s=60.0,
    )
    made = SiteOrder(id=wanted.id, site_id="east", number=number, order=wanted)
    return replace(made, **changes)


def test_a_site_without_an_agent_has_one_of_epoch_nought(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.sites.agent("east") == SiteAgent(site_id="east")
        assert tx.sites.agents() == []


def test_what_is_kept_of_an_agent_is_read_again(store: Store) -> None:
    agent = SiteAgent(
        site_id="east",
        agent_id="a",
        epoch=3,
        number=7,
        contact=NOW,
        seen=NOW,
        capacities=(Capacity(pool_id="p", accelerators=8, free=3, drained=True),),
        lacks={Ability.ENERGY: msg("No sensor at {site}.", site="east")},
        policy={"cap": "p=4"},
    )
    with store.transaction() as tx:
        tx.sites.keep(SiteAgent(site_id="east"))
        tx.sites.keep(agent)
        tx.sites.keep(SiteAgent(site_id="west"))
    with store.transaction() as tx:
        assert tx.sites.agent("east") == agent
        assert [a.site_id for a in tx.sites.agents()] == ["east", "west"]
    assert agent.capacity("p") == agent.capacities[0]
    assert agent.capacity("q") is None


def test_wishes_are_those_not_done_and_not_heard_by_number(store: Store) -> None:
    ended = Observation(order_id="o3", state=OrderState.ENDED, ended=NOW, cause=EndCause.EXITED, exit_code=0)
    with store.transaction() as tx:
        for number in (4, 2, 1):
            tx.sites.put(order(number))
        tx.sites.put(order(3, report=ended, done=True))
        tx.sites.put(order(5, site_id="west"))
    with store.transaction() as tx:
        assert [w.number for w in tx.sites.wishes("east", 0)] == [1, 2, 4]
        assert [w.number for w in tx.sites.wishes("east", 1, 1)] == [2]
        assert tx.sites.orders(["o3", "nobody", "o1"]) == {
            "o1": order(1),
            "o3": order(3, report=ended, done=True),
        }
        tx.sites.put(replace(order(1), number=6, cancelled=True))
        assert [(w.id, w.cancelled) for w in tx.sites.wishes("east", 4)] == [("o1", True)]


def test_two_wishes_of_a_site_never_share_a_number(store: Store) -> None:
    with store.transaction() as tx:
        tx.sites.put(order(1))
        with pytest.raises(Never):
            tx.sites.put(replace(order(2), number=1))
        assert list(tx.sites.orders(["o1", "o2"])) == ["o1"]


def test_submitted_orders_of_a_job(store: Store) -> None:
    with store.transaction() as tx:
        tx.sites.put(order(2, attempt=2))
        tx.sites.put(order(1))
        tx.sites.put(order(3, job="j2"))
        tx.sites.put(order(4, order=None, cancelled=True, done=True))
        assert [o.id for o in tx.sites.of_job("j1")] == ["o1", "o2"]


def test_an_inquiry_is_asked_answered_and_forgotten(store: Store) -> None:
    asked = Inquiry(id="i", site_id="east", order_id="o1", offset=3)
    with store.transaction() as tx:
        tx.sites.inquire(asked)
        tx.sites.inquire(Inquiry(id="k", site_id="west", order_id="o2"))
        assert tx.sites.inquiries("east") == [asked]
        tx.sites.inquire(replace(asked, answer=b"\xff\x00log"))
    with store.transaction() as tx:
        assert tx.sites.inquiries("east") == []
        found = tx.sites.inquiry("i")
        assert found is not None
        assert found.answer == b"\xff\x00log"
        tx.sites.forget("i")
        tx.sites.forget("i")
        assert tx.sites.inquiry("i") is None
        assert [i.id for i in tx.sites.inquiries("west")] == ["k"]
