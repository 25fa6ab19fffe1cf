"""One hub for the tests of a module."""

from collections.abc import Iterator

import pytest

from tests.hub_world import HubWorld, open_hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubWorld]:
    """A hub on SQLite."""
    with open_hub(tmp_path_factory.mktemp("hub")) as world:
        yield world
