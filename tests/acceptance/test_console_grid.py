"""The console of a grid of three hubs: what is compared there has more than one place."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.console_world import REPO, Hub, Visit, barriers, chromium, serving

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """The example of three hubs; its engines are all this machine."""
    text = (REPO / "examples" / "grids" / "three-hubs.yaml").read_text(encoding="utf-8")
    for engine in ("slurm", "kubernetes"):
        text = text.replace(f"engine: {engine}", "engine: local")
    with serving(tmp_path_factory.mktemp("three"), text) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("lang", "width"), [("en", 1280), ("zh-CN", 1280), ("zh-CN", 390)])
def test_hubs_are_compared(browser: Browser, hub: Hub, lang: str, width: int) -> None:
    visit = Visit(browser, hub, hub.login_of("chief", "grid-operator", "auditor"), lang, width)
    page, mark = visit.page, f"{lang}-{width}"
    visit.go("/")
    page.wait_for_selector("#flows canvas")
    told = page.text_content("script[data-for=flows]")
    hubs = len(json.loads(told or "")["series"][0]["data"])
    assert hubs == 3
    visit.shot(f"overview-{mark}")
    visit.go("/prices")
    page.wait_for_selector("#heat canvas")
    visit.shot(f"prices-{mark}")
    visit.go("/sites")
    visit.shot(f"sites-{mark}")
    assert barriers(page) == []
    assert visit.faults == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("lang", ["en", "zh-CN"])
def test_a_quote_has_offers_of_every_hub_that_can(browser: Browser, hub: Hub, lang: str) -> None:
    visit = Visit(browser, hub, hub.token, lang)
    page = visit.page
    visit.go("/quote")
    page.fill("#file", (REPO / "examples" / "workloads" / "finetune-8b-lora.yaml").read_text(encoding="utf-8"))
    page.click("form[hx-post='/quote'] button")
    page.wait_for_selector("#offers-table .chosen")
    page.wait_for_selector("#pareto canvas")
    assert page.locator("#offers-table tbody tr").count() >= 3
    visit.shot(f"offers-{lang}")
    assert barriers(page) == []
    assert visit.faults == []
