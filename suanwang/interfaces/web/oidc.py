"""Logging in at an identity provider (OpenID Connect, authorization code with PKCE).

The provider is found by its issuer's discovery document; its ID token is checked for signature, issuer, audience,
nonce and time. Who it names must be a user of the hub: known by the provider's subject, or, at the first log-in, by a
verified e-mail address that no other subject has.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from suanwang.domain.identity import User, UserKind
from suanwang.errors import NotNow, NotPermitted, msg
from suanwang.hub_ports import HubStore

TIMEOUT_S = 10.0
ALGORITHMS = ["RS256", "ES256", "PS256", "EdDSA"]
SKEW_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One log-in that has begun: what the browser must bring back, and what only the hub's cookie knows."""

    state: str
    nonce: str
    verifier: str


class Provider:
    """An identity provider. Raises NotNow(provider-unreachable) while it does not answer."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, redirect: str) -> None:
        self.issuer = issuer.rstrip("/")
        self._client = (client_id, client_secret)
        self._redirect = redirect

    def begin(self) -> tuple[str, Attempt]:
        """The address to send the browser to, and what to keep of it in a cookie."""
        attempt = Attempt(
            state=secrets.token_urlsafe(24), nonce=secrets.token_urlsafe(24), verifier=secrets.token_urlsafe(48)
        )
        asked = {
            "response_type": "code",
            "scope": "openid email profile",
            "client_id": self._client[0],
            "redirect_uri": self._redirect,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": create_s256_code_challenge(attempt.verifier),
            "code_challenge_method": "S256",
        }
        return add_params_to_uri(self._discovered()["authorization_endpoint"], asked), attempt

    def finish(self, attempt: Attempt, state: str, code: str) -> Mapping[str, Any]:
        """The claims of who logged in. Raises NotPermitted(not-authenticated) when anything does not fit."""
        if not secrets.compare_digest(attempt.state.encode(), state.encode()):
            raise refused("state")
        found = self._discovered()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect,
            "code_verifier": attempt.verifier,
        }
        answer = self._ask("POST", found["token_endpoint"], data=form, auth=self._client)
        if not answer.is_success:
            raise refused("code")
        keys = self._ask("GET", found["jwks_uri"]).json()
        try:
            token = jwt.decode(answer.json()["id_token"], jwk.KeySet.import_key_set(keys), algorithms=ALGORITHMS)
            claims = CodeIDToken(token.claims, token.header, self._expected(), {"nonce": attempt.nonce})
            claims.validate(leeway=SKEW_S)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise refused(type(error).__name__) from error
        except Exception as error:  # authlib's own errors of claims share no base with those above
            raise refused(type(error).__name__) from error
        return dict(token.claims)

    def _expected(self) -> dict[str, Any]:
        return {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self._client[0]},
            "sub": {"essential": True},
            "exp": {"essential": True},
            "nonce": {"essential": True},
        }

    def _discovered(self) -> dict[str, Any]:
        found: dict[str, Any] = self._ask("GET", f"{self.issuer}/.well-known/openid-configuration").json()
        if found.get("issuer", "").rstrip("/") != self.issuer:
            raise refused("issuer")
        return found

    def _ask(self, verb: str, url: str, **request: Any) -> httpx.Response:
        try:
            return httpx.request(verb, url, timeout=TIMEOUT_S, **request)
        except httpx.HTTPError as error:
            raise NotNow(
                "provider-unreachable",
                msg("the identity provider {issuer} did not answer", issuer=self.issuer),
                msg("Try again, or log in by a token."),
            ) from error


def refused(why: str) -> NotPermitted:
    """NotPermitted(not-authenticated); `why` names the part that did not fit."""
    return NotPermitted(
        "not-authenticated",
        msg("the log-in could not be confirmed ({why})", why=why),
        msg("Begin again from the log-in page."),
    )


def user_of_claims(store: HubStore, issuer: str, claims: Mapping[str, Any]) -> User:
    """The user that a provider's claims name. Raises NotPermitted(not-a-user) for somebody nobody has added."""
    subject, email = f"{issuer}|{claims['sub']}", str(claims.get("email", "")).lower()
    with store.transaction() as tx:
        known = tx.identity.user_of(subject)
        if known is None and email and claims.get("email_verified") is True:
            same = [u for u in tx.identity.users(limit=100_000) if u.email.lower() == email and not u.subject]
            if len(same) == 1:
                known = replace(same[0], subject=subject)
                tx.identity.change_user(known)
    if known is None or not known.active or known.kind is not UserKind.PERSON:
        raise NotPermitted(
            "not-a-user",
            msg("nobody has made you a user of this hub"),
            msg("Ask an administrator to add you with the e-mail address that the identity provider knows."),
        )
    return known
