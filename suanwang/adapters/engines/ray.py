"""The Ray engine: an order is a job of Ray's job submission API, over plain HTTP.

Ray takes a job that no node can ever have and lets it wait for ever, so that is checked here first, and one that waits
too long is given up. Its start time is that of the submission; what is billed starts with a mark that the job's own
script writes into its log. A job runs on one node, with its accelerators as a custom resource (or GPU); the pool's
cluster is taken to be the grid's alone.
"""

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from suanwang.adapters.engines.devices import VISIBLE_DEVICES
from suanwang.adapters.engines.options import Option, groups, read_options
from suanwang.adapters.engines.programs import last_json, refused
from suanwang.adapters.engines.remote import Ground, RemoteEngine, Sight
from suanwang.adapters.engines.shell import command_text, late_watch
from suanwang.domain.order import Ability, EndCause, Lacks, Order
from suanwang.domain.site import Pool
from suanwang.errors import Never, NotNow, msg
from suanwang.ports import Clock
from suanwang.settings import Settings

OPTIONS = (
    Option(name="dashboard_url", default="", description="Address of the head's dashboard.", needed=True),
    Option(name="resource", default="GPU", description="Ray's resource that counts the accelerators: GPU, ascend910b."),
    Option(name="folder", default="/tmp/suanwang", description="Folder of the nodes for checkpoints and output."),  # noqa: S108
    Option(
        name="pending_s", default="600", description="Seconds after which a job that waits is given up.", check=float
    ),
    Option(name="token_file", default="", description="File with a bearer token for the dashboard, where it asks."),
)
REACHED_BY = ("dashboard_url", "token_file")
TIMEOUT_S = 60.0
COMMAND_BYTES_MAX = 100_000
LACKS: Lacks = {
    Ability.ARRAYS: msg("Ray takes one job at a time."),
    Ability.OUTLOOK: msg("Ray knows nothing of drains or reservations to come."),
    Ability.CPU: msg("Ray keeps no usage of jobs."),
    Ability.MEMORY: msg("Ray keeps no usage of jobs."),
    Ability.ENERGY: msg("Ray measures no energy."),
}
SCRIPT = """\
printf '\\036start %s\\n' "$(date +%s.%N)"
export SUANWANG_JOB_ID={job} SUANWANG_ATTEMPT={attempt} SUANWANG_ACCELERATORS={accelerators}
export SUANWANG_CHECKPOINT_DIR={state}/checkpoint SUANWANG_DATA_DIR={state}/data SUANWANG_OUTPUT_DIR={state}/output
work=$(mktemp -d) && mkdir -p "$SUANWANG_CHECKPOINT_DIR" "$SUANWANG_DATA_DIR" "$SUANWANG_OUTPUT_DIR"
{more}
cd {directory} || code=126
if [ -z "$code" ]; then
  trap : TERM
  setsid /bin/sh -c {command} < /dev/null & program=$!
  setsid /bin/sh -c {late} late "$work" $program > /dev/null 2>&1 & watch=$!
  setsid /bin/sh -c {guard} guard $$ $program $watch > /dev/null 2>&1 & guard=$!
  while :; do
    wait $program
    code=$?
    kill -0 $program 2> /dev/null || break
  done
  for group in $guard $watch; do kill -s KILL -- "-$group" 2> /dev/null || kill -KILL $group 2> /dev/null; done
fi
printf '\\036end %s %s %s\\n' "$code" "$(date +%s.%N)" "$([ ! -e "$work/late" ] || echo late)"
rm -rf "$work"
exit $code
"""
GUARD = 'while kill -0 "$1"; do sleep 1; done; kill -s KILL -- "-$2"; kill -s KILL -- "-$3"'
"""Ray kills the script alone when a job does not heed its stop: what it started goes with it."""
START = re.compile(rb"\x1estart ([\d.]+)\n")
END = re.compile(rb"\x1eend (\d+) ([\d.]+) (late)?\n")
RAYS_OWN = re.compile(rb"(?m)^\d{4}-\d\d-\d\d [\d:,]+\tINFO job_manager.*\n")


