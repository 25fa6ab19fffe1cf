"""The walk: what the clients and the hub do, from the first deposit until every job is settled.

It is written to be begun anew after a crash: the clients repeat every call with the same keys, as a client that had no
answer would, and the hub goes on with what is in the database.
"""

from collections.abc import Mapping
from time import perf_counter

from suanwang.domain.job import Job, JobState
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.service.hub import Hub
from suanwang.service.submit import cancel, submit
from suanwang.service.tenants import check_ledger, issue_voucher, open_accounts, pay_fund, pay_in
from suanwang.service.tick import tick
from tests.simulation.crash.world import Wish, voucher
from tests.small_grid import cny

TURNS_MAX = 200
PAID_IN = cny("1000")
FUNDED = cny("500")


class Stuck(Exception):
    """The walk did not come to its end: a job is lost."""


def walk(hub: Hub, wanted: Mapping[str, Wish]) -> float:
    """Clients first, then ticks until all is settled. Returns how many seconds of that were pauses."""
    clients(hub, wanted)
    paused = turns(hub, wanted)
    check_ledger(hub)
    return paused


def clients(hub: Hub, wanted: Mapping[str, Wish]) -> None:
    """Bring in money and vouchers and order every workload; a repeat changes nothing."""
    open_accounts(hub)
    pay_in(hub, "me", PAID_IN, "first")
    pay_fund(hub, "help", FUNDED, "first")
    issue_voucher(hub, voucher())
    for key, wish in wanted.items():
        submit(hub, wish.workload, key)


def turns(hub: Hub, wanted: Mapping[str, Wish]) -> float:
    """Tick until every job is settled, and cancel what is to be cancelled. Returns seconds paused. Raises Stuck."""
    paused = 0.0
    for _ in range(TURNS_MAX):
        idle = tick(hub, FirstComeFirstServed()).idle
        jobs = jobs_of(hub)
        for job in jobs:
            if job.state is wanted[job.key].cancel_in and not job.cancel_requested:
                cancel(hub, job.id)
                idle = False
        if all(job.state is JobState.SETTLED for job in jobs):
            return paused
        if idle:
            before = perf_counter()
            hub.clock.sleep(1)
            paused += perf_counter() - before
    raise Stuck(", ".join(f"{j.key} is {j.state}" for j in jobs if j.state is not JobState.SETTLED))


def jobs_of(hub: Hub) -> list[Job]:
    with hub.store.transaction() as tx:
        return tx.jobs.find()
