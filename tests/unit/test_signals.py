"""Signals from files, over HTTP and from Prometheus hold where they are known, and are refused by name otherwise."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from suanwang.adapters.catalog import load_catalog
from suanwang.adapters.signals.points import read_points
from suanwang.adapters.signals.source import signal_reader
from suanwang.adapters.store.sql import open_store
from suanwang.domain.signal import Signal
from suanwang.domain.site import Grid, Site
from suanwang.errors import InvalidInput
from suanwang.schemas.grid import read_grid, read_grid_signals
from suanwang.schemas.signal_fields import SignalSection
from suanwang.schemas.wrong import Wrong
from suanwang.service.feeds import Feeds, Heard, with_heard, with_remembered

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
CSV = "time,price\n2026-11-25T14:00+08:00,300\n2026-11-25T15:00+08:00,-20.5\n"
TEXT = Path("examples/grids/three-hubs.yaml").read_text()


def section(**given: object) -> SignalSection:
    return SignalSection.model_validate({"file": "x", **given})


def with_signals(signals: str) -> str:
    return TEXT.replace("      labels: {region: west}\n", f"      signals: {signals}\n      labels: {{region: west}}\n")


def grid_of(signals: str, folder: Path) -> Grid:
    return read_grid(with_signals(signals), "grid.yaml", load_catalog(()), read=signal_reader(folder, NOW))


def guian(signals: str, folder: Path) -> Site:
    return grid_of(signals, folder).site("guian")


@pytest.fixture
def server() -> Iterator[str]:
    """Answers with what is asked of it, on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            at = urlsplit(self.path)
            if at.path == "/api/v1/query_range":
                asked = parse_qs(at.query)
                start = int(asked["start"][0])
                values = [[start + 3600 * h, f"{1.1 + h / 100}"] for h in range(3)]
                body = json.dumps({"status": "success", "data": {"result": [{"metric": asked, "values": values}]}})
            elif at.path == "/carbon":
                body = json.dumps({"data": [{"at": "2026-11-25T06:00Z", "g": 512.5}, {"at": 1795590000, "g": 500}]})
            else:
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_request(self, *_: object) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()
    thread.join()


def test_a_price_from_a_file_holds_where_it_is_known(tmp_path: Path) -> None:
    (tmp_path / "spot.csv").write_text(CSV)
    site = guian("{power: {file: spot.csv, value: price, scale: 0.001}}", tmp_path)
    plain = read_grid(TEXT, "grid.yaml", load_catalog(())).site("guian")
    price = site.power_price(NOW - timedelta(hours=3), NOW + timedelta(hours=30))
    tariff = plain.power_price(NOW - timedelta(hours=3), NOW + timedelta(hours=30))
    assert price.at(NOW) == 0.3
    assert price.at(NOW + timedelta(hours=1.5)) == -0.0205  # a market price may be negative
    for hours in (-3, -0.5, 2, 5, 25):  # the last value holds for an hour, as the one before it did
        assert price.at(NOW + timedelta(hours=hours)) == tariff.at(NOW + timedelta(hours=hours))
    far = NOW + timedelta(days=30)
    assert site.power_price(far, far + timedelta(hours=1)).at(far) == plain.power_price(far, far).at(far)


def test_carbon_over_http_and_pue_from_prometheus(tmp_path: Path, server: str) -> None:
    wanted = f"{{url: '{server}/carbon', time: at, value: g, scale: 0.001}}"
    carbon = guian(f"{{carbon: {wanted}}}", tmp_path).carbon_location
    assert [carbon.at(NOW + timedelta(hours=h)) for h in (0, 1)] == [0.5125, 0.5]
    assert carbon.at(NOW) != carbon.at(NOW + timedelta(hours=2)) == carbon.at(NOW - timedelta(hours=1))
    pue = guian(f"{{pue: {{prometheus: '{server}/', query: 'avg(pue)', step: 1 h}}}}", tmp_path).pue
    start = NOW - timedelta(days=2)
    assert [pue.at(start + timedelta(hours=h)) for h in (-1, 0, 1, 2, 3)] == [1.2, 1.1, 1.11, 1.12, 1.2]


