"""What stands at which host: the panel's own, a reseller's domain, and nowhere else."""

import re
from ipaddress import ip_network
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.operations import create_own_token
from ispanel.checks import check_panel_is_found_under_its_own_name
from ispanel.doors import address_of, door_at
from resellers.models import CustomDomain, Reseller
from tests.cast import PASSWORD, seat_of, signed_in
from tests.doors import DOMAIN, client_at, knock, open_door
from tests.pages import body, links_of

UNKNOWN = "evil.example"
#: What a request may say about its host where it is not ours. None of it leads anywhere.
FORGED = (
    UNKNOWN,
    f"{UNKNOWN}:80",
    f"{DOMAIN}.{UNKNOWN}",
    f"x.{DOMAIN}",
    f"testserver@{UNKNOWN}",
    f"{UNKNOWN}#testserver",
    f"{UNKNOWN}, testserver",
    f"testserver, {UNKNOWN}",
    f"testserver:80@{UNKNOWN}",
    "testserver\t",
    "[::2]",
    "192.0.2.1",
    "..",
    "a" * 5000,
    "",
)
#: Other ways to write a host that is ours.
SAME = ("TESTSERVER", "testserver:443", "testserver.", "TestServer.:8000")


@pytest.fixture
def door(north: Reseller) -> CustomDomain:
    """Open North's door."""
    return open_door(north)


@pytest.fixture
def over_https(settings: Settings) -> None:
    """Serve as in production."""
    settings.HTTPS_ONLY = settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = True
    settings.CSRF_COOKIE_SECURE = settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    settings.SECURE_HSTS_SECONDS = 31536000
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"


def browser_at(host: str) -> Client:
    """Return a browser with a server of its own, which reads the settings anew."""
    return Client(headers={"host": host})


def ask(client: Client, path: str, method: str = "get") -> Any:
    """Ask for the path as it stands: the test client takes what follows two slashes for a host."""
    return getattr(client, method)("/", PATH_INFO=path)


# --- hosts that are not ours ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", FORGED)
def test_at_an_unknown_host_there_is_nothing(door: CustomDomain, host: str) -> None:
    for path in (
        "/",
        "/sign-in/",
        "/sign-in",
        "/admin/",
        "/static/favicon.svg",
        "/no-such-page/",
        "/health/x",
        "/tls/",
    ):
        response: Any = Client(headers={"host": host}).get(path)

        assert (response.status_code, response.content) == (404, b"Not found\n"), path
        assert not response.cookies
        assert set(response.headers) == {
            "Content-Type", "Cache-Control", "Cross-Origin-Resource-Policy", "Permissions-Policy", "X-Request-ID",
        }  # fmt: skip


def test_an_unknown_host_is_not_sent_to_https(over_https: None, door: CustomDomain) -> None:
    for secure in (False, True):
        response: Any = browser_at(UNKNOWN).get("/sign-in/", secure=secure)

        assert response.status_code == 404
        assert "Location" not in response.headers
        assert "Strict-Transport-Security" not in response.headers


@pytest.mark.parametrize("path", ["/health/live", "/tls/allowed"])
def test_only_reading_is_answered_under_any_name(db: None, path: str) -> None:
    client = Client(enforce_csrf_checks=True, headers={"host": UNKNOWN})

    response: Any = client.post(path)

    assert (response.status_code, response.content) == (404, b"Not found\n")


def test_health_is_answered_under_any_name_and_tells_browsers_nothing(over_https: None, db: None) -> None:
    for path in ("/health/live", "/health/ready"):
        response: Any = browser_at(UNKNOWN).get(path, secure=True)

        assert response.status_code == 200
        assert "Strict-Transport-Security" not in response.headers
        assert not response.cookies


@pytest.mark.parametrize("host", SAME)
def test_ones_own_host_may_be_written_otherwise(db: None, host: str) -> None:
    assert client_at(host).get("/sign-in/").status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-Host", "X-Forwarded-Server"])
def test_no_other_header_names_the_host(over_https: None, door: CustomDomain, header: str) -> None:
    forged = {header: f"host={UNKNOWN}" if header == "Forwarded" else UNKNOWN}

    response: Any = Client(headers=forged).get("/sign-in/")

    assert (response.status_code, response.url) == (301, "https://testserver/sign-in/")
    assert Client(headers={"host": UNKNOWN, header: "testserver"}).get("/sign-in/").status_code == 404


# --- where redirects and addresses lead -------------------------------------------------------------------------------


