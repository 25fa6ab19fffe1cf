"""A hub as its users have it: `suanwang up` as a process of its own, and a client of the grid's operator."""

import json
import signal
import subprocess
import sys

import httpx

from tests.hub_world import HubWorld

START_S = 60.0
"""How long it may take to end."""


class HubProcess:
    """A hub process of its own."""

    def __init__(self, world: HubWorld, *more: str) -> None:
        command = [sys.executable, "-c", "import sys; from suanwang.interfaces.cli.main import main; sys.exit(main())"]
        self.process = subprocess.Popen(
            [*command, "up", "--port", "0", "--json", *more],
            env=world.home.process_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        told = "".join(iter(self.process.stdout.readline, "}\n")) + "}"
        headers = {"Authorization": f"Bearer {world.secrets['grid-operator']}"}
        self.http = httpx.Client(base_url=json.loads(told)["address"], headers=headers, timeout=30)

    def gone(self) -> None:
        """Nothing of it is left."""
        self.process.kill()
        self.process.wait()
        self.http.close()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(START_S)
