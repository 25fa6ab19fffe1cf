"""Others who use the same database at the same time: what they do between two statements of somebody else."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from suanwang.domain.job import JobState
from suanwang.domain.reason import Reason
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.service.submit import cancel
from suanwang.service.tenants import pay_in
from suanwang.service.tick import tick
from tests.simulation.crash.walk import jobs_of
from tests.simulation.crash.world import Wish, open_hub
from tests.small_grid import cny

Wishes = Mapping[str, Wish]


class NothingToDo(Exception):
    """The rival would do nothing at this point, so nothing can be learned here."""


def tenant_cancels(folder: Path) -> None:
    """The job that would wait until its hold expires. Raises NothingToDo when it is not there, or was ended."""
    hub = open_hub(folder)
    waiting = [job for job in jobs_of(hub) if job.key == "expires" and job.state is JobState.HELD]
    if not waiting or not cancel(hub, waiting[0].id).cancel_requested:
        raise NothingToDo
    hub.store.close()


def tenant_pays(folder: Path) -> None:
    """A coin, too little to run anything."""
    hub = open_hub(folder)
    pay_in(hub, "poor", cny("0.01"), "rival")
    hub.store.close()


def hub_ticks(folder: Path) -> None:
    hub = open_hub(folder)
    tick(hub, FirstComeFirstServed())
    hub.store.close()


def _cancelled(wanted: Wishes) -> Wishes:
    return {**wanted, "expires": replace(wanted["expires"], reason=Reason.CANCELLED_BY_TENANT)}


RIVALS: Mapping[Callable[[Path], None], Callable[[Wishes], Wishes]] = {
    tenant_cancels: _cancelled,
    tenant_pays: dict,
    hub_ticks: dict,
}
"""What each does -> what must become of the jobs then."""
