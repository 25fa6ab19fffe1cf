"""What a job of ours does on its node, as a POSIX shell script: claim the order, run its program, note its end.

Folders, on a file system that the nodes share with the engine:

    ROOT/submissions/<name>/    script, command (the program), tasks (a line for each order of an array)
    ROOT/orders/<order id>/     claim, end, late, log, work
    ROOT/state/<state key>/     checkpoint and output: they outlive attempts

`claim` is a hard link, so that only one job of Slurm's ever runs the order, however often it was submitted or requeued.
It holds that job's id and the time at which the program started; `end` the exit code, the time and what `times` says.
A `claim` of the engine's own makes sure that a job which may still be on its way never starts.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from suanwang.domain.order import Order

GRACE_S = 5.0
"""From TERM to KILL at the time limit."""

SCRIPT = """\
#!/bin/sh
# {name}: an order of suanwang
umask 077
root={root}
{task}
run=$root/orders/$order
id=$SLURM_JOB_ID
[ -z "$SLURM_ARRAY_TASK_ID" ] || id=${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID
mkdir -p "$run/work" "$root/state/$state/checkpoint" "$root/state/$state/output" || exit 1
mine=$run/claim.$id.${{SLURM_RESTART_COUNT:-0}}
echo "$id $(date +%s.%N) $(uname -n)" > "$mine" || exit 1
ln "$mine" "$run/claim" 2> /dev/null || exit 0 # another job has it, or nobody is to have it any more
exec > "$run/log" 2>&1 < /dev/null
export SUANWANG_JOB_ID="$job" SUANWANG_ATTEMPT="$attempt" SUANWANG_ACCELERATORS={accelerators}
export SUANWANG_CHECKPOINT_DIR="$root/state/$state/checkpoint" SUANWANG_OUTPUT_DIR="$root/state/$state/output"
export SUANWANG_NODES="${{SLURM_JOB_NUM_NODES:-1}}"
{more}
cd {directory} || {{ code=126; }}
if [ -z "$code" ]; then
  trap : TERM # Slurm signals everybody; the program decides when it ends
  setsid {launch} & program=$!
  setsid /bin/sh -c {late} late "$run" $program > /dev/null 2>&1 & watch=$!
  while :; do
    wait $program
    code=$?
    kill -0 $program 2> /dev/null || break
  done
  kill -s KILL -- "-$watch" 2> /dev/null || kill -KILL $watch 2> /dev/null
fi
{{
  echo "$code $(date +%s.%N) $([ ! -e "$run/late" ] || echo late)"
  times
}} > "$run/end.part" && mv "$run/end.part" "$run/end"
exit $code
"""
LATE = """\
sleep {limit_s}
: > "$1/late"
trap '' TERM
kill -s TERM -- "-$2"
sleep {grace_s}
kill -s KILL -- "-$2"
"""
ONE = "order={order} job={job} attempt={attempt} state={state}"
MANY = """\
read -r order job attempt state << END
$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {tasks})
END"""
DEVICES = 'export {variable}="${{SLURM_STEP_GPUS:-$SLURM_JOB_GPUS}}"'
GANG = """\
export SUANWANG_HEAD="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)\""""
SRUN = "srun --nodes={nodes} --ntasks={nodes} --ntasks-per-node=1 --kill-on-bad-exit=1 --export=ALL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What the script of a submission needs beside its orders. `devices`: the vendor's variable, or "".

    `container`: the arguments that run a command in the order's image, or none; `limit_s` in wall seconds.
    """

    root: Path
    name: str
    nodes: int
    limit_s: float
    devices: str = ""
    srun_options: Sequence[str] = ()
    container: Sequence[str] = ()
    setup: str = ""


def batch_script(launch: Launch, orders: Sequence[Order]) -> str:
    """The script of one order, or of an array of equal ones."""
    order = orders[0]
    folder = launch.root / "submissions" / launch.name
    more = [launch.setup] if launch.setup else []
    if launch.devices and order.accelerators:
        more.append(DEVICES.format(variable=launch.devices))
    command = f"/bin/sh {shlex.quote(str(folder / 'command'))}"
    if launch.nodes > 1 or launch.srun_options:
        more.append(GANG)
        command = shlex.join([*SRUN.format(nodes=launch.nodes).split(), *launch.srun_options]) + f" {command}"
    limit = f"{launch.limit_s:.3f}" if launch.limit_s < float("inf") else "infinity"
    one = ONE.format(order=order.id, job=order.job_id, attempt=order.attempt, state=order.state_key or order.job_id)
    return SCRIPT.format(
        name=launch.name,
        root=shlex.quote(str(launch.root)),
        task=one if len(orders) == 1 else MANY.format(tasks=shlex.quote(str(folder / "tasks"))),
        accelerators=order.accelerators,
        more="\n".join(more),
        directory=shlex.quote(order.directory) if order.directory else '"$run/work"',
        late=shlex.quote(LATE.format(limit_s=limit, grace_s=GRACE_S)),
        launch=command,
    )


def command_file(order: Order, container: Sequence[str] = ()) -> bytes:
    """The program as a file for /bin/sh: nothing in it is seen by the shell as anything but an argument.

    The order's environment comes on top; variables of the grid itself are kept. Bytes, as names and values may be
    anything that a file name may be.
    """
    pairs = [f"{name}={value}" for name, value in order.environment.items() if name not in _OURS]
    words = ["exec", "env", *pairs, *container, *order.command]
    return " ".join(shlex.quote(word) for word in words).encode("utf-8", "surrogateescape") + b"\n"


def tasks_file(orders: Sequence[Order]) -> str:
    """A line for each task of an array: order, job, attempt, state key. None of them has a blank in it."""
    return "".join(f"{o.id} {o.job_id} {o.attempt} {o.state_key or o.job_id}\n" for o in orders)


def write_submission(launch: Launch, orders: Sequence[Order]) -> Path:
    """Write what Slurm and the nodes read; the path of the script. Raises OSError."""
    folder = launch.root / "submissions" / launch.name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "command").write_bytes(command_file(orders[0], launch.container))
    if len(orders) > 1:
        (folder / "tasks").write_text(tasks_file(orders), encoding="ascii")
    script = folder / "script"
    script.write_text(batch_script(launch, orders), encoding="utf-8")
    return script


_OURS: Mapping[str, None] = dict.fromkeys(
    ("SUANWANG_JOB_ID", "SUANWANG_ATTEMPT", "SUANWANG_ACCELERATORS", "SUANWANG_CHECKPOINT_DIR", "SUANWANG_OUTPUT_DIR")
)
