"""The exchange itself: versions, epochs, who speaks for a site, and reports that are not to be believed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from suanwang.adapters.clock import ManualClock
from suanwang.domain.order import Observation, Order, OrderState
from suanwang.errors import Conflict, Never, NotFound, NotNow
from suanwang.schemas.sync import PROTOCOL, Hello, Report, SyncRequest
from suanwang.service.exchange import exchange
from suanwang.service.hub import Hub
from tests.live_hub import house_of
from tests.small_grid import MONDAY, grid, pool, site

ORDER = Order(
    id="j.1", job_id="j", attempt=1, fence=1, pool_id="p", queue="", accelerators=1, command=("x",), time_limit_s=60.0
)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    plan = grid([site("east")], [pool("p", "east", engine="agent")])
    house, store = house_of(tmp_path, plan, ManualClock(MONDAY))
    yield house.hub
    store.close()


def hello(who: str = "one", session: str = "s", **changes: object) -> SyncRequest:
    take_over = bool(changes.pop("take_over", False))
    greeting = Hello(agent_id=who, session=session, engine="local", take_over=take_over)
    return SyncRequest(protocol=PROTOCOL, site="east", sent=MONDAY, hello=greeting).model_copy(update=changes)


def message(epoch: int, number: int, *reports: Report, seen: bool = True) -> SyncRequest:
    when = MONDAY if seen else None
    return SyncRequest(
        protocol=PROTOCOL, site="east", epoch=epoch, number=number, sent=MONDAY, seen=when, reports=reports
    )


def report(state: OrderState, fence: int = 1) -> Report:
    return Report(fence=fence, observation=Observation(order_id=ORDER.id, state=state, started=MONDAY))


@pytest.mark.parametrize("theirs", [PROTOCOL - 1, PROTOCOL, PROTOCOL + 1])
def test_one_version_apart_is_understood_and_what_is_not_known_left_out(hub: Hub, theirs: int) -> None:
    text = hello(protocol=theirs).model_dump_json()
    newer = SyncRequest.model_validate_json(text[:-1] + ', "of_a_later_version": {"x": 1}}')
    assert exchange(hub, "east", newer).epoch == 1


@pytest.mark.parametrize("theirs", [PROTOCOL - 2, PROTOCOL + 2])
def test_two_versions_apart_is_refused_by_name(hub: Hub, theirs: int) -> None:
    with pytest.raises(Never, match=f"version {theirs} of the exchange, this program version {PROTOCOL}") as refused:
        exchange(hub, "east", hello(protocol=theirs))
    assert refused.value.code == "protocol-mismatch"


def test_a_repeated_hello_is_the_same_epoch_and_a_new_process_the_next(hub: Hub) -> None:
    assert [exchange(hub, "east", hello(session=s)).epoch for s in ("s", "s", "t")] == [1, 1, 2]


def test_what_comes_from_an_earlier_epoch_is_refused(hub: Hub) -> None:
    for session in ("s", "t"):
        exchange(hub, "east", hello(session=session))
    with pytest.raises(Conflict) as old:
        exchange(hub, "east", message(1, 1))
    assert old.value.code == "fenced"


def test_a_second_agent_is_refused_unless_it_takes_over_or_the_first_is_silent(hub: Hub) -> None:
    exchange(hub, "east", hello())
    with pytest.raises(Conflict) as second:
        exchange(hub, "east", hello("two"))
    assert second.value.code == "site-has-agent"
    assert exchange(hub, "east", hello("two", take_over=True)).epoch == 2
    hub.clock.sleep(timedelta(minutes=2).total_seconds())
    assert exchange(hub, "east", hello("three")).epoch == 3


def test_a_token_of_another_site_is_refused(hub: Hub) -> None:
    with pytest.raises(Conflict) as other:
        exchange(hub, "east", hello(site="west"))
    assert other.value.code == "wrong-site"
    with pytest.raises(NotFound):
        exchange(hub, "nowhere", hello())


def test_each_number_is_applied_once_and_an_old_one_never(hub: Hub) -> None:
    exchange(hub, "east", hello())
    hub.engine("p").submit(ORDER)
    exchange(hub, "east", message(1, 2, report(OrderState.RUNNING)))
    reply = exchange(hub, "east", message(1, 1, report(OrderState.PENDING)))
    assert reply.number == 2
    assert hub.engine("p").observe([ORDER.id])[0].state is OrderState.RUNNING


def test_a_report_under_an_old_fence_or_of_a_stranger_is_not_believed(hub: Hub) -> None:
    exchange(hub, "east", hello())
    hub.engine("p").submit(replace(ORDER, fence=2))
    reply = exchange(hub, "east", message(1, 1, report(OrderState.RUNNING)))
    assert reply.unknown == (ORDER.id,)
    assert hub.engine("p").observe([ORDER.id])[0].state is OrderState.PENDING


def test_a_silent_agent_and_a_silent_engine_are_unreachable(hub: Hub) -> None:
    with pytest.raises(NotNow, match="never heard"):
        hub.engine("p").capacity("p")
    exchange(hub, "east", hello())
    exchange(hub, "east", message(1, 1, seen=False))
    with pytest.raises(NotNow, match="not asked yet"):
        hub.engine("p").capacity("p")
    hub.clock.sleep(61)
    with pytest.raises(NotNow, match="silent for 61 s"):
        hub.engine("p").capacity("p")
