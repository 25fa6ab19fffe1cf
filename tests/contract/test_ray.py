"""The Ray engine beyond its contract: what its jobs find and leave, what never fits, what waits too long."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from suanwang.adapters.engines.ray import without_script
from suanwang.domain.order import EndCause, OrderState
from suanwang.errors import Never, NotNow
from tests.contract.ray_rig import RayRig

pytestmark = pytest.mark.integration


@pytest.fixture
def rig(ray_url: str, tmp_path: Path) -> Iterator[RayRig]:
    made = RayRig(tmp_path, ray_url)
    yield made
    made.close()


def test_a_program_finds_its_own_and_its_output_is_kept(rig: RayRig) -> None:
    script = 'echo "$A|$SUANWANG_JOB_ID|$SUANWANG_ACCELERATORS"; echo \'{"step": 7}\'; exit 5'
    order = replace(rig.order("sh", "-c", script, environment={"A": "it's $HOME"}), accelerators=2)
    end = rig.run(order)
    assert (end.cause, end.exit_code, end.progress) == (EndCause.EXITED, 5, '{"step": 7}')
    assert rig.engine.logs(order.id) == b'it\'s $HOME|job-1|2\n{"step": 7}\n'
    assert rig.engine.logs(order.id, 5, 5) == b"$HOME"


@pytest.mark.parametrize("at", range(3))
def test_rays_line_with_the_script_is_no_output_wherever_it_stands(at: int) -> None:
    lines = ["\x1estart 1.5\n", "seven\n", "\x1eend 0 2.5 \n"]
    lines.insert(at, "Running entrypoint for job o-1: echo seven\nexit $code\n\n")
    assert without_script("".join(lines).encode(), "o-1", "echo seven\nexit $code\n").count(b"\n") == 3


def test_what_waits_is_not_billed_and_is_given_up_in_time(rig: RayRig) -> None:
    first, second = replace(rig.runs(), accelerators=8), replace(rig.exits(0), accelerators=8)
    rig.engine.submit(first)
    rig.wait(first.id, OrderState.RUNNING)
    rig.backend.create(second)  # past the room that the engine sees: Ray lets it wait
    (job,) = [job for job in rig.backend.listed() if job["submission_id"] == second.id]
    assert (job["status"], bool(job["start_time"])) == ("PENDING", True)
    assert rig.backend.look([second])[second.id].started is None
    rig.backend.close()
    rig.open(pending_s="0.5")
    while (sight := rig.backend.look([second])[second.id]).cause is None:
        rig.pause()
    assert (sight.cause, sight.started) == (EndCause.LOST, None)


def test_what_no_node_can_have_is_refused(rig: RayRig) -> None:
    rig.backend.close()
    rig.open(resource="no-such-card")
    with pytest.raises(Never, match="no-such-card"):
        rig.engine.submit(rig.runs())
    assert not rig.engine.capacity("pool-a").healthy


def test_a_cluster_that_is_away_does_not_answer(tmp_path: Path) -> None:
    rig = RayRig(tmp_path, "http://127.0.0.1:9")
    with pytest.raises(NotNow) as silent:
        rig.engine.submit(rig.runs())
    assert silent.value.code == "engine-unreachable"
    rig.backend.close()
