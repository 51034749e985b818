"""A real RADIUS peer for the tests that ask for one."""

from collections.abc import Iterator

import pytest

from tests.network import freeradius
from tests.network.freeradius import FreeRadius


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreeRadius]:
    """Run freeradius. Where it is not installed the test is left out; in CI that is a failure."""
    if freeradius.find() is None and not freeradius.is_required():
        pytest.skip("freeradius is not installed")
    with freeradius.running(tmp_path_factory.mktemp("freeradius")) as server:
        yield server
