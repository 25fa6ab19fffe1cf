"""The console in a real browser: each role's main task from log-in to result, both languages, no fault, accessible."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser

from suanwang.interfaces.i18n import translator
from suanwang.interfaces.web.words import word
from tests.console_world import REPO, Hub, Visit, barriers, chromium, serving

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

LANGUAGES = pytest.mark.parametrize("lang", ["en", "zh-CN"])
pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub on this machine alone, with a voucher programme."""
    text = (REPO / "suanwang" / "data" / "grids" / "this-machine.yaml").read_text(encoding="utf-8")
    with serving(tmp_path_factory.mktemp("console"), text.rstrip() + "\n" + PROGRAMME.lstrip("\n")) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


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
@LANGUAGES
def test_a_tenant_gets_a_quote_orders_it_and_sees_the_bill(browser: Browser, hub: Hub, lang: str) -> None:
    hub.run("admin", "deposit", "me", "100", "--key", "first")
    visit = Visit(browser, hub, hub.token, lang)
    page = visit.page
    visit.go("/quote")
    page.fill("#file", "workload: {}")
    page.click(f"main button:has-text('{visit.say('Ask for a quote')}')")
    page.wait_for_selector("#offers .refusal")
    assert "apiVersion" in page.inner_text("#offers")
    visit.go("/quote")
    page.click(f"main button:has-text('{visit.say('Ask for a quote')}')")
    page.wait_for_selector("#offers-table .chosen")
    assert barriers(page) == []
    visit.shot(f"quote-offers-{lang}")
    page.click("form[hx-post='/quote/order'] button")
    page.wait_for_url("**/jobs/j*")
    deadline = time.monotonic() + 120
    while visit.page.locator("h1 .state-settled").count() == 0 and time.monotonic() < deadline:
        page.wait_for_timeout(1000)
        page.reload()
    assert page.locator("h1 .state-settled").count()
    assert "499500" in page.inner_text("pre.log")
    visit.shot(f"job-{lang}")
    job = page.url.rpartition("/")[2]
    visit.go("/billing")
    with page.expect_download() as download:
        page.click(f"text={visit.say('Download')}")
    charges = download.value.path().read_text().splitlines()
    assert "BilledCost" in charges[0]
    assert len(charges) > 1
    page.wait_for_selector("#documents a")
    assert "server-cpu-core" in page.inner_text("#delivered")
    visit.shot(f"billing-{lang}")
    with page.expect_download() as download:
        page.click("#documents >> text=PDF")
    assert download.value.path().read_bytes().startswith(b"%PDF")
    page.click(f"text={job}")
    assert "¥" in page.inner_text("main dl.tiles")
    visit.shot(f"invoice-{lang}")
    assert visit.faults == []


@pytest.mark.timeout(300)
@LANGUAGES
def test_a_voucher_is_applied_for_and_signed_by_two_persons(browser: Browser, hub: Hub, lang: str) -> None:
    tenant, docket = Visit(browser, hub, hub.token, lang), f"a-{lang}"
    tenant.go("/vouchers/programme/our-city")
    tenant.page.fill("#file", CASE)
    tenant.page.click(f"text={tenant.say('See what it would grant')}")
    tenant.page.wait_for_selector("#grant .done")
    assert "20,000.00" in tenant.page.inner_text("#grant")
    tenant.page.fill("#docket_id", docket)
    tenant.page.click(f"main button:has-text('{tenant.say('Apply')}')")
    tenant.page.wait_for_url(f"**/vouchers/docket/{docket}")
    hub.run("voucher", "budget", "our-city", "100000", "--key", "b")
    maker = Visit(browser, hub, hub.login_of("max", "voucher-maker"), lang)
    checker = Visit(browser, hub, hub.login_of("che", "voucher-checker"), lang)
    for visit, step in (
        (maker, "pre_check"),
        (maker, "review"),
        (checker, "publicity"),
        (checker, "approved"),
    ):
        visit.go(f"/vouchers/docket/{docket}")
        visit.page.click(f"button:has-text('{word('state', step, translator(lang))} (')")
        visit.page.wait_for_selector(f"h1 .state-{step}")
    checker.shot(f"docket-{lang}")
    assert "che" in checker.page.inner_text("#steps")
    assert "approved" not in maker.page.content()


@pytest.mark.timeout(300)
@LANGUAGES
def test_a_site_sees_its_plan_against_what_happened(browser: Browser, hub: Hub, lang: str) -> None:
    hub.run("admin", "deposit", "me", "100", "--key", "plan")
    hub.run("run", str(REPO / "examples" / "workloads" / "hello.yaml"))
    visit = Visit(browser, hub, hub.login_of("sita", "site-operator", site="here"), lang)
    page = visit.page
    visit.go("/sites/here")
    page.wait_for_selector("#revenue-table")
    assert "local" in page.inner_text("#revenue-table")
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
@LANGUAGES
def test_an_operator_drains_a_site_and_a_stranger_sees_nothing(browser: Browser, hub: Hub, lang: str) -> None:
    visit = Visit(browser, hub, hub.login_of("chief", "grid-operator", "auditor"), lang)
    visit.page.on("dialog", lambda dialog: dialog.accept())
    visit.go("/sites/here")
    visit.page.click(f"text={visit.say('Drain the site')}")
    visit.page.wait_for_selector("h1 .state-drained")
    visit.page.click(f"text={visit.say('Let the site take work again')}")
    visit.page.wait_for_selector("h1:not(:has(.state-drained))")
    nobody = browser.new_context().new_page()
    for path in ("/", "/jobs", "/audit", "/vouchers/docket/a-en"):
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
