"""A PostgreSQL server of the tests' own, on a Unix socket, which they may kill."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

START_S = 30
SETTINGS = {"listen_addresses": "", "fsync": "off", "autovacuum": "off"}


def _programs() -> Path:
    """The folder of initdb and postgres: of the newest version installed, or of what the PATH finds."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    on_path = shutil.which("initdb")
    if installed:
        return installed[-1].parent
    if on_path:
        return Path(on_path).resolve().parent
    if os.environ.get("SUANWANG_REQUIRE_INTEGRATION") == "1":
        pytest.fail("PostgreSQL is not installed, and SUANWANG_REQUIRE_INTEGRATION=1 asks for it")
    pytest.skip("PostgreSQL is not installed")


def _someone_else() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: be `postgres` or `nobody` then."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class PostgresServer:
    """`folder` is that of its socket. Its data does not outlive it."""

    def __init__(self) -> None:
        self._programs, self._who = _programs(), _someone_else()
        self._path = Path(tempfile.mkdtemp(prefix="pg-"))
        self.folder = str(self._path)
        if self._who:
            os.chown(self._path, self._who["user"], self._who["group"])
        data = f"--pgdata={self._path / 'data'}"
        initdb = [
            str(self._programs / "initdb"),
            data,
            "--auth=trust",
            "--username=postgres",
            "--no-sync",
            "-E",
            "UTF8",
        ]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=self._path, **self._who)
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers. After a kill it first recovers."""
        options = SETTINGS | {"unix_socket_directories": self.folder}
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._programs / "postgres"), "-D", str(self._path / "data"), *arguments]
        deadline = time.monotonic() + START_S
        while True:
            with (self._path / "log").open("ab") as log:
                self._server = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._path, **self._who)
            while self._server.poll() is None:  # it ends at once while processes of a killed one still have its memory
                if self._answers():
                    return
                time.sleep(0.05)
            if time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start:\n{(self._path / 'log').read_text()}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            psycopg.connect(host=self.folder, user="postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL of the postmaster; its processes notice, and end."""
        self._server.send_signal(signal.SIGKILL)
        self._server.wait()

    def stop(self) -> None:
        """End it, and remove its data."""
        self._server.terminate()
        self._server.wait(START_S)
        shutil.rmtree(self._path)


@contextmanager
def database(server: str, name: str) -> Iterator[str]:
    """A database of the server with that socket folder, while it is needed; gives its address."""
    with psycopg.connect(host=server, user="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"postgresql://postgres@/{name}?host={server}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
