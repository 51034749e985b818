"""Settings come from the environment; a missing or malformed one stops the start with a sentence."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

SHOWN = [
    "SESSION_COOKIE_NAME",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "SECURE_SSL_REDIRECT",
    "SECURE_HSTS_SECONDS",
]
SHOW = "import django; django.setup(); from django.conf import settings as s; print([getattr(s, name) for name in {}])"


def start(*, shown: list[str] = SHOWN, **changes: str | None) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of its own, with these variables changed; None leaves one out."""
    environment = {name: value for name, value in (os.environ | changes).items() if value is not None}
    command = [sys.executable, "-c", SHOW.format(shown)]
    return subprocess.run(
        command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SECRET_KEY", None, "SECRET_KEY is not set."),
        ("SECRET_KEY", "", "SECRET_KEY is not set."),
        ("DATABASE_URL", None, "DATABASE_URL is not set."),
        ("ENCRYPTION_KEYS", None, "ENCRYPTION_KEYS is not set."),
        ("ENCRYPTION_KEYS", "id:c2hvcnQ=", "ENCRYPTION_KEYS cannot be used: the entry 'id' is not of the form"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy", "TRUSTED_PROXIES cannot be used: 'proxy'"),
        ("BCRYPT_ROUNDS", "many", "BCRYPT_ROUNDS cannot be used"),
        ("API_REQUESTS_PER_MINUTE", "lots", "API_REQUESTS_PER_MINUTE cannot be used"),
        ("DATABASE_POOL", "x", "DATABASE_POOL cannot be used"),
        ("DNS_RESOLVER", "ns.example.com", "DNS_RESOLVER cannot be used"),
        ("DNS_RESOLVER", "192.0.2.53:dns", "DNS_RESOLVER cannot be used"),
        ("HTTPS_ONLY", "perhaps", "HTTPS_ONLY cannot be used"),
        ("HTTPS_ONLY", "ture", "HTTPS_ONLY cannot be used"),
        ("PANEL_URL", "panel.isp.example", "PANEL_URL cannot be used"),
        ("PANEL_URL", "ftp://panel.isp.example", "PANEL_URL cannot be used"),
        ("PANEL_URL", "https://panel.isp.example/path", "PANEL_URL cannot be used"),
        ("PANEL_URL", "https://panel.isp.example?x=1", "PANEL_URL cannot be used"),
        ("PANEL_URL", "https://user@panel.isp.example", "PANEL_URL cannot be used"),
        ("PANEL_URL", "https://panel.isp.example:port", "PANEL_URL cannot be used"),
    ],
)
def test_a_setting_that_cannot_be_used_stops_the_start(name: str, value: str | None, sentence: str) -> None:
    result = start(**{name: value})

    assert result.returncode != 0
    assert sentence in result.stderr.strip().splitlines()[-1]


def test_cookies_travel_over_https_alone_unless_said_otherwise() -> None:
    result = start(HTTPS_ONLY=None)

    assert result.stdout.strip() == "['__Host-session', True, True, True, 31536000]"


def test_a_panel_without_https_says_so_in_its_cookies() -> None:
    result = start(HTTPS_ONLY="false")

    assert result.stdout.strip() == "['session', False, False, False, 0]"


@pytest.mark.parametrize(
    ("given", "hosts", "https", "url"),
    [
        ("https://panel.isp.example/", "a.example", "true", "https://panel.isp.example"),
        ("https://panel.isp.example:8443", "a.example", "true", "https://panel.isp.example:8443"),
        (None, "a.example,b.example", "true", "https://a.example"),
        ("", "a.example", "false", "http://a.example"),
        (None, ".example.com", "true", "https://example.com"),
        (None, "", "true", "https://localhost"),
    ],
)
def test_the_panel_is_found_where_it_says_else_at_its_first_name(
    given: str | None, hosts: str, https: str, url: str
) -> None:
    result = start(shown=["PANEL_URL"], PANEL_URL=given, ALLOWED_HOSTS=hosts, HTTPS_ONLY=https)

    assert result.stdout.strip() == f"['{url}']"


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.53", "('192.0.2.53', 53)"),
        ("192.0.2.53:5353", "('192.0.2.53', 5353)"),
        ("[2001:db8::53]:53", "('2001:db8::53', 53)"),
        ("", "None"),
    ],
)
def test_the_name_server_is_the_one_that_is_named(text: str, server: str) -> None:
    assert start(shown=["DNS_RESOLVER"], DNS_RESOLVER=text).stdout.strip() == f"[{server}]"


def test_options_in_the_address_of_the_database_are_kept_beside_our_own() -> None:
    shown = start(shown=["DATABASES"], DATABASE_URL="postgres://web@db/panel?options=-c%20work_mem%3D8MB").stdout

    assert "'options': '-c lock_timeout=5s -c work_mem=8MB'" in shown
