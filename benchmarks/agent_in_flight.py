"""What an agent costs with many orders in flight: share of a processor, resident memory; JSON.

    python benchmarks/agent_in_flight.py [--orders 10000] [--seconds 30]

Hub and agent are processes of their own, on this machine; the engine is the simulated one, in the agent's process: its
own look-ups count in (a real engine's, such as squeue, come on top and are measured by `suanwang bench dispatch`).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psutil

from suanwang.adapters.clock import SystemClock
from suanwang.adapters.engines.simulated import DURATION, SimulatedEngine
from suanwang.agent.agent import Agent
from suanwang.agent.link import HttpLink
from suanwang.agent.spool import Spool
from suanwang.domain.order import Order
from suanwang.ports import Engine, TakesArrays


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--agent", nargs=4, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.agent:
        folder, address, token, cards = wanted.agent
        _agent(Path(folder), address, Path(token), int(cards))
    _measure(wanted.orders, wanted.seconds)


def _measure(orders: int, seconds: float) -> None:
    from tests.live_hub import live_hub
    from tests.small_grid import grid, pool, site

    folder = Path(tempfile.mkdtemp())
    cards = orders
    plan = grid([site("east")], [pool("p", "east", nodes=cards // 8 + 1, engine="agent")])
    with live_hub(folder, plan, SystemClock()) as live:
        token = live.token_file("east")
        words = [str(folder), live.address, str(token), str(cards + 8)]
        process = subprocess.Popen([sys.executable, __file__, "--agent", *words])
        engine = live.hub.engine("p")
        assert isinstance(engine, TakesArrays)
        _until_answers(engine)
        for first in range(0, orders, 500):
            engine.submit_array([_order(n) for n in range(first, min(first + 500, orders))])
        ids = [f"o{n}.1" for n in range(orders)]
        until = time.monotonic() + 300
        while sum(seen.state == "running" for seen in engine.observe(ids)) < orders and time.monotonic() < until:
            time.sleep(2)
        running = sum(seen.state == "running" for seen in engine.observe(ids))
        time.sleep(10)
        seen = psutil.Process(process.pid)
        before, began = sum(seen.cpu_times()[:2]), time.monotonic()
        time.sleep(seconds)
        share = (sum(seen.cpu_times()[:2]) - before) / (time.monotonic() - began)
        memory = seen.memory_info().rss / 1e6
        process.kill()
        process.wait()
    print(json.dumps({"orders_running": running, "cpu_share": round(share, 4), "memory_mb": round(memory, 1)}))


def _agent(folder: Path, address: str, token: Path, cards: int) -> None:
    clock = SystemClock()
    engine = SimulatedEngine({"p": cards}, clock)
    with closing(HttpLink(address, token)) as link:
        agent = Agent(
            "east", "simulated", Spool(folder / "spool"), link, lambda _: {"p": engine}, clock, lambda _: None
        )
        while True:
            agent.step()
            time.sleep(agent.pause_s())


def _until_answers(engine: Engine) -> None:
    for _ in range(200):
        try:
            engine.capacity("p")
        except Exception:  # noqa: BLE001 - not yet
            time.sleep(0.1)
        else:
            return


def _order(number: int) -> Order:
    return Order(
        id=f"o{number}.1",
        job_id=f"o{number}",
        attempt=1,
        fence=1,
        pool_id="p",
        queue="",
        accelerators=1,
        command=("train", str(number)),
        time_limit_s=86400.0,
        environment={DURATION: "80000"},
    )


if __name__ == "__main__":
    main()
