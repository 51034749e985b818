"""Taking resellers on through the form and through the API, and reading a page of them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from accounts.hashers import BcryptSha256
from accounts.models import User
from plans.models import Level
from tests.api.asking import CREATE, PARTNER, Caller, caller
from tests.cast import signed_in

ALL_OF_IT = """
query ($size: Int) {
  resellers(size: $size) {
    items {
      id email username firstName lastName phone credit level createdAt updatedAt serviceGroups { id name }
    }
    total
  }
}
"""


@contextmanager
def without_hashing() -> Iterator[None]:
    """Leave out the quarter of a second that a password's hash is meant to take, and the limit of requests."""
    with (
        mock.patch.object(BcryptSha256, "encode", lambda _self, password, _salt: f"bcrypt_sha256${password}"),
        override_settings(API_REQUESTS_PER_MINUTE=10**9),
    ):
        yield


class Asking:
    """An admin at the form, and a system with her token; both in this process, through all of the middleware."""

    def __init__(self, admin: User) -> None:
        self.browser: Client = signed_in(admin)
        self.shop: Caller = caller(admin)
        gold = Level.objects.select_related("default_permission_group").get(name="GOLD")
        assert gold.default_permission_group is not None
        self.typed = {
            "password": PARTNER["password"],
            "phone": PARTNER["phone"],
            "full_name": "John Partner",
            "company_name": "John Partner",
            "starting_balance": PARTNER["credit"],
            "level": gold.pk,
            "permission_group": gold.default_permission_group.pk,
            "credit_limit": "",
            "must_change_password": "on",
            "wan_check": "inherit",
        }

    def by_form(self, number: int) -> float:
        """Return the milliseconds that one takes through the form."""

        def press(email: str) -> int:
            typed = self.typed | {"username": email, "email": email, "idempotency_key": str(uuid.uuid4())}
            return self.browser.post("/resellers/new", typed).status_code

        return milliseconds(press, number, 303)

    def by_api(self, number: int) -> float:
        """Return the milliseconds that one takes through the API."""
        return milliseconds(
            lambda email: self.shop.ask(CREATE, reseller=PARTNER | {"email": email}).status, number, 200
        )

    def page(self, size: int) -> tuple[float, int]:
        """Return the milliseconds that a page of resellers with their groups takes, and its queries."""
        with CaptureQueriesContext(connection) as asked:
            began = time.perf_counter()
            answer = self.shop.ask(ALL_OF_IT, size=size)
            taken = (time.perf_counter() - began) * 1000
        assert len(answer.data["resellers"]["items"]) == size, answer.body
        return taken, len(asked)


def milliseconds(create: Callable[[str], int], number: int, status: int) -> float:
    with without_hashing():
        began = time.perf_counter()
        for _ in range(number):
            answered = create(f"{uuid.uuid4().hex}@isp.example")
            assert answered == status, f"answered {answered}"
        return (time.perf_counter() - began) * 1000 / number
