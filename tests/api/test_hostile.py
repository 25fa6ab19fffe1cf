"""Hostile input: what users write reaches programs as arguments and variables, never a shell; secrets reach no log."""

import io
import json
import logging
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from suanwang.interfaces.serving.logs import JsonLines
from suanwang.schedule.policies import find_policy
from suanwang.sdk import Client
from suanwang.sdk.remote import RemoteDesk
from suanwang.service.tick import tick
from tests.hub_world import HubWorld

STRINGS = 10_000
A_RUN = 950
PARTS = (
    *("$(touch CANARY)", "`touch CANARY`", "; touch CANARY", "| touch CANARY", "&& touch CANARY", "\ntouch CANARY\n"),
    *(
        "> CANARY",
        "$IFS",
        "${PATH}",
        "'",
        '"',
        "\\",
        "*",
        "?",
        "[a-z]",
        "~",
        "#",
        "!",
        "--help",
        "-rf /",
        "%s%n",
        "{{7*7}}",
    ),
    *(
        "\u202e",
        "é",
        "算力",
        "\U0001f600",
        "\t",
        "\r\n",
        "&",
        "(",
        ")",
        "<",
        "=",
        "^",
        "../../etc/passwd",
        "' OR '1'='1",
    ),
)
ECHO = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['HOSTILE']]))"


def strings() -> list[str]:
    dice = random.Random(20261125)
    made = ["".join(dice.choices(PARTS, k=dice.randint(1, 6))) for _ in range(STRINGS)]
    return [text for text in made if text.strip()]


def test_ten_thousand_hostile_strings_arrive_as_they_are(hub: HubWorld, tmp_path: Path) -> None:
    canary = tmp_path / "CANARY"
    wanted = [text.replace("CANARY", str(canary)) for text in strings()]

    def ticking(_seconds: float) -> None:
        tick(hub.house.hub, find_policy("fcfs"))

    client = Client(RemoteDesk(hub.client("member"), "me", ticking))
    member = hub.client("member")
    for first in range(0, len(wanted), A_RUN):
        part = wanted[first : first + A_RUN]
        document = hub.workload(
            command=["python3", "-c", ECHO, *part],
            environment={"HOSTILE": part[0]},
            labels={"note": part[1]},
        )
        answer = member.post("/v1/jobs", json=document, headers={"Idempotency-Key": f"hostile{first}"})
        assert answer.status_code == 201, answer.text[:500]
        job_id = answer.json()["id"]
        client.wait(job_id)
        out, offset = b"", 0
        while chunk := client.logs(job_id, offset):
            out, offset = out + chunk, offset + len(chunk)
        arguments, variable = json.loads(out)
        assert arguments == part
        assert variable == part[0]
    assert not canary.exists()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that the hub logs, at the finest level."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonLines())
    loggers = [logging.getLogger(name) for name in ("suanwang", "uvicorn")]  # what `log_to_stderr` lets through
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield out
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_secrets_are_in_no_log_and_not_in_the_database(hub: HubWorld, logged: io.StringIO) -> None:
    admin = hub.client("admin")
    made: list[dict[str, Any]] = [
        admin.post("/v1/me/tokens", json={"name": "canary", "days": 0.5}).json(),
        admin.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/canary-path"}).json(),
    ]
    canaries = [made[0]["secret"], made[1]["secret"], *hub.secrets.values()]
    secret = made[0]["secret"]
    for path in (f"/v1/me?token={secret}", f"/v1/jobs?after={secret}", "/v1/jobs"):
        hub.client().get(path, headers={"Authorization": f"Bearer {secret}"})
    hub.client().post("/login", data={"token": secret}, follow_redirects=False)
    admin.post("/v1/jobs", json={"secret": secret})
    assert '"event": "request"' in logged.getvalue()
    keys = [c.split("_", 2)[2] if c.startswith("sw_") else c for c in canaries]  # sw_<id>_<key>; a key may have a _
    assert [key for key in keys if key in logged.getvalue()] == []
    stored = b"".join(p.read_bytes() for p in hub.house.settings.home.glob("suanwang.db*"))
    tokens = [key for key, canary in zip(keys, canaries, strict=True) if canary.startswith("sw_")]
    assert [key for key in tokens if key.encode() in stored] == []


DEEP = 100_000
BODIES: dict[str, bytes] = {
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "huge number": b'{"amount": 1' + b"0" * 100_000 + b"}",
    "huge exponent": b'{"amount": 1e999999}',
    "not a number": b'{"amount": NaN}',
    "infinity": b'{"amount": -Infinity}',
    "half a character": b'{"amount": "\\ud800"}',
    "not UTF-8": b"\xff\xfe{",
    "a key twice": b'{"amount": "1 CNY", "amount": "2 CNY"}',
    "a NUL": b'{"amount": "\\u0000"}',
    "nothing": b"",
    "another type": b'"text"',
    "many values": b"[" + b"1," * 60_000 + b"1]",
    "combining": ('{"amount": "' + "e" + "\u0301" * 50_000 + '"}').encode(),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("path", ["/v1/tenants/me/deposits", "/v1/jobs", "/v1/agent/sync", "/v1/users"])
def test_a_hostile_body_is_refused_by_name(hub: HubWorld, path: str, name: str) -> None:
    caller = "agent" if "agent" in path else "grid-operator"
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    answer = hub.client(caller).post(path, content=BODIES[name], headers=headers)
    assert answer.status_code == 422, answer.text[:300]
    assert answer.json()["error"]["problems"]