def test_redirects_stay_at_the_door(over_https: None, door: CustomDomain) -> None:
    for host in ("testserver", DOMAIN):
        client = browser_at(host)

        assert client.get("/sign-in/").url == f"https://{host}/sign-in/"  # type: ignore[attr-defined]
        assert client.get("/resellers", secure=True).url == "/resellers/"  # type: ignore[attr-defined]
        assert client.get("/", secure=True).url == "/sign-in/?next=/"  # type: ignore[attr-defined]


@pytest.mark.parametrize("elsewhere", ["//{0}/", "http://{0}/", "http://testserver/", "/\\{0}", "//testserver/x"])
def test_after_signing_in_one_goes_to_a_path_and_never_to_a_host(nadia: User, elsewhere: str) -> None:
    wanted = elsewhere.format(UNKNOWN)

    assert knock(Client(), "nadia", next=wanted).url == "/"


def test_a_path_that_begins_with_two_slashes_is_no_host(asha: User) -> None:
    for path in (f"//{UNKNOWN}/resellers", f"//{UNKNOWN}", "//resellers"):
        response = ask(signed_in(asha), path)

        assert response.status_code == 404
        assert "Location" not in response.headers


def test_pages_say_no_absolute_address_of_their_own(door: CustomDomain, nadia: User) -> None:
    client = client_at()
    knock(client, "nadia")

    for path in ("/sign-in/", "/", "/account/", "/subscribers/", "/resellers/", "/no-such-page/"):
        page = client.get(path).content.decode()

        assert "testserver" not in page
        assert DOMAIN not in page


def test_addresses_in_messages_are_of_the_settings_and_of_proved_domains(
    settings: Settings, door: CustomDomain, north: Reseller, northeast: Reseller, south: Reseller
) -> None:
    settings.PANEL_URL, settings.CUSTOM_DOMAIN_SCHEME = "https://isp.example", "https"

    assert address_of("/x/") == address_of("/x/", south) == "https://isp.example/x/"
    assert address_of("/x/", north) == address_of("/x/", northeast) == f"https://{DOMAIN}/x/"
    CustomDomain.objects.update(verified_at=None)
    assert address_of("/x/", north) == "https://isp.example/x/"


def test_a_door_has_the_address_of_its_own_whatever_the_request_said(settings: Settings, door: CustomDomain) -> None:
    settings.PANEL_URL, settings.CUSTOM_DOMAIN_SCHEME = "https://isp.example", "https"

    found = {host: door_at(host) for host in ("TESTSERVER:81", f"{DOMAIN.upper()}.:81")}

    assert [each.address for each in found.values() if each] == ["https://isp.example", f"https://{DOMAIN}"]


@pytest.mark.parametrize(
    ("url", "scheme", "found"),
    [
        ("http://localhost:8000", "http", f"http://{DOMAIN}:8000"),
        ("http://127.0.0.1:8000", "http", f"http://{DOMAIN}:8000"),
        ("http://[::1]:8000", "http", f"http://{DOMAIN}:8000"),
        ("https://isp.example:8443", "https", f"https://{DOMAIN}:8443"),
        ("https://isp.example:443", "https", f"https://{DOMAIN}"),
        ("http://isp.example:80", "http", f"http://{DOMAIN}"),
        ("https://isp.example", "https", f"https://{DOMAIN}"),
    ],
)
def test_a_domain_is_found_at_the_port_of_the_panel(
    settings: Settings, door: CustomDomain, north: Reseller, url: str, scheme: str, found: str
) -> None:
    settings.PANEL_URL, settings.CUSTOM_DOMAIN_SCHEME = url, scheme

    assert address_of("/x/", north) == f"{found}/x/"
    there = door_at(f"{DOMAIN}:81")
    assert there
    assert there.address == found


# --- caches -----------------------------------------------------------------------------------------------------------


def test_pages_are_in_no_cache_and_files_are_the_same_everywhere(door: CustomDomain) -> None:
    pages = [client_at(host).get("/sign-in/") for host in ("testserver", DOMAIN)]
    files = [client_at(host).get(staticfiles_storage.url("css/base.css")) for host in ("testserver", DOMAIN)]

    assert {page.headers["Cache-Control"] for page in pages} == {"no-store"}
    assert len({b"".join(file.streaming_content) for file in files}) == 1  # type: ignore[attr-defined]
    assert {"immutable" in file.headers["Cache-Control"] for file in files} == {True}


def test_what_leads_on_and_what_is_missing_is_in_no_cache_either(over_https: None, door: CustomDomain) -> None:
    for host, path in (("testserver", "/sign-in/"), (UNKNOWN, "/sign-in/"), (DOMAIN, "/admin/")):
        assert browser_at(host).get(path).headers["Cache-Control"] == "no-store"


