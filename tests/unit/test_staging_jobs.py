"""Jobs whose data is brought and whose outputs are taken: the real local engine, and `suanwang data` as its program."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from suanwang.bootstrap import House, open_house
from suanwang.domain.job import Job, JobState
from suanwang.domain.order import Purpose
from suanwang.domain.reason import Reason
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.schemas.workload import read_workload
from suanwang.service.staging import TRIES
from suanwang.service.submit import cancel, submit
from suanwang.service.tick import tick
from tests.tiny_home import Home

TEXT = b"all the words\n"
SHA = hashlib.sha256(TEXT).hexdigest()
COUNT = (
    "import os, pathlib as p; e = os.environ; n = len((p.Path(e['SUANWANG_DATA_DIR']) / 'corpus').read_bytes());"
    " (p.Path(e['SUANWANG_OUTPUT_DIR']) / 'size').write_text(str(n))"
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def house(home: Home) -> Iterator[House]:
    with open_house(home.environment) as opened:
        yield opened


def order(home: Home, house: House, more: str, program: str = COUNT) -> Job:
    path = home.workload(program, more=more)
    text = path.read_text()
    hub = house.hub
    workload = read_workload(text, path.name, house.catalog, hub.clock.now(), "me", hub.grid)
    return submit(hub, workload, "once")


def data(folder: Path, sha256: str = SHA) -> str:
    return f'  data:\n    - {{name: corpus, at: here, size: 14 B, uri: "file://{folder}/corpus", sha256: {sha256}}}\n'


def outputs(folder: Path, path: str = "size") -> str:
    return f'  outputs:\n    - {{path: {path}, uri: "file://{folder}/taken/size"}}\n'


def state_of(house: House, job: Job) -> Job:
    with house.hub.store.transaction() as tx:
        return tx.jobs.get(job.id)


def run(house: House, job: Job, *until: JobState) -> Job:
    give_up = time.monotonic() + 30
    while (now := state_of(house, job)).state not in until:
        assert time.monotonic() < give_up, (now.state, now.reason, now.detail)
        tick(house.hub, FirstComeFirstServed())
        time.sleep(0.02)
    return now


def purposes(house: House, job: Job) -> list[Purpose]:
    with house.hub.store.transaction() as tx:
        assert tx.jobs.orders(open_only=True) == []
        return [order.purpose for order, _ in tx.jobs.orders(job_id=job.id)]


def test_data_is_there_before_the_start_and_outputs_are_gone_before_the_bill(home: Home, house: House) -> None:
    (home.folder / "corpus").write_bytes(TEXT)
    job = order(home, house, data(home.folder) + outputs(home.folder))
    held = run(house, job, JobState.HELD)
    assert held.reason in (None, Reason.WAITING_FOR_DATA)
    ended = run(house, job, JobState.SETTLED)
    assert (ended.outcome, ended.reason) == (JobState.SUCCEEDED, None)
    assert (home.folder / "taken" / "size").read_text() == str(len(TEXT))
    assert purposes(house, job) == [Purpose.BRING, Purpose.RUN, Purpose.TAKE]
    with house.hub.store.transaction() as tx:
        assert {record.order_id for record in tx.usage.records(job.id)} == {f"{job.id}.1"}, (
            "only the program is metered"
        )


def test_a_job_waits_for_its_data_with_the_reason(home: Home, house: House) -> None:
    (home.folder / "corpus").write_bytes(TEXT)
    job = order(home, house, data(home.folder))
    tick(house.hub, FirstComeFirstServed())
    waiting = state_of(house, job)
    assert (waiting.state, waiting.reason) == (JobState.HELD, Reason.WAITING_FOR_DATA)
    assert "toys" in str(waiting.detail)


@pytest.mark.parametrize(("there", "said"), [(False, "No such file"), (True, "has the checksum")])
def test_without_its_data_a_job_fails_and_costs_nothing(home: Home, house: House, there: bool, said: str) -> None:
    if there:
        (home.folder / "corpus").write_bytes(b"something else")
    job = order(home, house, data(home.folder))
    ended = run(house, job, JobState.SETTLED)
    assert (ended.outcome, ended.reason) == (JobState.FAILED, Reason.DATA_NOT_BROUGHT)
    assert said in str(ended.detail)
    assert purposes(house, job) == [Purpose.BRING] * TRIES
    with house.hub.store.transaction() as tx:
        assert tx.usage.charges(job.id) == []
        assert tx.ledger.pending(job.id) == []


def test_an_output_that_cannot_be_taken_is_told_and_the_job_has_succeeded(home: Home, house: House) -> None:
    (home.folder / "corpus").write_bytes(TEXT)
    job = order(home, house, data(home.folder) + outputs(home.folder, "nothing"))
    ended = run(house, job, JobState.SETTLED)
    assert (ended.outcome, ended.reason) == (JobState.SUCCEEDED, Reason.OUTPUT_NOT_TAKEN)
    assert "nothing" in str(ended.detail)


def test_a_job_that_is_cancelled_while_its_data_comes_never_starts(home: Home, house: House) -> None:
    (home.folder / "corpus").write_bytes(TEXT)
    job = order(home, house, data(home.folder))
    tick(house.hub, FirstComeFirstServed())
    cancel(house.hub, job.id)
    ended = run(house, job, JobState.SETTLED)
    assert (ended.outcome, ended.reason) == (JobState.CANCELLED, Reason.CANCELLED_BY_TENANT)
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        tick(house.hub, FirstComeFirstServed())
        with house.hub.store.transaction() as tx:
            if not tx.jobs.orders(open_only=True):
                break
        time.sleep(0.02)
    assert Purpose.RUN not in purposes(house, job)