class Ray:
    """`Backend` on one Ray cluster. `pools` with their options."""

    name = "ray"

    def __init__(
        self, url: str, pools: Mapping[str, Pool], options: Mapping[str, Mapping[str, str]], clock: Clock
    ) -> None:
        self._pools = pools
        self._options = options
        self._clock = clock
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_S)
        self._token_file = next(iter(options.values()))["token_file"]

    def close(self) -> None:
        """Give up the connections."""
        self._client.close()

    def lacks(self) -> Lacks:
        return LACKS

    def check(self, order: Order) -> None:
        try:
            size = len(command_text(order).encode())
        except UnicodeEncodeError:
            raise refused(msg("Ray takes only text: order {order} has other bytes", order=order.id)) from None
        if size > COMMAND_BYTES_MAX:
            raise refused(msg("order {order} has {size} bytes, more than Ray takes", order=order.id, size=size))
        fits = max(self._nodes(order.pool_id), default=0)
        if order.accelerators > fits:
            raise refused(
                msg(
                    "no node of Ray's has {count} of {resource}",
                    count=order.accelerators,
                    resource=self._resource(order),
                )
            )

    def create(self, order: Order) -> None:
        """Asked for before it is made: a second submission of an id is an error without a name."""
        if self._ask("GET", f"/api/jobs/{quote(order.id, safe='')}") is not None:
            return
        wanted: dict[str, object] = {"submission_id": order.id, "entrypoint": self._script(order)}
        if order.accelerators and self._resource(order) == "GPU":
            wanted["entrypoint_num_gpus"] = order.accelerators
        elif order.accelerators:
            wanted["entrypoint_resources"] = {self._resource(order): order.accelerators}
        self._ask("POST", "/api/jobs/", json=wanted)

    def stop(self, order_id: str) -> None:
        self._ask("POST", f"/api/jobs/{quote(order_id, safe='')}/stop")

    def look(self, orders: Sequence[Order]) -> Mapping[str, Sight]:
        listed = {job["submission_id"]: job for job in self.listed()}
        found = {}
        for order in orders:
            job = listed.get(order.id)
            if job is not None:
                found[order.id] = self._sight(order, job)
        return found

    def listed(self) -> list[dict[str, Any]]:
        """Every job that was submitted, as Ray tells it."""
        return [job for job in self._ask("GET", "/api/jobs/") or [] if job.get("submission_id")]

    def ground(self, pool_id: str) -> Ground:
        counts = self._nodes(pool_id)
        resource = self._options[pool_id]["resource"]
        return Ground(accelerators=sum(counts), detail="" if counts else f"no node of Ray's has {resource}")

    def output(self, order_id: str) -> bytes:
        """What the program wrote, without our marks and Ray's own lines."""
        job = self._ask("GET", f"/api/jobs/{quote(order_id, safe='')}") or {}
        log = self._log(order_id, job)
        begin, end = START.search(log), END.search(log)
        return b"" if begin is None else RAYS_OWN.sub(b"", log[begin.end() : end.start() if end else None])

    def _sight(self, order: Order, job: Mapping[str, Any]) -> Sight:
        evidence = {"job": order.id, "status": str(job["status"])}
        if job.get("driver_node_id"):
            evidence["node"] = str(job["driver_node_id"])
        if job["status"] == "PENDING":
            if not self._waits_too_long(order, job):
                return Sight(evidence=evidence)
            self.stop(order.id)
            return Sight(cause=EndCause.LOST, evidence=evidence | {"reason": "Ray did not start it in time"})
        return _of_log(self._log(order.id, job), str(job["status"]), _ms(job.get("end_time")), evidence)

    def _waits_too_long(self, order: Order, job: Mapping[str, Any]) -> bool:
        since = self._clock.from_wall(_ms(job.get("start_time")) or 0.0)
        waited_s = self._clock.wall_seconds((self._clock.now() - since).total_seconds())
        return waited_s > float(self._options[order.pool_id]["pending_s"])

    def _script(self, order: Order) -> str:
        options, pool = self._options[order.pool_id], self._pools[order.pool_id]
        variable = VISIBLE_DEVICES.get(pool.accelerator.vendor, "")
        devices = f'[ -z "$CUDA_VISIBLE_DEVICES" ] || export {variable}="$CUDA_VISIBLE_DEVICES"' if variable else ":"
        return SCRIPT.format(
            job=order.job_id,
            attempt=order.attempt,
            accelerators=order.accelerators,
            state=shlex.quote(f"{options['folder']}/state/{order.state_key or order.job_id}"),
            more=devices,
            directory=shlex.quote(order.directory) if order.directory else '"$work"',
            command=shlex.quote(command_text(order)),
            guard=shlex.quote(GUARD),
            late=shlex.quote(late_watch(self._clock.wall_seconds(order.time_limit_s))),
        )

    def _resource(self, order: Order) -> str:
        return self._options[order.pool_id]["resource"]

    def _nodes(self, pool_id: str) -> list[int]:
        """How many accelerators each node that is alive has."""
        answer = self._ask("GET", "/api/v0/nodes", params={"limit": "10000"}) or {}
        rows = answer.get("data", {}).get("result", {}).get("result", [])
        resource = self._options[pool_id]["resource"]
        counts = [int(n.get("resources_total", {}).get(resource, 0)) for n in rows if n.get("state") == "ALIVE"]
        return [count for count in counts if count]

    def _log(self, order_id: str, job: Mapping[str, Any]) -> bytes:
        answer = self._ask("GET", f"/api/jobs/{quote(order_id, safe='')}/logs") or {}
        return without_script(str(answer.get("logs", "")).encode(), order_id, str(job.get("entrypoint", "")))

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        """The answer, None for what is not there. Raises NotNow(engine-unreachable), Never(engine-refused)."""
        try:
            token = Path(self._token_file).expanduser().read_text().strip() if self._token_file else ""
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            answer = self._client.request(method, path, headers=headers, **more)
            if answer.status_code == httpx.codes.NOT_FOUND:
                return None
            if answer.status_code in (httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY):
                why = answer.text.strip().rpartition("\n")[2][:300]
                raise Never("engine-refused", msg("Ray refused it: {why}", why=why), msg("Correct the order."))
            answer.raise_for_status()
            return answer.json()
        except (httpx.HTTPError, OSError, ValueError) as error:
            raise NotNow(
                "engine-unreachable", msg("Ray does not answer: {why}", why=str(error)[:300]), msg("It is tried again.")
            ) from error


