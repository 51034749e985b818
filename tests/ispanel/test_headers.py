"""What every answer says to browsers, caches and other sites."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.cast import PASSWORD, signed_in

PAGES = ("/", "/account/password/", "/resellers/", "/resellers/987654/", "/no-such-page/", "/sign-out/")
POLICY = {
    "default-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "object-src 'none'",
}  # fmt: skip


@pytest.mark.parametrize("url", PAGES)
def test_every_answer_is_closed(asha: User, url: str) -> None:
    headers = signed_in(asha).get(url).headers

    assert set(headers["Content-Security-Policy"].split("; ")) == POLICY
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("url", ["/sign-in/", "/", "/no-such-page/", "/health/live"])
def test_strangers_get_the_same_headers(db: None, url: str) -> None:
    headers = Client().get(url).headers

    assert set(headers["Content-Security-Policy"].split("; ")) == POLICY
    assert headers["Cache-Control"] == "no-store"


def test_only_what_never_changes_under_its_name_is_cached(db: None) -> None:
    page = Client().get("/sign-in/").content.decode()
    found = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert found

    headers = Client().get(found[1]).headers

    assert "immutable" in headers["Cache-Control"]
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.fixture
def over_https(settings: Settings) -> None:
    """Serve as in production."""
    settings.HTTPS_ONLY = settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = True
    settings.CSRF_COOKIE_SECURE = settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    settings.SECURE_HSTS_SECONDS = 31536000
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"


def test_production_stays_on_https_with_its_subdomains(over_https: None, db: None) -> None:
    client = Client()

    plain, secure = client.get("/sign-in/"), client.get("/sign-in/", secure=True)

    assert (plain.status_code, plain.headers["Location"]) == (301, "https://testserver/sign-in/")
    assert secure.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"


def test_cookies_of_production_are_bound_to_the_host_and_unreadable(over_https: None, asha: User) -> None:
    client = Client()
    client.get("/sign-in/", secure=True)

    client.post("/sign-in/", {"login": "asha", "password": PASSWORD}, secure=True)

    session, csrf = client.cookies["__Host-session"], client.cookies["__Host-csrf"]
    for cookie in (session, csrf):
        assert (cookie["secure"], cookie["httponly"], cookie["path"], cookie["domain"]) == (True, True, "/", "")
        assert cookie["samesite"] == "Lax"


def test_no_form_is_taken_without_its_token(asha: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(asha)

    response: Any = client.post("/sign-out/")

    assert response.status_code == 403
    assert client.get("/account/").status_code == 200


def test_an_error_names_the_request_to_quote(asha: User) -> None:
    response = signed_in(asha).get("/no-such-page/")

    assert response.headers["X-Request-ID"] in response.content.decode()


def test_a_host_that_is_not_ours_is_refused(db: None) -> None:
    assert "evil.example" not in settings.PANEL_HOSTS

    response = Client().get("/sign-in/", headers={"host": "evil.example"})

    assert response.status_code == 404
    assert "evil.example" not in response.content.decode()