@pytest.mark.parametrize(
    ("signals", "told"),
    [
        ("{power: {file: no.csv}}", "cannot be read"),
        ("{power: {file: spot.csv}}", "no column value"),
        ("{pue: {file: spot.csv, value: price}}", "below 1"),
        ("{power: {file: spot.csv, url: 'http://x'}}", "exactly one of file"),
        ("{power: {prometheus: 'http://x'}}", "belong together"),
        ("{carbon: {url: 'ftp://x/y'}}", "not an http"),
        ("{carbon: {url: 'http://127.0.0.1:9/'}}", "does not answer"),
    ],
)
def test_what_is_wrong_is_named_at_its_place(tmp_path: Path, signals: str, told: str) -> None:
    (tmp_path / "spot.csv").write_text(CSV)
    with pytest.raises(InvalidInput) as refused:
        grid_of(signals, tmp_path)
    (problem,) = refused.value.problems
    assert "grid.sites[0].signals" in problem.place
    assert told in str(problem.message)


def test_an_address_that_refuses(tmp_path: Path, server: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        grid_of(f"{{power: {{url: '{server}/none'}}}}", tmp_path)
    assert "answers 404" in str(refused.value.problems[0].message)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("time,value\n", "no value"),
        ("time,value\n2026-01-01T00:00,1\n", "offset"),
        ("time,value\n2026-01-01T00:00Z,\n", "not a number"),
        ("time,value\n2026-01-01T01:00Z,1\n2026-01-01T00:00Z,1\n", "not later"),
        ("[1, 2]", "list of objects"),
        ("{", "not JSON"),
        ('{"data": {"result": []}}', "0 series"),
        ('[{"time": "2026-01-01T00:00Z"}]', "no column value"),
    ],
)
def test_texts_that_are_no_signal(text: str, told: str) -> None:
    with pytest.raises(Wrong, match=told):
        read_points(text, section())


def test_points_are_kept_exactly() -> None:
    points, until = read_points('[{"time": 0, "value": 0.1}, {"time": 60, "value": "0.2"}]', section())
    assert [value for _, value in points] == [Decimal("0.1"), Decimal("0.2")]
    assert until == datetime(1970, 1, 1, 0, 2, tzinfo=UTC)


def test_a_signal_over_another() -> None:
    hours = [NOW + timedelta(hours=h) for h in range(6)]
    base = Signal.of("u", [(hours[0], 1), (hours[2], 2)], until=hours[4])
    assert base.under(Signal.of("u", [(hours[1], 9)], until=hours[3])).micros == (10**6, 9 * 10**6, 2 * 10**6)
    assert base.under(Signal.of("u", [(hours[3], 9)], until=hours[5])).until == hours[5]
    with pytest.raises(ValueError, match="cannot be one signal"):
        base.under(Signal.constant("v", 1))


def test_what_is_heard_later_goes_over_what_was_known(tmp_path: Path) -> None:
    (tmp_path / "spot.csv").write_text(CSV)
    before = guian("{power: {file: spot.csv, value: price, scale: 0.001}}", tmp_path)
    hour = datetime(2026, 11, 25, 6, tzinfo=UTC)
    later = Signal.of("CNY/kWh", [(hour + timedelta(hours=1), "0.4"), (hour + timedelta(hours=2), "0.5")], hour + DAY)
    after = before.heard({"power": later})
    prices = after.power_price(hour, hour + DAY)
    assert prices.at(hour) == 0.3, "an hour that the source no longer tells keeps its price"
    assert prices.at(hour + timedelta(hours=1)) == 0.4, "the newest forecast holds"
    assert before.power_price(hour, hour + DAY).at(hour + timedelta(hours=1)) == -0.0205


