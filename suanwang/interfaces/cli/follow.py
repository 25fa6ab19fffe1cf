"""Following a job to its end: each change of state or reason once, and the program's own progress."""

from suanwang.domain.job import Job, JobState
from suanwang.errors import NotNow, msg
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.sdk import Client


def follow(terminal: Terminal, client: Client, job: Job, *, quiet: bool) -> Job:
    """Tick until the job is settled. Ctrl-C asks once for its end, and waits for that: nothing is left half done."""
    watcher = Watcher(terminal, client, quiet)
    try:
        return client.wait(job.id, watcher)
    except KeyboardInterrupt:
        terminal.note(msg("Cancelling job {job} …", job=job.id))
        client.cancel(job.id)
        return client.wait(job.id, watcher)


class Watcher:
    """Prints what changed since the last tick."""

    def __init__(self, terminal: Terminal, client: Client, quiet: bool) -> None:
        self._terminal = terminal
        self._client = client
        self._quiet = quiet
        self._last: tuple[object, ...] = ()
        self._attempt = 0
        self._offset = 0

    def __call__(self, job: Job) -> None:
        if self._quiet:
            return
        if job.outcome:  # its last words come before its end
            self._progress(job)
        news = (job.state, job.reason, job.detail, job.attempt)
        if news != self._last:
            self._last = news
            self._terminal.note(self._state(job))
        if job.state is JobState.RUNNING:
            self._progress(job)

    def _state(self, job: Job) -> str:
        state = job.outcome or job.state
        text = f"{job.updated:%H:%M:%S}Z {state.value}"
        if job.reason is not None:
            text += f" · {job.reason.value}"
        if job.detail is not None:
            text += f" · {self._terminal.text(job.detail)}"
        return text

    def _progress(self, job: Job) -> None:
        """The last new line that the program wrote; every attempt writes a log of its own."""
        if job.attempt != self._attempt:
            self._attempt, self._offset = job.attempt, 0
        try:
            new = self._client.logs(job.id, self._offset)
        except NotNow:
            return
        whole = new[: new.rfind(b"\n") + 1]
        self._offset += len(whole)
        lines = whole.decode(errors="replace").splitlines()
        for line in lines[-1:]:
            self._terminal.note(f"  | {line[:160]}")
