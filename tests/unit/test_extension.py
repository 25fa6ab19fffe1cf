"""To add one thing, touch one place: one of each is added in a temporary folder, and a workload runs through them all.

A catalog overlay adds an accelerator, a tariff with its hours, a carbon figure and a model; a grid file a site, a price
book and a voucher programme; a module each an engine and a queueing policy.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from suanwang.adapters import engines
from suanwang.domain.accelerator import AcceleratorKind
from suanwang.domain.job import JobState
from suanwang.domain.money import Money
from suanwang.domain.voucher import Voucher
from suanwang.errors import InvalidInput
from suanwang.schedule import policies
from suanwang.sdk import Client

ACCELERATORS = """\
id,vendor,name,kind,peak_bf16_tflops,memory_gb,memory_gb_per_s,power_w,source,date,confidence
light-1,Lumen,Light One,photonic,0.001,4,50,30,bench of May,2026-05,measured
"""
TARIFFS = """\
id,name,region,currency,base,price_flat_per_kwh,price_valley_per_kwh,source,date,confidence
lake,Lake hydro,cn-qh,CNY,flat,0.40,0.40,our bill,2026-05,measured
"""
PERIODS = """\
tariff,period,months,weekdays,hours_local,source,date,confidence
lake,valley,1-12,1-7,0-6,our contract,2026,official
"""
CARBON = """\
id,scope,region,name,year,kg_per_kwh,basis,publisher,source,date,confidence
lake-2026,contract,cn-qh,Lake hydro,2026,0.01,location-average,us,certificate,2026,official
"""
MODELS = """\
id,name,layers,hidden,heads,ffn,vocab,gated,tied_embeddings,context_tokens,source,date,confidence
drop,Drop,1,16,2,32,64,false,true,64,our own,2026,measured
"""
GRID = """\
apiVersion: suanwang/v1
kind: Grid
grid:
  id: mine
  currency: CNY
  policy: {policy}
  sites:
    - id: lakeside
      name: Lakeside
      latitude: 36.6
      longitude: 101.8
      province: CN-QH
      zone: Asia/Shanghai
      tariff: lake
      pue: 1.1
      carbon: {{location: lake-2026}}
  pools:
    - id: lights
      site: lakeside
      accelerator: light-1
      nodes: 1
      accelerators_per_node: 2
      engine: {engine}
      price_book: by-the-hour
  price_books:
    - id: by-the-hour
      effective: 2020-01-01T00:00Z
      prices: {{accelerator_hour: 720 CNY, kwh: pass-through}}
      source: {{text: invented for a test, confidence: estimate}}
  tenants:
    - {{id: me, name: Me, credit_limit: 1000 CNY, facts: {{legal_form: company}}}}
  programmes:
    - id: quarter
      name: A quarter
      issuer: An office
      currency: CNY
      opens: 2020-01-01T00:00Z
      closes: 2100-01-01T00:00Z
      eligibility: [{{fact: provider.province, one_of: CN-QH}}]
      rates: [{{ratio: 25 %}}]
      source: {{text: invented for a test, confidence: estimate}}
"""
WORKLOAD = """\
apiVersion: suanwang/v1
kind: Workload
workload:
  name: {name}
  kind: pretrain
  model: drop
  tokens: 1 M
  sequence_length: 64
  global_batch: 16
  dtype: bf16
  command: ["{python}", "-c", "import time; print('step 1'); time.sleep(0.3)"]
  accelerators: {{count: 1, capabilities: [photonic]}}
  time_limit: 1 min
  vouchers: [quarter]
"""
ENGINE = '''\
"""Runs nothing: every order takes a second of grid time, and says so."""

from suanwang.adapters.engines.simulated import Course, SimulatedEngine


def open_engines(pools, settings, clock):
    cards = {pool.id: pool.accelerators for pool in pools}
    return dict.fromkeys(cards, SimulatedEngine(cards, clock, lambda order: Course(duration_s=1.0)))
'''
POLICY = '''\
"""Last come, first served; notes the order that it gave."""

from suanwang.schedule.queues import FirstFit


class LastComeFirstServed:
    name = "lcfs"
    blocks = False
    ordered = []

    def order(self, due, snapshot):
        jobs = sorted(due, key=lambda job: (job.since, job.job_id), reverse=True)
        self.ordered += [job.job_id for job in jobs]
        return jobs

    def keys(self, submit_s, estimate_s):
        return [-second for second in submit_s]

    def queue(self, sizes, estimates):
        return FirstFit(sizes, estimates)


POLICY = LastComeFirstServed()
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An overlay of the catalog with one row of each kind."""
    for name, text in (
        ("accelerators", ACCELERATORS),
        ("tariffs", TARIFFS),
        ("tariff_periods", PERIODS),
        ("carbon", CARBON),
        ("models", MODELS),
    ):
        (tmp_path / "facts").mkdir(exist_ok=True)
        (tmp_path / "facts" / f"{name}.csv").write_text(text)
    return tmp_path