def test_a_gap_between_two_prices_is_the_tariffs(tmp_path: Path) -> None:
    (tmp_path / "spot.csv").write_text(CSV)
    before = guian("{power: {file: spot.csv, value: price, scale: 0.001}}", tmp_path)
    start = datetime(2026, 11, 27, tzinfo=UTC)
    after = before.heard({"power": Signal.of("CNY/kWh", [(start, "0.1")], start + DAY)})
    gap = start - timedelta(hours=6)
    assert after.power_price(gap, start).at(gap) == before.tariff.signal(before.zone, gap, start).at(gap)
    assert after.power_price(gap, start + DAY).at(start) == 0.1


def test_the_other_signals_lie_over_what_the_site_says(tmp_path: Path) -> None:
    (tmp_path / "spot.csv").write_text(CSV)
    site = guian("{power: {file: spot.csv, value: price, scale: 0.001}}", tmp_path)
    at = datetime(2026, 11, 27, tzinfo=UTC)
    heard = {
        "pue": Signal.of("kWh/kWh", [(at, "1.31")], at + DAY),
        "carbon": Signal.of("kg/kWh", [(at, "0.4")], at + DAY),
        "carbon_market": Signal.of("kg/kWh", [(at, "0.05")], at + DAY),
    }
    found = site.heard(heard)
    assert (found.pue.at(at), found.pue.at(at - DAY), found.pue.at(at + DAY)) == (1.31, 1.2, 1.2)
    assert (found.carbon_location.at(at), found.carbon_location.at(at - DAY)) == (0.4, site.carbon_location.at(at))
    assert found.carbon_market is not None
    assert found.carbon_market.at(at) == 0.05
    assert site.heard({}) == site


def test_a_past_hour_has_its_price_after_a_restart(tmp_path: Path) -> None:
    """The file tells other hours each day; what it told stays known, also what it told twice."""
    store = open_store(f"sqlite:///{tmp_path / 'suanwang.db'}")

    def restarted(first: int, *prices: str) -> Site:
        hours = [(NOW + timedelta(hours=first + h)).isoformat() for h in range(len(prices))]
        rows = [f"{hour},{price}" for hour, price in zip(hours, prices, strict=True)]
        (tmp_path / "spot.csv").write_text("\n".join(["time,price", *rows]) + "\n")
        read = signal_reader(tmp_path, NOW)
        grid = read_grid(with_signals("{power: {file: spot.csv, value: price}}"), "grid", load_catalog(()), (), read)
        return with_remembered(grid, store, NOW + timedelta(hours=first)).site("guian")

    restarted(0, "0.1", "0.2", "0.3")
    restarted(1, "0.25", "0.3")
    site = restarted(30, "0.5", "0.6")
    price = site.power_price(NOW, NOW + 2 * DAY)
    assert [price.at(NOW + timedelta(hours=h)) for h in (0, 1, 2, 30, 31)] == [0.1, 0.25, 0.3, 0.5, 0.6]
    between = NOW + timedelta(hours=10)
    assert price.at(between) == site.tariff.signal(site.zone, between, between + DAY).at(between)
    with store.reading() as tx:
        told = [version.signal.micros for version in tx.operations.heard(NOW - DAY)]
    assert told == [(100_000, 200_000, 300_000), (250_000,), (500_000, 600_000)], "only what was news is kept"
    store.close()


def test_feeds_hand_on_what_could_be_read_and_tell_the_rest(tmp_path: Path) -> None:
    text = with_signals("{power: {file: spot.csv, value: price, scale: 0.001}, pue: {file: none.csv}}")
    (tmp_path / "spot.csv").write_text(CSV)
    taken: list[Heard] = []
    faults: list[int] = []
    feeds = Feeds(
        60, lambda: read_grid_signals(text, "grid.yaml", signal_reader(tmp_path, NOW)), taken.append, faults.append
    )
    feeds.once()
    assert list(taken[0]["guian"]) == ["power"]
    assert faults == [1]
    grid = with_heard(read_grid(TEXT, "grid.yaml", load_catalog(())), {**taken[0], "gone": {}})
    assert grid.site("guian").power == taken[0]["guian"]["power"]
    (tmp_path / "spot.csv").unlink()
    feeds.once()
    assert (len(taken), faults) == (1, [1, 2]), "what was known holds"
