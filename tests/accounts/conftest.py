"""What the tests of logins share."""

from collections.abc import Iterator

import pytest

from ispanel.messages import Way
from tests.carrying import Satchel, carrying


@pytest.fixture
def by_email() -> Iterator[Satchel]:
    """Let messages go by email and by SMS, into a satchel."""
    with carrying(Way.EMAIL, Way.SMS) as satchel:
        yield satchel


@pytest.fixture
def by_sms() -> Iterator[Satchel]:
    """Let messages go by SMS alone."""
    with carrying(Way.SMS) as satchel:
        yield satchel


@pytest.fixture
def by_nothing() -> Iterator[Satchel]:
    """Let there be no channel."""
    with carrying() as satchel:
        yield satchel
