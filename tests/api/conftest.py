"""A real server, for the tests that ask over HTTP."""

from collections.abc import Iterator

import pytest

from tests.resetting import Shipped
from tests.serving import served


@pytest.fixture(scope="session")
def live_panel(shipped: Shipped, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the server as `make run` does, and return its address."""
    with served(tmp_path_factory.mktemp("server")) as address:
        yield address
