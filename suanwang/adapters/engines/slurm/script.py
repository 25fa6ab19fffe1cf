"""What a job of ours does on its node, as a POSIX shell script: claim the order, run its program, note its end.

Folders, on a file system that the nodes share with the engine:

    ROOT/arrays/<name>          a line for each order of an array
    ROOT/commands/<name>        a program that is too large or too odd to stand in the script
    ROOT/orders/<order id>/     claim, end, late, again, log, work
    ROOT/state/<state key>/     checkpoint, data and output: they outlive attempts

`claim` is a hard link, so that only one job of Slurm's ever runs the order, however often it was submitted or requeued.
It holds that job's id and the time at which the program started; `end` the exit code, the time and what `times` says.
`again` says that Slurm began the job a second time. A `claim` of the engine's own makes sure that a job which may still
be on its way never starts.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from suanwang.adapters.engines.shell import late_watch
from suanwang.domain.order import Order

SCRIPT = """\
#!/bin/sh
# {name}: an order of suanwang
umask 077
root={root}
{task}
run=$root/orders/$order
id=$SLURM_JOB_ID
[ -z "$SLURM_ARRAY_TASK_ID" ] || id=${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID
kept=$root/state/$state
mkdir -p "$run/work" "$kept/checkpoint" "$kept/data" "$kept/output" || exit 1
mine=$run/claim.$id.$(uname -n).$$.$(date +%s.%N)
echo "$id $(date +%s.%N) $(uname -n)" > "$mine" || exit 1
if ! ln "$mine" "$run/claim" 2> /dev/null; then # another job has it, or nobody is to have it any more
  read -r first rest < "$run/claim"
  [ "$first" != "$id" ] || : > "$run/again"
  exit 0
fi
exec > "$run/log" 2>&1 < /dev/null
export SUANWANG_JOB_ID="$job" SUANWANG_ATTEMPT="$attempt" SUANWANG_ACCELERATORS={accelerators}
export SUANWANG_CHECKPOINT_DIR="$kept/checkpoint" SUANWANG_DATA_DIR="$kept/data" SUANWANG_OUTPUT_DIR="$kept/output"
export SUANWANG_NODES="${{SLURM_JOB_NUM_NODES:-1}}"
{more}
cd {directory} || code=126
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
ONE = "order={order} job={job} attempt={attempt} state={state}"
MANY = """\
read -r order job attempt state << END
$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {tasks})
END"""
DEVICES = 'export {variable}="${{SLURM_STEP_GPUS:-$SLURM_JOB_GPUS}}"'
GANG = """\
export SUANWANG_HEAD="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)\""""
SRUN = "srun --nodes={nodes} --ntasks={nodes} --ntasks-per-node=1 --kill-on-bad-exit=1 --export=ALL"


INLINE_BYTES = 64_000
"""Longer commands are kept in a file: an argument may have 128 KiB, and Slurm keeps every script in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What the script of a submission needs beside its tasks. `command`: for /bin/sh; "" where it is in a file.

    `devices`: the vendor's variable, or ""; `directory` "" is the order's own; `limit_s` in wall seconds.
    """

    nodes: int
    accelerators: int
    limit_s: float
    directory: str = ""
    command: str = ""
    devices: str = ""
    srun_options: Sequence[str] = ()
    setup: str = ""


Task = tuple[str, str, int, int, str]
"""Order id, job id, attempt, fence, state key."""


def task_of(order: Order) -> Task:
    return order.id, order.job_id, order.attempt, order.fence, order.state_key or order.job_id


def batch_script(root: Path, name: str, launch: Launch, tasks: Sequence[Task]) -> str:
    """The script of one order, or of an array of equal ones."""
    more = [launch.setup] if launch.setup else []
    if launch.devices and launch.accelerators:
        more.append(DEVICES.format(variable=launch.devices))
    inner = f"-c {shlex.quote(launch.command)}" if launch.command else shlex.quote(str(root / "commands" / name))
    command = f"/bin/sh {inner}"
    if launch.nodes > 1 or launch.srun_options:
        more.append(GANG)
        command = shlex.join([*SRUN.format(nodes=launch.nodes).split(), *launch.srun_options]) + f" {command}"
    order, job, attempt, _, state = tasks[0]
    one = ONE.format(order=order, job=job, attempt=attempt, state=state)
    return SCRIPT.format(
        name=name,
        root=shlex.quote(str(root)),
        task=one if len(tasks) == 1 else MANY.format(tasks=shlex.quote(str(root / "arrays" / name))),
        accelerators=launch.accelerators,
        more="\n".join(more),
        directory=shlex.quote(launch.directory) if launch.directory else '"$run/work"',
        late=shlex.quote(late_watch(launch.limit_s)),
        launch=command,
    )


def write_files(root: Path, name: str, launch: Launch, command: str, tasks: Sequence[Task]) -> Launch:
    """Keep in files what does not go into the script; the launch with the command, if it does. Raises OSError.

    sbatch refuses scripts with carriage returns, slurmrestd those that are no text.
    """
    if len(tasks) > 1:
        lines = "".join(f"{order} {job} {attempt} {state}\n" for order, job, attempt, _, state in tasks)
        _write(root / "arrays" / name, lines.encode("ascii"))
    if command.isascii() and "\r" not in command and len(command) < INLINE_BYTES:
        return replace(launch, command=command)
    _write(root / "commands" / name, command.encode("utf-8", "surrogateescape") + b"\n")
    return launch


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_bytes(content)
