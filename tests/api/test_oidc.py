"""Logging in at a real OpenID provider that runs here: discovery, PKCE, code, signed ID token; and what is refused."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient
from joserfc import jwk, jwt

from suanwang.domain.identity import Role, User, UserKind
from suanwang.interfaces.api.app import create_app
from suanwang.service.identity import add_user
from tests.hub_world import HubWorld

CLIENT, SECRET = "hub", "hub-secret"


@dataclass
class Person:
    """Who logs in at the provider, and what it is made to get wrong."""

    sub: str = "s-1"
    email: str = "li@example.org"
    email_verified: bool = True
    wrong: dict[str, Any] = field(default_factory=dict)
    forged: bool = False


class Provider(HTTPServer):
    """A small provider that keeps the rules: codes are used once, by the client that knows secret and verifier."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.key = jwk.RSAKey.generate_key(2048, {"kid": "k1"}, private=True)
        self.other = jwk.RSAKey.generate_key(2048, {"kid": "k1"}, private=True)
        self.codes: dict[str, dict[str, str]] = {}
        self.person = Person()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        parts, issuer = urlsplit(self.path), self.server.issuer
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/.well-known/openid-configuration":
            places = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
            self._json({"issuer": issuer, **{name: issuer + place for name, place in places.items()}})
        elif parts.path == "/keys":
            self._json({"keys": [self.server.key.as_dict(private=False)]})
        elif parts.path == "/authorize":
            assert asked["code_challenge_method"] == "S256"
            code = f"code-{len(self.server.codes)}"
            self.server.codes[code] = asked
            back = urlencode({"code": code, "state": asked["state"]})
            self._answer(302, b"", {"Location": f"{asked['redirect_uri']}?{back}"})

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(text).items()}
        asked = self.server.codes.pop(form.get("code", ""), None)
        told = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        verifier = sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if (
            asked is None
            or self.headers["Authorization"] != f"Basic {told}"
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            self._json({"error": "invalid_grant"}, 400)
            return
        self._json({"access_token": "a", "token_type": "Bearer", "id_token": self._token(asked["nonce"])})

    def _token(self, nonce: str) -> str:
        person, now = self.server.person, int(time.time())
        claims = {
            "iss": self.server.issuer,
            "aud": CLIENT,
            "sub": person.sub,
            "email": person.email,
            "email_verified": person.email_verified,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **person.wrong,
        }
        key = self.server.other if person.forged else self.server.key
        return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, key)

    def _json(self, value: object, status: int = 200) -> None:
        self._answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Quietly."""


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    server = Provider()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def browser(hub: HubWorld, provider: Provider) -> TestClient:
    """A browser without a session, at a hub that has the provider."""
    provider.person = Person()
    settings = replace(
        hub.house.settings, oidc_issuer=provider.issuer, oidc_client_id=CLIENT, oidc_client_secret=SECRET
    )
    return TestClient(
        create_app(replace(hub.house, settings=settings)), base_url="http://testserver", raise_server_exceptions=False
    )


def log_in(browser: TestClient, **changed: str) -> httpx.Response:
    """Through the provider and back; `changed`: what the browser brings back instead."""
    begun = browser.get("/login/oidc?target=/v1/me", follow_redirects=False)
    assert begun.status_code == 303, begun.text
    back = httpx.get(begun.headers["location"]).headers["location"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    answer: httpx.Response = browser.get("/login/oidc/back", params={**asked, **changed}, follow_redirects=False)
    return answer


@pytest.fixture(scope="module", autouse=True)
def li(hub: HubWorld) -> User:
    user = User(
        id="li",
        kind=UserKind.PERSON,
        name="Li",
        roles=frozenset({Role.MEMBER}),
        organisation="me",
        email="Li@example.org",
        created=hub.house.hub.clock.now(),
    )
    return add_user(hub.house.store, hub.house.hub.grid, user)


def test_who_the_provider_knows_gets_a_session(browser: TestClient, provider: Provider) -> None:
    done = log_in(browser)
    assert (done.status_code, done.headers["location"]) == (303, "/v1/me")
    assert "HttpOnly" in done.headers["set-cookie"]
    assert browser.get("/v1/me").json()["user"]["id"] == "li"
    browser.cookies.clear()
    provider.person = Person(email="renamed@example.org")  # the subject is known now, whatever the address is
    assert log_in(browser).status_code == 303
    assert browser.get("/v1/me").json()["user"]["subject"].endswith("|s-1")


def test_a_change_by_the_session_needs_its_csrf_token(browser: TestClient, hub: HubWorld) -> None:
    log_in(browser)
    body = {"name": "t", "days": 1}
    refused = browser.post("/v1/me/tokens", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "csrf-refused")
    csrf = browser.get("/v1/me").headers["x-csrf-token"]
    assert browser.post("/v1/me/tokens", json=body, headers={"X-CSRF-Token": csrf}).status_code == 201
    browser.post("/logout", headers={"X-CSRF-Token": csrf})
    assert browser.get("/v1/me").status_code == 401


@pytest.mark.parametrize(
    "person",
    [
        Person(wrong={"nonce": "another"}),
        Person(wrong={"aud": "another"}),
        Person(wrong={"iss": "http://another"}),
        Person(wrong={"exp": 1}),
        Person(forged=True),
    ],
    ids=["nonce", "audience", "issuer", "expired", "signature"],
)
def test_a_token_that_does_not_fit_is_refused(browser: TestClient, provider: Provider, person: Person) -> None:
    provider.person = person
    refused = log_in(browser)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "not-authenticated")
    assert browser.get("/v1/me").status_code == 401


@pytest.mark.parametrize("changed", [{"state": "another"}, {"code": "another"}])
def test_what_another_page_sends_back_is_refused(browser: TestClient, changed: dict[str, str]) -> None:
    assert log_in(browser, **changed).status_code == 401


def test_a_code_comes_back_to_the_browser_that_began(browser: TestClient) -> None:
    assert browser.get("/login/oidc/back?code=x&state=y", follow_redirects=False).status_code == 401


@pytest.mark.parametrize(
    "person", [Person(sub="s-2", email="nobody@example.org"), Person(sub="s-3", email_verified=False)]
)
def test_somebody_nobody_added_is_not_let_in(browser: TestClient, provider: Provider, person: Person) -> None:
    provider.person = person
    refused = log_in(browser)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not-a-user")
