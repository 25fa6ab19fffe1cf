"""The SDK has the same verbs in process and over HTTP, with the same answers and the same refusals."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from suanwang.domain.job import JobState
from suanwang.domain.money import Money
from suanwang.domain.voucher import Voucher
from suanwang.errors import Conflict, InvalidInput, NotFound, NotNow, NotPermitted
from suanwang.schedule.policies import find_policy
from suanwang.sdk import Client
from suanwang.sdk.local import LocalDesk
from suanwang.sdk.remote import RemoteDesk
from suanwang.service.identity import change_user
from suanwang.service.tick import tick
from tests.hub_world import HubWorld

CLOSED = "http://127.0.0.1:9"


def ticking(hub: HubWorld) -> Callable[[float], None]:
    """Instead of waiting for the hub: a tick of it."""
    return lambda _seconds: (tick(hub.house.hub, find_policy("fcfs")), None)[1]


@pytest.fixture(params=["in process", "over HTTP"])
def client(request: pytest.FixtureRequest, hub: HubWorld) -> Iterator[Client]:
    """The owner's client: every role that the verbs below ask for."""
    if request.param == "in process":
        yield Client(LocalDesk(hub.house))
        return
    yield Client(RemoteDesk(hub.client("grid-operator"), "me", ticking(hub)))


def name(request: pytest.FixtureRequest) -> str:
    return f"{request.node.callspec.params['client']} {request.node.originalname}"


def moved(path: Path, folder: Path) -> str:
    """The file in a folder of its own: whatever lies beside a workload's file goes to its run."""
    return str(path.rename(folder / path.name))


