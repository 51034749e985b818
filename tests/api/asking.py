"""Asking the API as another system does: a POST with a token."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import TokenScope, User
from accounts.operations.tokens import create_token
from tests.cast import HANDLER, seat_of

CREATE = """
mutation createReseller($reseller: ResellerCreate!) {
  createReseller(reseller: $reseller) { id email firstName lastName credit level phone createdAt }
}
"""
PARTNER = {
    "email": "partner@company.com",
    "password": "SecurePass123!",
    "credit": "1000",
    "level": "GOLD",
    "phone": "+1234567890",
    "firstName": "John",
    "lastName": "Partner",
}


def bearer_for(owner: User, scope: str = "admin") -> str:
    """Return a new token of the person, as they would keep it."""
    made = create_token(
        actor=seat_of(owner), owner=owner, scope=TokenScope(scope), name="A shop", days=30, now=timezone.now()
    )
    return made.bearer


@dataclass
class Answer:
    """What came back: the HTTP answer and what is in it."""

    http: HttpResponse
    body: Any

    @property
    def status(self) -> int:
        return self.http.status_code

    @property
    def data(self) -> Any:
        return self.body["data"]

    @property
    def error(self) -> dict[str, Any]:
        """The one error of the answer."""
        assert self.data is None
        [error] = self.body["errors"]
        return dict(error)

    @property
    def code(self) -> str:
        return str(self.error["extensions"]["code"])


@dataclass
class Caller:
    """Another system with a token, or with none."""

    bearer: str | None
    client: Client = field(default_factory=Client)

    def __post_init__(self) -> None:
        self.client.handler = HANDLER

    def post(self, body: Any, *, content_type: str = "application/json", **headers: str) -> Answer:
        """Send a body as it is."""
        if self.bearer is not None:
            headers.setdefault("Authorization", f"Bearer {self.bearer}")
        sent = body if isinstance(body, str | bytes) else json.dumps(body)
        response = self.client.post("/graphql", sent, content_type=content_type, headers=headers)
        return Answer(response, response.json())

    def ask(self, query: str, **variables: Any) -> Answer:
        """Send a query with variables."""
        return self.post({"query": query, "variables": variables})


def caller(owner: User, scope: str = "admin") -> Caller:
    """Return a system with a new token of the person."""
    return Caller(bearer_for(owner, scope))