@pytest.fixture
def modules(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules are engines and policies, as if their files lay beside the others."""
    known = set(sys.modules)
    for package in (engines, policies):
        own = folder / package.__name__
        own.mkdir()
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(own)])
    (folder / engines.__name__ / "echo.py").write_text(ENGINE)
    (folder / policies.__name__ / "lcfs.py").write_text(POLICY)
    yield folder
    for name in set(sys.modules) - known:
        del sys.modules[name]


def files(folder: Path, engine: str, policy: str) -> dict[str, str]:
    """Writes the grid and the workload; gives the environment."""
    (folder / "grid.yaml").write_text(GRID.format(engine=engine, policy=policy))
    (folder / "work.yaml").write_text(WORKLOAD.format(name="work", python=sys.executable))
    return {
        "SUANWANG_HOME": str(folder / "home"),
        "SUANWANG_CATALOG": str(folder / "facts"),
        "SUANWANG_GRID": str(folder / "grid.yaml"),
    }


def test_facts_of_ones_own_run_a_workload_on_the_local_engine(folder: Path) -> None:
    with Client.open(environment=files(folder, "local", "fcfs")) as client:
        card = client.house.catalog.accelerator("light-1")
        assert card.kind is AcceleratorKind("photonic")
        workload = client.read_workload(str(folder / "work.yaml"))
        quote = client.quote(workload)
        assert quote.placement is not None
        option = quote.placement.option
        # 6 x parameters (1 layer of 4 x 16^2 + 2 x 16 x 32, embeddings 64 x 16) a token is 18.4 kFLOP; attention adds
        assert 6 * 3072 * 1e6 < option.estimate.flops < 3 * 6 * 3072 * 1e6
        assert option.accelerators == 1
        assert option.carbon_kg_location == pytest.approx(0.01 * option.energy_kwh)

        now = client.now()
        client.fund("quarter", Money.parse("100", "CNY"), "f")
        face, expires = Money.parse("10", "CNY"), datetime(2099, 1, 1, tzinfo=UTC)
        client.issue(Voucher(id="v", programme_id="quarter", tenant="me", face=face, issued=now, expires=expires))
        job = client.wait(client.submit(workload, "k").id)
        assert (job.state, job.outcome) == (JobState.SETTLED, JobState.SUCCEEDED)
        assert client.logs(job.id) == b"step 1\n"

        bill = client.invoice(job.id)
        (record,) = client.usage(job.id)
        seconds = Fraction(round((record.end - record.start).total_seconds() * 1_000_000), 1_000_000)
        rent = next(line.amount for line in bill.lines if line.unit == "accelerator-hour")
        assert abs(rent.micro - seconds * 200_000) <= 1  # 720 CNY an hour
        assert 0 < bill.by_voucher.micro <= bill.charged.micro / 4 + 1
        assert all(total == 0 for name, total in client.ledger_check().counts.items() if name.startswith("sum"))


def test_an_engine_and_a_policy_are_a_module_each(modules: Path) -> None:
    assert {"fcfs", "priority", "lcfs"} <= set(policies.policy_names())
    with Client.open(environment=files(modules, "echo", "lcfs")) as client:
        workload = client.read_workload(str(modules / "work.yaml"))
        jobs = [client.submit(workload, key) for key in ("first", "second")]
        for job in jobs:
            assert client.wait(job.id).outcome is JobState.SUCCEEDED
        asked = getattr(policies.find_policy("lcfs"), "ordered", [])
        assert asked[:2] == [jobs[1].id, jobs[0].id]
        for job in jobs:
            (record,) = client.usage(job.id)
            assert (record.end - record.start).total_seconds() == 1
            assert client.logs(job.id) == b""


def test_a_policy_that_is_not_there_is_told_with_its_line(folder: Path) -> None:
    environment = files(folder, "local", "lcfs")
    with pytest.raises(InvalidInput) as refused, Client.open(environment=environment):
        pass
    (problem,) = refused.value.problems
    assert problem.place == f"{folder}/grid.yaml:6 grid.policy"
    assert "fcfs" in str(problem.remedy)


def test_a_pool_whose_engine_has_no_module_is_quoted_and_takes_no_job(folder: Path) -> None:
    for engine in ("mainframe", "simulated", "local_supervisor"):
        with Client.open(environment=files(folder, engine, "priority")) as client:
            workload = client.read_workload(str(folder / "work.yaml"))
            assert client.quote(workload).placement is not None
            job = client.wait(client.submit(workload, engine).id)
            assert job.outcome is JobState.FAILED
            assert [r.reason.value for r in job.rejections] == ["EngineUnreachable"]
