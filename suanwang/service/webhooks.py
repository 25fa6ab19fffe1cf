"""Telling webhooks what happened to jobs: each event at least once, signed, again after a while until it is heard.

The receiver checks `Suanwang-Signature: t=<seconds>,v1=<hex>`: HMAC-SHA256 of "<seconds>.<body>" under the webhook's
secret. `Suanwang-Delivery` is the same when an event is told again.
"""

import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import urlsplit

from suanwang.domain.signal import EPOCH
from suanwang.domain.webhook import Delivery, DeliveryState, Webhook
from suanwang.errors import InvalidInput, NotFound, Problem, msg
from suanwang.hub_ports import HubStore
from suanwang.ports import Clock
from suanwang.schemas.wire import plain
from suanwang.service.listing import JobLine

Send = Callable[[str, bytes, Mapping[str, str]], int | None]
"""Posts a body to an address; the status of the answer, None where there was none."""
ATTEMPTS_MAX = 8
FIRST_PAUSE_S = 10.0
"""Before the second attempt; each further pause is twice as long (10 s, 20 s, … 11 min)."""


def add_webhook(store: HubStore, clock: Clock, organisation: str, url: str) -> Webhook:
    """A new webhook of an organisation, with its secret. Raises InvalidInput for an address that is not called."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or _is_forbidden(parts.hostname):
        what = msg("{url!r} is not an address that a hub calls.", url=url[:200])
        raise InvalidInput([Problem("body url", what, msg("Give an http or https address of your own server."))])
    webhook = Webhook(
        id=f"w{secrets.token_hex(8)}",
        organisation=organisation,
        url=url,
        secret=secrets.token_urlsafe(32),
        created=clock.now(),
    )
    with store.transaction() as tx:
        tx.webhooks.add(webhook)
    return webhook


def _is_forbidden(host: str) -> bool:
    """Link-local addresses are where machines of clouds tell their secrets."""
    try:
        return ip_address(host).is_link_local
    except ValueError:
        return False


def deliver(store: HubStore, clock: Clock, send: Send, limit: int = 100) -> int:
    """Send what is due, oldest first; how many were heard. A crash after sending sends once more."""
    now = clock.now()
    with store.reading() as tx:
        due = tx.webhooks.due(now, limit)
    heard = 0
    for delivery in due:
        status = _send(store, clock, send, delivery)
        after = _after(delivery, status, clock.now())
        with store.transaction() as tx:
            tx.webhooks.keep(after)
        heard += after.state is DeliveryState.DELIVERED
    return heard


def _send(store: HubStore, clock: Clock, send: Send, delivery: Delivery) -> int | None:
    with store.reading() as tx:
        try:
            webhook, job = tx.webhooks.get(delivery.webhook_id), tx.jobs.get(delivery.job_id)
        except NotFound:
            return None
        [event] = [e for e in tx.jobs.events(delivery.job_id) if e.sequence == delivery.sequence]
    if not webhook.active:
        return 410
    body = json.dumps({"event": plain(event), "job": plain(JobLine.of(job))}, ensure_ascii=False).encode()
    seconds = int((clock.now() - EPOCH).total_seconds())
    headers = {
        "Content-Type": "application/json",
        "Suanwang-Delivery": delivery.id,
        "Suanwang-Signature": f"t={seconds},v1={signature(webhook.secret, seconds, body)}",
    }
    return send(webhook.url, body, headers)


def signature(secret: str, seconds: int, body: bytes) -> str:
    """HMAC-SHA256, in hexadecimal."""
    return hmac.new(secret.encode(), f"{seconds}.".encode() + body, sha256).hexdigest()


def _after(delivery: Delivery, status: int | None, now: datetime) -> Delivery:
    """2xx was heard; 410 wants no more; anything else is told again, until the attempts are used up."""
    attempts = delivery.attempts + 1
    if status is not None and 200 <= status < 300:
        state = DeliveryState.DELIVERED
    elif status == 410 or attempts >= ATTEMPTS_MAX:
        state = DeliveryState.GIVEN_UP
    else:
        state = DeliveryState.WAITING
    pause = timedelta(seconds=FIRST_PAUSE_S * 2 ** (attempts - 1))
    return replace(delivery, state=state, attempts=attempts, status=status, due=now + pause)
