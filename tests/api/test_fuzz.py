"""Schemathesis asks everything that the OpenAPI document allows, and what it does not: no fault, no answer of another
shape, no status that is not described.

SUANWANG_FUZZ: examples an operation and mode; `make nightly` asks for many more, and new ones every time.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.errors import SchemathesisError
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.cells import furnish
from tests.hub_world import HubWorld, open_hub

EXAMPLES = int(os.environ.get("SUANWANG_FUZZ", "190"))
REQUESTS = 10_000
"""In each mode, at the least."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubWorld]:
    with open_hub(tmp_path_factory.mktemp("fuzzed"), rate_limit="0") as world:
        furnish(world)
        world.app.state.front.closing.set()  # streams end at once
        yield world


@pytest.mark.timeout(36_000)
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: str(mode.value))
def test_every_operation_keeps_its_word(fuzzed: HubWorld, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", fuzzed.app)
    asked = Counter[str]()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        if result.ok().path != "/v1/bundles":  # an archive: see test_bundles
            fuzz(fuzzed, result.ok(), mode, asked)
    assert len(asked) > 20
    print(f"{asked.total():,} requests, {mode.value}")
    assert asked.total() >= REQUESTS or "SUANWANG_FUZZ" in os.environ


def fuzz(hub: HubWorld, operation: Any, mode: GenerationMode, asked: Counter[str]) -> None:
    """Examples of one operation; an operation about which nothing can be wrong has none."""
    caller = "agent" if "/agent/" in operation.path else "grid-operator"
    headers = {"Authorization": f"Bearer {hub.secrets[caller]}"}
    try:
        cases = operation.as_strategy(generation_mode=mode)
    except SchemathesisError:
        return

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize="SUANWANG_FUZZ" not in os.environ,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def ask(case: Any) -> None:
        asked[operation.label] += 1
        case.call_and_validate(headers=headers, checks=CHECKS)

    with suppress(Unsatisfiable):
        ask()