# --- cookies and headers at a reseller's door -------------------------------------------------------------------------


def test_names_below_a_resellers_domain_are_left_alone(over_https: None, door: CustomDomain) -> None:
    house, there = (browser_at(host).get("/sign-in/", secure=True) for host in ("testserver", DOMAIN))

    assert house.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert there.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_cookies_are_the_hosts_own_at_both_doors(over_https: None, door: CustomDomain, nadia: User) -> None:
    for host in ("testserver", DOMAIN):
        client = browser_at(host)
        client.post("/sign-in/", {"login": "nadia", "password": PASSWORD}, secure=True)

        for name in ("__Host-session", "__Host-csrf"):
            cookie = client.cookies[name]
            assert (cookie["secure"], cookie["httponly"], cookie["path"], cookie["domain"]) == (True, True, "/", "")


@pytest.mark.parametrize("host", ["testserver", DOMAIN])
def test_a_form_comes_from_its_own_door_or_not_at_all(door: CustomDomain, nadia: User, host: str) -> None:
    for other, status in ((host, 302), (UNKNOWN, 403), ("testserver" if host == DOMAIN else DOMAIN, 403)):
        client = Client(enforce_csrf_checks=True, headers={"host": host})
        page = client.get("/sign-in/").content.decode()
        token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[0]
        typed = {"login": "nadia", "password": PASSWORD, "csrfmiddlewaretoken": token}

        response = client.post("/sign-in/", typed, headers={"origin": f"http://{other}"})

        assert response.status_code == status


# --- what does not exist at a reseller's door -------------------------------------------------------------------------

OF_THE_HOUSE = (
    "/admin", "/admin/", "/admin/login/", "/admin/users/", "//admin/", "/admin//", "/Admin/", "/ADMIN",
    "/admin/../admin/", "/./admin/", "/x/../admin/", "/admin/jsi18n/", "/static/admin/css/base.css",
    "/graphql", "/graphql/", "/GraphQL", "/graphql/playground/", "/graphql/playground", "//graphql",
)  # fmt: skip


def seen(response: Any) -> tuple[Any, ...]:
    """Return what is seen of an answer, but for the id to quote."""
    page = response.content.decode().replace(response.headers["X-Request-ID"], "")
    headers = {name: sorted(value.split("; ")) for name, value in response.headers.items() if name != "X-Request-ID"}
    return response.status_code, page, headers, dict(response.cookies)


@pytest.mark.parametrize("path", OF_THE_HOUSE)
def test_the_desk_and_the_api_look_there_like_what_never_was(door: CustomDomain, nadia: User, path: str) -> None:
    inside = client_at()
    knock(inside, "nadia")

    for client in (client_at(), inside):
        for method in ("get", "head", "post", "put", "options"):
            nothing = seen(ask(client, "/no-such-page/", method))
            assert nothing[0] == 404

            assert seen(ask(client, path, method)) == nothing, method


@pytest.mark.parametrize("file", ["admin/css/base.css", "css/desk.css", "css/playground.css", "js/playground.js"])
def test_files_of_the_desk_and_the_playground_are_at_the_house_alone(door: CustomDomain, file: str) -> None:
    for path in (staticfiles_storage.url(file), f"/static/{file}"):
        assert client_at("testserver").get(path).status_code == 200
        assert client_at().get(path).status_code == 404


def test_what_only_begins_alike_is_no_page_of_the_house(door: CustomDomain) -> None:
    found = door_at(DOMAIN)

    assert found is not None
    assert found.has("/administration/")
    assert found.has("/graphqls")
    assert found.has("/static/css/desktop.css")


def test_every_file_of_a_page_there_is_there(door: CustomDomain, nadia: User) -> None:
    client = client_at()
    knock(client, "nadia")

    files = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get("/").content.decode()))

    assert len(files) > 20
    assert [file for file in files if client.get(file).status_code != 200] == []


def test_no_page_there_leads_to_the_desk_or_the_api(door: CustomDomain, nadia: User) -> None:
    there, house = client_at(), client_at("testserver")
    for client in (there, house):
        knock(client, "nadia")
    pages = ["/", "/account/", "/account/api-tokens/", "/subscribers/", "/resellers/", "/plans/", "/no-such-page/"]

    links = set().union(*(links_of(there.get(page)) for page in pages))

    assert reverse("api:playground") in links_of(house.get("/account/api-tokens/"))
    assert not [link for link in links if re.match(r"/(admin|graphql)", link)]


