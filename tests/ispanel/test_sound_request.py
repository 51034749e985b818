"""What a client may not say: a session that is none, and that it came over https."""

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client, RequestFactory

from ispanel.middleware import sound_request
from ispanel.settings import networks


@pytest.mark.parametrize("url", ["/", "/sign-in/", "/health/live"])
def test_a_session_cookie_with_a_null_byte_is_no_fault(db: None, url: str) -> None:
    client = Client()

    response = client.get(url, headers={"Cookie": f'{django_settings.SESSION_COOKIE_NAME}="\\000abcdefghij"'})

    assert response.status_code in (200, 302)


@pytest.mark.parametrize(("peer", "believed"), [("10.9.9.9", True), ("127.0.0.1", False)])
def test_only_a_listed_proxy_says_that_a_request_came_over_https(
    settings: Any, monkeypatch: pytest.MonkeyPatch, peer: str, believed: bool
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "10.9.9.9/32")
    settings.TRUSTED_PROXIES = networks("TRUSTED_PROXIES")
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    request = RequestFactory().get("/", headers={"X-Forwarded-Proto": "https"}, REMOTE_ADDR=peer)

    sound_request(lambda seen: seen)(request)  # type: ignore[arg-type,return-value]

    assert request.is_secure() is believed
