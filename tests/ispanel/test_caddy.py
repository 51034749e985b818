"""HTTPS at the panel's own host and at resellers' domains, by the proxy and with the configuration that is shipped."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.conf import settings

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.web_server import THREADS
from resellers.models import CustomDomain, Reseller
from tests.cast import signed_in
from tests.doors import open_door
from tests.ispanel import caddy
from tests.ispanel.caddy import Caddy
from tests.resetting import Shipped
from tests.serving import served

PANEL, DOMAIN, UNKNOWN = "panel.isp.test", "panel.alnoor.test", "evil.test"

without_debians = pytest.mark.skipif(
    caddy.debians() is None and not caddy.is_required(), reason="caddy is not installed: apt install caddy"
)


@pytest.fixture(scope="module")
def upstream(shipped: Shipped, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the panel as in production, and yield where the proxy finds it."""
    production = {
        "ALLOWED_HOSTS": PANEL,
        "PANEL_URL": f"https://{PANEL}",
        "HTTPS_ONLY": "true",
        "TRUSTED_PROXIES": "127.0.0.1",
    }
    with served(tmp_path_factory.mktemp("panel"), **production) as address:
        yield address.removeprefix("http://")


@pytest.fixture(scope="module", params=[pytest.param(caddy.debians, marks=without_debians), caddy.present])
def proxy(request: pytest.FixtureRequest, upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caddy]:
    """Run the proxy before the panel: Debian's, and the present release."""
    path = request.param()
    assert path, "The tests of HTTPS and custom domains need caddy: apt install caddy."
    with caddy.running(
        path, tmp_path_factory.mktemp("caddy"), panel_url=f"https://{PANEL}", upstream=upstream
    ) as running:
        yield running


@pytest.fixture
def door(committing: None, north: Reseller) -> CustomDomain:
    """Open North's door."""
    return open_door(north, DOMAIN)


def test_the_panels_own_host_has_a_certificate(proxy: Caddy, door: CustomDomain) -> None:
    answer = proxy.ask(PANEL, "/sign-in/")

    assert (answer.status, answer.names) == (200, (PANEL,))
    assert answer.headers["strict-transport-security"].endswith("includeSubDomains; preload")
    assert "Sign in" in answer.body


def test_a_resellers_domain_gets_one_with_the_first_visit(proxy: Caddy, door: CustomDomain) -> None:
    answer = proxy.ask(DOMAIN, "/sign-in/")

    assert (answer.status, answer.names) == (200, (DOMAIN,))
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "__Host-csrf=" in answer.headers["set-cookie"]
    assert proxy.ask(DOMAIN, "/admin/").status == 404
    assert proxy.ask(PANEL, "/admin/").status == 302


@pytest.mark.parametrize("name", [UNKNOWN, f"x.{DOMAIN}", "unproved.test"])
def test_for_any_other_name_the_handshake_is_refused(
    proxy: Caddy, door: CustomDomain, south: Reseller, name: str
) -> None:
    open_door(south, "unproved.test")
    CustomDomain.objects.filter(reseller=south).update(verified_at=None)

    with pytest.raises((ssl.SSLError, ConnectionError)):
        proxy.ask(name)


def test_a_name_that_is_gone_opens_nothing_behind_a_certificate_that_is_left(proxy: Caddy, door: CustomDomain) -> None:
    assert proxy.ask(DOMAIN, "/sign-in/").status == 200
    CustomDomain.objects.all().delete()

    for host_header in (DOMAIN, UNKNOWN):
        answer = proxy.ask(DOMAIN, "/sign-in/", host_header=host_header)

        assert (answer.status, answer.body) == (404, "Not found\n")
        assert "set-cookie" not in answer.headers


def test_whoever_asks_without_tls_is_led_to_it_where_somebody_lives(proxy: Caddy, door: CustomDomain) -> None:
    for host in (PANEL, DOMAIN):
        answer = proxy.ask_plainly(host, "/sign-in/?next=/x/")

        assert (answer.status, answer.headers["location"]) == (301, f"https://{host}/sign-in/?next=/x/")
    nobody = proxy.ask_plainly(UNKNOWN, "/sign-in/")
    assert (nobody.status, nobody.body) == (404, "Not found\n")
    assert "location" not in nobody.headers


