"""The console in a real browser: each role's main task from log-in to result, both languages, no fault, accessible.

`SUANWANG_SCREENSHOTS=folder` keeps a picture of every page.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

REPO = Path(__file__).parents[2]
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
PAGES = (
    "/",
    "/quote",
    "/jobs",
    "/prices",
    "/sites",
    "/sites/here",
    "/vouchers",
    "/vouchers/programme/our-city",
    "/billing",
    "/feasibility",
    "/replay",
    "/catalog",
    "/catalog/accelerators",
    "/audit?check=true",
    "/admin",
)
PROGRAMME = """
  programmes:
    - id: our-city
      name: Our city
      name_zh: 本市
      issuer: Our data bureau
      currency: CNY
      mode: reimburse
      opens: 2026-01-01T00:00+08:00
      closes: 2099-01-01T00:00+08:00
      rates: [{ratio: 40 %}]
      source: {text: a test, confidence: estimate}
"""
CASE = "apiVersion: suanwang/v1\nkind: Case\ncase: {at: 2026-12-01, costs: [{line: rent, amount: 50000 CNY}]}\n"

pytestmark = pytest.mark.integration


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


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """`suanwang up` on a grid of this machine with a voucher programme."""
    folder = tmp_path_factory.mktemp("console")
    text = (REPO / "suanwang" / "data" / "grids" / "this-machine.yaml").read_text(encoding="utf-8")
    (folder / "grid.yaml").write_text(text.rstrip() + "\n" + PROGRAMME.lstrip("\n"), encoding="utf-8")
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
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

    def go(self, path: str) -> None:
        answer = self.page.goto(self.hub.address + path)
        assert answer is not None
        assert answer.status == 200, path

    def shot(self, name: str) -> None:
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def barriers(page: Page) -> list[tuple[str, str]]:
    """What axe-core finds serious or critical: the rule, and the first place."""
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    return [(v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("lang", "width"), [("en", 1280), ("zh-CN", 390)])
def test_every_page_is_whole_accessible_and_silent(browser: Browser, hub: Hub, lang: str, width: int) -> None:
    visit = Visit(browser, hub, hub.login_of("chief", "grid-operator", "auditor"), lang, width)
    for path in PAGES:
        if path in ("/quote", "/billing"):
            continue  # of tenants: the next test goes there
        visit.go(path)
        visit.page.wait_for_timeout(200)
        assert visit.page.get_attribute("html", "lang") == lang
        assert barriers(visit.page) == [], path
        assert visit.faults == [], path
        wide = visit.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 1, f"{path} is wider than the window"
        visit.shot(f"{path.strip('/').replace('/', '-').partition('?')[0] or 'overview'}-{lang}")


@pytest.mark.timeout(120)
def test_the_map_goes_back_and_ahead_by_keys(browser: Browser, hub: Hub) -> None:
    visit = Visit(browser, hub, hub.token)
    page = visit.page
    visit.go("/")
    assert "planned" in page.inner_text("#flows-part output")
    for _ in range(2):
        page.press("#hour", "ArrowLeft")
        page.wait_for_selector("#flows-part output:has-text('metered')")
    page.wait_for_function("document.querySelector('#hour').value === '-2'")
    assert page.evaluate("document.activeElement.id") == "hour", "the keys stay where they are"
    page.wait_for_selector("#flows canvas")
    page.click("text=That hour as a table")
    assert "kWh" in page.inner_text("#hour-sites thead")
    assert barriers(page) == []
    assert visit.faults == []


@pytest.mark.timeout(300)
def test_a_tenant_gets_a_quote_orders_it_and_sees_the_bill(browser: Browser, hub: Hub) -> None:
    hub.run("admin", "deposit", "me", "100", "--key", "first")
    visit = Visit(browser, hub, hub.token)
    page = visit.page
    visit.go("/quote")
    page.fill("#file", "workload: {}")
    page.click("text=Ask for a quote")
    page.wait_for_selector("#offers .refusal")
    assert "apiVersion" in page.inner_text("#offers")
    visit.go("/quote")
    page.click("text=Ask for a quote")
    page.wait_for_selector("#offers-table .chosen")
    assert barriers(page) == []
    visit.shot("quote-offers")
    page.click("text=Order it")
    page.wait_for_url("**/jobs/j*")
    deadline = time.monotonic() + 120
    while "settled" not in page.inner_text("h1") and time.monotonic() < deadline:
        page.wait_for_timeout(1000)
        page.reload()
    assert "settled" in page.inner_text("h1")
    assert "499500" in page.inner_text("pre.log")
    visit.shot("job")
    job = page.url.rpartition("/")[2]
    visit.go("/billing")
    with page.expect_download() as download:
        page.click("text=Download")
    charges = download.value.path().read_text().splitlines()
    assert "BilledCost" in charges[0]
    assert len(charges) > 1
    page.wait_for_selector("#documents a")
    assert "server-cpu-core" in page.inner_text("#delivered")
    visit.shot("billing")
    with page.expect_download() as download:
        page.click("#documents >> text=PDF")
    assert download.value.path().read_bytes().startswith(b"%PDF")
    page.click(f"text={job}")
    assert "¥" in page.inner_text("main dl.tiles")
    visit.shot("invoice")
    assert visit.faults == []


@pytest.mark.timeout(300)
def test_a_voucher_is_applied_for_and_signed_by_two_persons(browser: Browser, hub: Hub) -> None:
    tenant = Visit(browser, hub, hub.token)
    tenant.go("/vouchers/programme/our-city")
    tenant.page.fill("#file", CASE)
    tenant.page.click("text=See what it would grant")
    tenant.page.wait_for_selector("#grant .done")
    assert "20,000.00" in tenant.page.inner_text("#grant")
    tenant.page.fill("#docket_id", "a-1")
    tenant.page.click("button:has-text('Apply')")
    tenant.page.wait_for_url("**/vouchers/docket/a-1")
    hub.run("voucher", "budget", "our-city", "100000", "--key", "b")
    maker = Visit(browser, hub, hub.login_of("max", "voucher-maker"))
    checker = Visit(browser, hub, hub.login_of("che", "voucher-checker"))
    for visit, step in (
        (maker, "pre_check (maker)"),
        (maker, "review (maker)"),
        (checker, "publicity (checker)"),
        (checker, "approved (checker)"),
    ):
        visit.go("/vouchers/docket/a-1")
        visit.page.click(f"button:has-text('{step}')")
        visit.page.wait_for_selector(f"h1 .state-{step.partition(' ')[0]}")
    checker.shot("docket")
    assert "che" in checker.page.inner_text("#steps")
    assert "approved (checker)" not in maker.page.content()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("lang", ["en", "zh-CN"])
def test_a_site_sees_its_plan_against_what_happened(browser: Browser, hub: Hub, lang: str) -> None:
    hub.run("admin", "deposit", "me", "100", "--key", "plan")
    hub.run("run", str(REPO / "examples" / "workloads" / "hello.yaml"))
    visit = Visit(browser, hub, hub.login_of("sita", "site-operator", site="here"), lang)
    page = visit.page
    visit.go("/sites/here")
    page.set_input_files("#plan", REPO / "examples" / "sites" / "university.yaml")
    page.fill("#since", f"{datetime.now(UTC) - timedelta(days=40):%Y-%m-%d}")
    page.click("main form[hx-post$='/review'] button")
    report = page.wait_for_selector("#review iframe")
    assert report is not None
    inside = report.content_frame()
    assert inside is not None
    inside.wait_for_selector("svg")
    assert inside.locator("table tbody tr").count() >= 2, "a row for each month"
    assert barriers(page) == []
    visit.shot(f"review-{lang}")
    assert visit.faults == []


@pytest.mark.timeout(300)
def test_an_operator_drains_a_site_and_a_stranger_sees_nothing(browser: Browser, hub: Hub) -> None:
    visit = Visit(browser, hub, hub.login_of("chief", "grid-operator", "auditor"))
    visit.page.on("dialog", lambda dialog: dialog.accept())
    visit.go("/sites/here")
    visit.page.click("text=Drain the site")
    visit.page.wait_for_selector("h1 .state-drained")
    visit.page.click("text=Let the site take work again")
    visit.page.wait_for_selector("h1:not(:has(.state-drained))")
    nobody = browser.new_context().new_page()
    for path in ("/", "/jobs", "/audit", "/vouchers/docket/a-1"):
        nobody.goto(hub.address + path)
        assert "/login" in nobody.url
    nobody.fill("#token", "sw_wrong")
    nobody.click("main button")
    nobody.wait_for_selector("main .refusal")
    maker = Visit(browser, hub, hub.login_of("max", "voucher-maker"))
    answer = maker.page.goto(hub.address + "/audit")
    assert answer is not None
    assert answer.status == 403
    assert "role-missing" in maker.page.inner_text("main")