def test_a_job_runs_from_its_file_to_its_bill(
    client: Client, hub: HubWorld, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    workload = client.read_workload(moved(hub.home.workload("print(6 * 7)", name="answer"), tmp_path))
    offer = client.quote(workload)
    assert offer.placement is not None
    assert offer.placement.option.pool_id == "toys"
    job = client.submit(workload, name(request))
    assert client.submit(workload, name(request)).id == job.id
    seen = []
    ended = client.wait(job.id, lambda j: seen.append(j.state))
    assert (ended.state, ended.outcome) == (JobState.SETTLED, JobState.SUCCEEDED)
    assert seen[-1] is JobState.SETTLED
    assert client.logs(job.id) == b"42\n"
    assert [e.after.value for e in client.events(job.id)][-2:] == ["succeeded", "settled"]
    assert [r.pool_id for r in client.usage(job.id)] == ["toys"]
    assert client.invoice(job.id).charged.unit == "CNY"
    line = next(j for j in client.jobs() if j.id == job.id)
    assert (line.name, line.pool_id, line.outcome) == ("answer", "toys", JobState.SUCCEEDED)


def test_the_books_of_a_month_are_the_same(hub: HubWorld, tmp_path: Path) -> None:
    """In process they are exact; over HTTP fractions have nine decimals, and the rest is equal."""
    near, far = Client(LocalDesk(hub.house)), Client(RemoteDesk(hub.client("grid-operator"), "me", ticking(hub)))
    workload = near.read_workload(moved(hub.home.workload("print(1)", name="books"), tmp_path))
    near.wait(near.submit(workload, "books").id)
    month = f"{near.now().astimezone(hub.house.hub.grid.zone):%Y-%m}"
    (mine,), (theirs,) = near.books.invoices("me", month), far.books.invoices("me", month)
    assert (theirs.id, theirs.charged, theirs.payable) == (mine.id, mine.charged, mine.payable)
    (ours,), (told,) = near.books.delivered("me", month).lines, far.books.delivered("me", month).lines
    assert (told.accelerator_id, told.delivered, told.charged) == (ours.accelerator_id, ours.delivered, ours.charged)
    statement = far.books.statement(month, site="here")
    assert statement.charged == near.books.statement(month, site="here").charged
    assert [(r.tenant, r.amount, r.category) for r in far.books.billed(month)] == [
        (r.tenant, r.amount, r.category) for r in near.books.billed(month)
    ]
    assert far.books.closed_months() == []
    with pytest.raises(Conflict, match="not over"):
        far.books.close_month(month)
    closed = far.books.close_month("2020-01")
    assert (closed.period.id, far.books.closed_months()) == ("2020-01", near.books.closed_months())
    assert far.books.statement(month, programme="half").charged == near.books.statement(month, programme="half").charged
    assert far.books.budgets() == near.books.budgets(tenant="me")
    assert tuple(far.books.budget_alerts()) == tuple(near.books.budget_alerts(tenant="me"))
    with pytest.raises(NotPermitted, match="own machine"):
        far.books.price_books()
    with pytest.raises(NotFound):
        far.books.invoices("nobody", month)


def test_money_and_vouchers(client: Client, request: pytest.FixtureRequest) -> None:
    before = client.balance("tenant:me:CNY").available
    for _ in range(2):
        client.deposit("me", Money.parse("12.5", "CNY"), name(request))
    assert client.balance("tenant:me:CNY").available == before + 12_500_000
    client.fund("half", Money.parse("100", client.currency("half")), name(request))
    assert client.currency() == "CNY"
    assert client.ledger_check().counts["sum_micro:CNY"] == 0
    assert [t.id for t in client.transfers(limit=2)] == [t.id for t in client.all_transfers()][:2]


def test_prices_and_zones(client: Client) -> None:
    assert str(client.zones()["here"]) == "Asia/Shanghai"
    table = client.prices(3)
    assert len(table.pools["toys"].total) == 3
    assert table.unit == "CNY/accelerator-hour"
    (pool, *_) = client.revenue("here", 3).pools
    assert pool.idle_hours + pool.promised_hours == pytest.approx(3 * pool.accelerators)
    with pytest.raises(NotFound):
        client.revenue("nowhere", 3)


def test_a_plan_of_several_and_what_a_new_one_would_move(client: Client, hub: HubWorld, tmp_path: Path) -> None:
    paths = [hub.home.workload("print(1)", name=name) for name in ("first", "second")]
    made = client.plan([client.read_workload(moved(path, tmp_path)) for path in paths], hours=24)
    assert [each.workload for each in made.planned] == ["first", "second"]
    assert {each.option.pool_id for each in made.placed} <= {"toys", "spares"}
    assert made.total == sum((each.option.total for each in made.placed), Money.zero("CNY"))
    assert made.bound.micro <= made.total.micro
    assert made.gap >= 0
    assert set(made.congestion.pools) == {"toys", "spares"}
    assert client.replan(make=True).moves == ()


def test_the_problems_of_all_workloads_of_a_plan_are_told_at_once(hub: HubWorld) -> None:
    good = hub.workload()
    bad = {**good, "workload": {**good["workload"], "kind": "bathc"}}
    late = {**good, "workload": {**good["workload"], "deadline": "2001-01-01T00:00Z"}}
    answer = hub.client("member").post("/v1/plans", json={"workloads": [bad, good, late]})
    assert answer.status_code == 422
    places = [problem["place"] for problem in answer.json()["error"]["problems"]]
    assert places == ["body workloads[0]:1 workload.kind", "body workloads[2]:1 workload.deadline"]


def test_refusals_are_the_same(client: Client, hub: HubWorld, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    workload = client.read_workload(moved(hub.home.workload("print(1)", name="waits"), tmp_path))
    job = client.submit(workload, name(request))
    other = client.read_workload(moved(hub.home.workload("print(2)", name="waits"), tmp_path))
    with pytest.raises(Conflict) as conflict:
        client.submit(other, name(request))
    assert conflict.value.code == "idempotency-conflict"
    with pytest.raises(NotNow) as early:
        client.logs(job.id)
    assert early.value.code == "not-started"
    with pytest.raises(NotNow) as unsettled:
        client.invoice(job.id)
    assert unsettled.value.code == "not-settled"
    with pytest.raises(NotFound):
        client.job("j0")
    with pytest.raises(NotFound):
        client.currency("none")
    assert client.cancel(job.id).cancel_requested
    client.proceed()


def test_problems_of_a_file_are_named_with_its_lines(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("apiVersion: suanwang/v1\nkind: Workload\nworkload:\n  name: x\n  kind: batch\n  what: 1\n")
    with pytest.raises(InvalidInput) as refused:
        client.read_workload(str(path))
    assert {p.place.split(" ")[0] for p in refused.value.problems} >= {f"{path}:6"}


def test_a_hub_elsewhere_ticks_by_itself(hub: HubWorld) -> None:
    client = Client(RemoteDesk(hub.client("member")))
    with pytest.raises(NotPermitted, match="own machine"):
        client.tick()
    with pytest.raises(NotPermitted, match="own machine"):
        _ = client.house


def test_a_voucher_is_issued_by_its_maker_and_seen_by_its_tenant(hub: HubWorld) -> None:
    now = hub.house.hub.clock.now()
    voucher = Voucher(
        id="v-1",
        programme_id="half",
        tenant="me",
        face=Money.parse("50", "CNY"),
        issued=now,
        expires=now + timedelta(days=9),
    )
    maker = Client(RemoteDesk(hub.client("maker")))
    maker.issue(voucher)
    maker.issue(voucher)
    [(seen, left)] = Client(RemoteDesk(hub.client("billing"), "me")).vouchers()
    assert (seen.id, str(left)) == ("v-1", "50.00 VCH:half")


def test_nobody_answers(tmp_path: Path) -> None:
    environment = {"SUANWANG_HUB": CLOSED, "SUANWANG_TOKEN": "x", "SUANWANG_HOME": str(tmp_path)}
    with Client.open(environment=environment) as client, pytest.raises(NotNow) as refused:
        client.now()
    assert refused.value.code == "hub-unreachable"


@pytest.mark.parametrize(
    ("environment", "places"),
    [
        ({"SUANWANG_HUB": "hub"}, ["SUANWANG_HUB", "SUANWANG_TOKEN"]),
        ({"SUANWANG_HUB": "http://", "SUANWANG_TOKEN": "中"}, ["SUANWANG_HUB", "SUANWANG_TOKEN"]),
        ({"SUANWANG_HUB": "http://a", "SUANWANG_TOKEN": "x"}, ["--grid"]),
    ],
)
def test_what_is_no_hub_is_told(environment: dict[str, str], places: list[str]) -> None:
    grid = "grid.yaml" if places == ["--grid"] else ""
    with pytest.raises(InvalidInput) as refused, Client.open(grid, environment):
        pass
    assert [p.place for p in refused.value.problems] == places


def test_a_locked_user_is_not_known(hub: HubWorld) -> None:
    with hub.house.store.reading() as tx:
        user = tx.identity.user("checker")
    assert hub.client("checker").get("/v1/me").status_code == 200
    answer = hub.client("grid-operator").patch("/v1/users/checker", json={"active": False})
    assert answer.status_code == 200
    assert hub.client("checker").get("/v1/me").status_code == 401
    change_user(hub.house.store, hub.house.hub.grid, user)