def test_nothing_says_what_serves(proxy: Caddy, door: CustomDomain) -> None:
    answers = [proxy.ask(PANEL, "/sign-in/"), proxy.ask(DOMAIN, "/nothing/"), proxy.ask_plainly(UNKNOWN)]

    for answer in answers:
        assert not {"server", "via", "x-powered-by"} & answer.headers.keys()
        assert "caddy" not in str(answer.headers).lower()


def test_nobody_outside_asks_the_panel_who_lives_where(proxy: Caddy, door: CustomDomain) -> None:
    for answer in (
        proxy.ask(PANEL, f"/tls/allowed?domain={DOMAIN}"),
        proxy.ask_plainly(PANEL, f"/tls/allowed?domain={DOMAIN}"),
        proxy.ask(PANEL, f"/tls/../tls/allowed?domain={DOMAIN}"),
        proxy.ask(PANEL, f"//tls/allowed?domain={DOMAIN}"),
    ):
        assert answer.status == 404


def test_what_a_client_says_of_https_and_of_the_host_is_dropped(proxy: Caddy, door: CustomDomain) -> None:
    said = {"X-Forwarded-Proto": "http", "X_Forwarded_Proto": "http", "X-Forwarded-Host": UNKNOWN}

    answer = proxy.ask(PANEL, "/", **said)

    assert (answer.status, answer.headers["location"]) == (302, "/sign-in/?next=/")


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X_Forwarded_For", "x-forwarded_for", "X_FORWARDED_FOR"])
@pytest.mark.parametrize("claimed", ["127.0.0.2", "127.0.0.2, 127.0.0.1"])
def test_the_address_that_counts_is_the_visitors_whatever_a_client_says_of_it(
    proxy: Caddy, north: Reseller, nadia: User, door: CustomDomain, name: str, claimed: str
) -> None:
    Reseller.objects.filter(pk=north.pk).update(allowed_ips="127.0.0.2")
    cookie = f"__Host-session={signed_in(nadia).cookies['session'].value}"

    let_in = proxy.ask(PANEL, "/subscribers/", address="127.0.0.2", Cookie=cookie)
    kept_out = proxy.ask(PANEL, "/subscribers/", address="127.0.0.3", Cookie=cookie, **{name: claimed})

    assert (let_in.status, kept_out.status) == (200, 403)
    assert "Access denied from this IP address" in kept_out.body
    assert AuditEntry.objects.get(action=Action.REFUSED).address == "127.0.0.3"


def test_clients_that_send_slowly_hold_nobody_up(proxy: Caddy, door: CustomDomain) -> None:
    begun = (
        f"POST /sign-in/ HTTP/1.1\r\nHost: {PANEL}\r\nOrigin: https://{PANEL}\r\nCookie: __Host-csrf={'a' * 32}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\nlogin="
    )
    with ExitStack() as connections:
        for _number in range(2 * THREADS):
            connections.enter_context(proxy.connected(PANEL)).sendall(begun.encode())

        answer = proxy.ask(PANEL, "/sign-in/")

    assert answer.status == 200


def test_what_could_not_be_handed_over_is_logged_without_the_link_it_was(
    proxy: Caddy, tmp_path: Path, door: CustomDomain
) -> None:
    with caddy.running(proxy.path, tmp_path, panel_url=f"https://{PANEL}", upstream="127.0.0.1:1") as alone:
        statuses = [alone.ask(PANEL, path).status for path in ("/password/new/?token=opens-a-door", "/i/opens-a-door")]

    assert statuses == [502, 502]
    assert "connection refused" in alone.log.read_text()
    assert "opens-a-door" not in alone.log.read_text()


def test_what_is_shipped_is_what_is_tested() -> None:
    composed = (settings.BASE_DIR / "docker-compose.yml").read_text()

    assert "./deploy/Caddyfile:/etc/caddy/Caddyfile:ro" in composed
    assert caddy.CADDYFILE == settings.BASE_DIR / "deploy" / "Caddyfile"