def test_no_token_opens_anything_there(door: CustomDomain, asha: User, nadia: User) -> None:
    for user in (asha, nadia):
        made = create_own_token(actor=seat_of(user), name="Shop", days=30, own_password=PASSWORD, now=timezone.now())
        asked: dict[str, Any] = {
            "data": {"query": "{ totalResellersCredit }"},
            "content_type": "application/json",
            "headers": {"authorization": f"Bearer {made.bearer}"},
        }

        assert client_at("testserver").post("/graphql", **asked).status_code == 200
        assert client_at().post("/graphql", **asked).status_code == 404


# --- certificates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("testserver", 200),
        ("localhost", 200),
        (DOMAIN, 200),
        (DOMAIN.upper(), 200),
        (f"x.{DOMAIN}", 404),
        (f"{DOMAIN}.{UNKNOWN}", 404),
        (UNKNOWN, 404),
        ("", 404),
        ("*", 404),
        ("a b", 404),
        ("x" * 5000, 404),
        ("\0", 404),
    ],
)
def test_a_proxy_gets_certificates_for_the_names_at_which_somebody_lives(
    door: CustomDomain, name: str, status: int
) -> None:
    response: Any = client_at("web:8000").get("/tls/allowed", {"domain": name})

    assert (response.status_code, response.content) == (status, b"")
    assert not response.cookies
    assert "Vary" not in response.headers


def test_names_that_are_only_let_in_get_no_certificates(settings: Settings, door: CustomDomain) -> None:
    settings.PANEL_HOSTS = [".isp.example", "*", "Also.Example"]
    settings.PANEL_URL = "https://panel.isp.example:8443"

    answers = {
        name: client_at("web:8000").get("/tls/allowed", {"domain": name}).status_code
        for name in (
            "panel.isp.example", "also.example", DOMAIN, "x.isp.example", "isp.example", ".isp.example", UNKNOWN, "*",
            "panel.isp.example:8443", f"{DOMAIN}:443",
        )
    }  # fmt: skip

    assert {name for name, status in answers.items() if status == 200} == {"panel.isp.example", "also.example", DOMAIN}
    assert set(answers.values()) == {200, 404}


def test_an_unproved_domain_gets_none(door: CustomDomain) -> None:
    CustomDomain.objects.update(verified_at=None)

    assert client_at("web:8000").get("/tls/allowed", {"domain": DOMAIN}).status_code == 404


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        ("127.0.0.1", "", 200),
        ("::1", "", 200),
        ("::ffff:127.0.0.1", "", 200),
        ("172.31.251.250", "", 200),
        ("203.0.113.9", "", 404),
        ("203.0.113.9", "127.0.0.1", 404),
        # What somebody asks by way of the proxy is asked by them.
        ("172.31.251.250", "203.0.113.9", 404),
        ("172.31.251.250", "127.0.0.1, 203.0.113.9", 404),
    ],
)
def test_nobody_but_the_proxy_is_answered(
    settings: Settings, door: CustomDomain, peer: str, forwarded: str, status: int
) -> None:
    settings.TRUSTED_PROXIES = [ip_network("172.31.251.250")]
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    response = Client(REMOTE_ADDR=peer, headers=headers).get("/tls/allowed", {"domain": DOMAIN})

    assert (response.status_code, response.content) == (status, b"")


def test_the_proxy_may_ask_without_https(over_https: None, door: CustomDomain) -> None:
    assert browser_at("web:8000").get("/tls/allowed", {"domain": DOMAIN}).status_code == 200


@pytest.mark.parametrize(
    ("hosts", "url", "warned"),
    [
        (["panel.isp.example"], "https://panel.isp.example", []),
        (["a.example", "panel.isp.example"], "https://PANEL.isp.example:8443", []),
        ([".isp.example"], "https://panel.isp.example", []),
        (["[::1]"], "http://[::1]:8000", []),
        (["a.example"], "https://panel.isp.example", ["ispanel.W003"]),
        ([], "https://localhost", ["ispanel.W003"]),
        (["*"], "https://panel.isp.example", ["ispanel.W002"]),
    ],
)
def test_the_check_of_a_deployment_looks_at_the_names(
    settings: Settings, hosts: list[str], url: str, warned: list[str]
) -> None:
    settings.PANEL_HOSTS, settings.PANEL_URL = hosts, url

    found = check_panel_is_found_under_its_own_name()

    assert [warning.id for warning in found] == warned


def test_only_names_of_the_panel_are_the_panel() -> None:
    assert "*" not in settings.PANEL_HOSTS
    assert UNKNOWN not in settings.PANEL_HOSTS


def test_a_wrong_method_at_the_house_is_refused_without_a_page(db: None) -> None:
    response: Any = Client().post("/tls/allowed")

    assert response.status_code == 405
    assert body(response) == ""
