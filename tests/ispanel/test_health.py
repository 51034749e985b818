"""Health: whether the process answers, and whether the database behind it does."""

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.cast import signed_in


def test_live_asks_the_database_nothing_even_of_somebody_signed_in(asha: User) -> None:
    client = signed_in(asha)

    with CaptureQueriesContext(connection) as queries:
        response = client.get("/health/live")

    assert (response.status_code, list(queries)) == (200, [])


def test_ready_says_that_the_database_is_migrated(db: None) -> None:
    response = Client().get("/health/ready")

    assert (response.status_code, response.content) == (200, b"ready\n")
