"""A hub that serves, a browser, and the windows of persons: what tests of the console work with.

`SUANWANG_SCREENSHOTS=folder` keeps a picture of every page.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from suanwang.interfaces.i18n import translator

REPO = Path(__file__).parents[1]
SHOTS = os.environ.get("SUANWANG_SCREENSHOTS", "")
START_S = 60
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Hub:
    """A hub that serves, and how to get a token for a user of it."""

    address: str
    token: str
    environment: dict[str, str]
    users: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str) -> Any:
        command = [sys.executable, "-m", "suanwang", *words, "--json"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, cwd=REPO)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def login_of(self, user: str, *roles: str, site: str = "") -> str:
        """A token of a user with these roles (at a site), made when it is first asked for."""
        if user not in self.users:
            words = [w for r in roles for w in ("--role", r)] + (["--site", site] if site else [])
            self.run("user", "create", user, "--name", user.title(), *words)
            self.users[user] = self.run("token", "create", user)["secret"]
        return self.users[user]


@contextmanager
def serving(folder: Path, grid: str) -> Iterator[Hub]:
    """`suanwang up` on the grid of this text."""
    (folder / "grid.yaml").write_text(grid, encoding="utf-8")
    environment = {**os.environ, "SUANWANG_HOME": str(folder / "home"), "SUANWANG_GRID": str(folder / "grid.yaml")}
    environment["LANG"] = "C.UTF-8"
    command = [sys.executable, "-m", "suanwang", "up", "--port", "0", "--json"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment, cwd=REPO, text=True)
    try:
        assert process.stdout is not None
        said = ""
        while not said.rstrip().endswith("}"):
            line = process.stdout.readline()
            assert line, (folder / "log").read_text(encoding="utf-8")
            said += line
        yield Hub(environment=environment, **json.loads(said))
    finally:
        process.terminate()
        process.communicate(timeout=START_S)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        if os.environ.get("SUANWANG_REQUIRE_INTEGRATION") == "1":
            pytest.fail("Chromium is not installed, and SUANWANG_REQUIRE_INTEGRATION=1 asks for it")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield started
        started.close()


class Visit:
    """One person's window; what the browser complains of is kept."""

    def __init__(self, browser: Browser, hub: Hub, token: str, lang: str = "en", width: int = 1280) -> None:
        self.hub = hub
        self.lang = lang
        context = browser.new_context(viewport={"width": width, "height": 900}, locale=lang)
        self.page: Page = context.new_page()
        self.faults: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(f"{hub.address}/login")
        self.page.fill("#token", token)
        self.page.click("main button")
        self.page.wait_for_url(f"{hub.address}/")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def say(self, text: str) -> str:
        """A text of the console in this window's language."""
        return translator(self.lang)(text)

    def go(self, path: str) -> None:
        answer = self.page.goto(self.hub.address + path)
        assert answer is not None
        assert answer.status == 200, path

    def shot(self, name: str) -> None:
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{SHOTS}/console-{name}.png", full_page=True)


def barriers(page: Page) -> list[tuple[str, str]]:
    """What axe-core finds serious or critical: the rule, and the first place."""
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    return [(v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")]