def without_script(log: bytes, order_id: str, script: str) -> bytes:
    """The log less Ray's line with the script: Ray writes it while the script begins, so it can be anywhere."""
    return log.replace(f"Running entrypoint for job {order_id}: {script}\n".encode(), b"", 1)


def _of_log(log: bytes, status: str, ended: float | None, evidence: Mapping[str, str]) -> Sight:
    """What the marks in the log say, and where there is none of the end, what Ray says."""
    begin, end = START.search(log), END.search(log)
    started = float(begin[1]) if begin else None
    progress = last_json(log[begin.end() :], whole=True) if begin else ""
    if status == "RUNNING":
        return Sight(started=started, progress=progress, evidence=evidence)
    if end is None:
        cause = EndCause.SIGNALLED if status == "STOPPED" else EndCause.LOST
        return Sight(started=started, ended=ended, cause=cause, progress=progress, evidence=evidence)
    code = int(end[1])
    cause = EndCause.SIGNALLED if status == "STOPPED" or 128 < code <= 192 else EndCause.EXITED
    return Sight(
        started=started,
        ended=float(end[2]),
        cause=EndCause.TIME_LIMIT if end[3] else cause,
        exit_code=code,
        progress=progress,
        evidence=evidence,
    )


def _ms(value: Any) -> float | None:
    """Milliseconds since the epoch -> seconds."""
    return None if not value else float(value) / 1000


def open_engines(pools: Sequence[Pool], settings: Settings, clock: Clock) -> dict[str, RemoteEngine]:
    """One engine for the pools of each cluster. A pool without options is left out: it can be quoted.

    Raises InvalidInput for options that it does not have.
    """
    driven = [pool for pool in pools if pool.options]
    options = read_options(OPTIONS, driven)
    engines: dict[str, RemoteEngine] = {}
    for group in groups(driven, options, REACHED_BY):
        url = options[group[0].id]["dashboard_url"]
        key = hashlib.sha256(url.encode()).hexdigest()[:12]
        members = {pool.id: pool for pool in group}
        backend = Ray(url, members, {name: options[name] for name in members}, clock)
        counts = {pool.id: pool.accelerators for pool in group}
        engine = RemoteEngine(settings.home / "ray" / key, backend, counts, clock)
        engines |= dict.fromkeys(counts, engine)
    return engines
