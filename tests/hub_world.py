"""A hub for tests of the API: two tenants, one site, a user for every kind of caller, and a client for each."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from suanwang.bootstrap import House, open_house
from suanwang.domain.identity import Role, User, UserKind
from suanwang.interfaces.api.app import create_app
from suanwang.interfaces.api.serve import figures_of
from suanwang.interfaces.serving.served import Served
from suanwang.schedule.scheme import find_scheme
from suanwang.service.identity import make_token
from suanwang.service.ticking import Ticker
from tests.tiny_home import Home

SECOND_SITE = """\
    - id: there
      name: There
      latitude: 30
      longitude: 104
      province: CN-SC
      zone: Asia/Shanghai
      tariff:
        name: One price
        prices: {flat: 0.9 CNY/kWh}
        source: {text: invented for a test, confidence: estimate}
      pue: 1.2
      carbon: {location: 0.1 kg/kWh}
  pools:
    - {id: spares, site: there, accelerator: toy, nodes: 1, accelerators_per_node: 1, engine: none, price_book: book}
"""
"""A site whose pool no engine drives: it can be seen, drained and quoted."""
SECOND_PERSON = """\
rates: [{ratio: 50 %}]
      procedure: {second_person_above: 100 CNY, publicity_days: 0}
"""
"""Vouchers to 100 CNY may be issued by one person."""
BEGAN = datetime(2020, 1, 1, tzinfo=UTC)

CALLERS: Mapping[str, tuple[frozenset[Role], str, str]] = {
    "member": (frozenset({Role.MEMBER}), "me", ""),
    "admin": (frozenset({Role.ADMIN}), "me", ""),
    "billing": (frozenset({Role.BILLING}), "me", ""),
    "stranger": (frozenset({Role.ADMIN}), "poor", ""),
    "site-operator": (frozenset({Role.SITE_OPERATOR}), "", "here"),
    "maker": (frozenset({Role.VOUCHER_MAKER}), "", ""),
    "checker": (frozenset({Role.VOUCHER_CHECKER}), "", ""),
    "auditor": (frozenset({Role.AUDITOR}), "", ""),
    "grid-operator": (frozenset({Role.GRID_OPERATOR}), "", ""),
    "agent": (frozenset({Role.AGENT}), "", "here"),
}
"""Roles, organisation and site of each user."""


@dataclass(frozen=True)
class HubWorld:
    """A composed hub, its application, and the secret of each caller ("expired" has one that has run out)."""

    home: Home
    house: House
    app: FastAPI
    secrets: Mapping[str, str]

    def client(self, caller: str = "") -> TestClient:
        """A client that sends the caller's token; "" sends none."""
        headers = {"Authorization": f"Bearer {self.secrets[caller]}"} if caller else {}
        return TestClient(self.app, headers=headers, raise_server_exceptions=False)

    def workload(self, program: str = "print(1)", **more: Any) -> dict[str, Any]:
        """A workload document that one card of the tiny grid can run."""
        section = {
            "name": "small",
            "kind": "batch",
            "batch": {"duration": "1 s", "duration_accelerator": "toy"},
            "command": ["python3", "-c", program],
            "accelerators": {"count": 1},
            "time_limit": "1 min",
            **more,
        }
        return {"apiVersion": "suanwang/v1", "kind": "Workload", "workload": section}


@contextmanager
def open_hub(
    folder: Path, database_url: str = "", rate_limit: str = "", *, ticking: bool = False
) -> Iterator[HubWorld]:
    """A hub in a folder, on SQLite or at a database's address; `ticking`: it has a ticker, which does not run."""
    home = Home(folder)
    text = home.grid.read_text().replace("  pools:\n", SECOND_SITE)
    home.grid.write_text(text.replace("rates: [{ratio: 50 %}]\n", SECOND_PERSON))
    if database_url:
        home.environment["SUANWANG_DATABASE_URL"] = database_url
    if rate_limit:
        home.environment["SUANWANG_RATE_LIMIT"] = rate_limit
    house = open_house(home.environment)
    served = Served()
    if ticking:
        served.put(figures_of(Ticker(house.hub, house.store, find_scheme(house.hub.grid.policy).policy)))
    try:
        yield HubWorld(home=home, house=house, app=create_app(house, served), secrets=_secrets(house))
    finally:
        house.close()


def _secrets(house: House) -> dict[str, str]:
    now = house.hub.clock.now()
    secrets = {}
    with house.store.transaction() as tx:
        for name, (roles, organisation, site) in CALLERS.items():
            kind = UserKind.SERVICE if name == "agent" else UserKind.PERSON
            user = User(id=name, kind=kind, name=name, roles=roles, organisation=organisation, site=site, created=now)
            tx.identity.add_user(user)
            secrets[name] = make_token(tx.identity, user, "test", now, timedelta(days=1)).secret
        member = tx.identity.user("member")
        secrets["expired"] = make_token(tx.identity, member, "old", BEGAN, timedelta(days=1)).secret
    return secrets
