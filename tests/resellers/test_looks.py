"""What is seen at a reseller's door, and that nothing of it is seen anywhere else."""

import re
from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from ispanel.colours import theme_of
from ispanel.logos import as_png, kept_picture
from ispanel.models import Picture
from resellers import operations
from resellers.models import Branding, Reseller
from tests.cast import NOW, seat_of
from tests.pages import body
from tests.pictures import a_logo, a_picture
from tests.resellers.brands import allow, brand, forbid, give_domain

HOST = "panel.north.test"
YELLOW = theme_of("#facc15")[0]
DARK_LOGO = as_png(a_picture(size=(60, 30)))


@pytest.fixture
def branded(asha: User, north: Reseller) -> Branding:
    """Give North a domain, a logo for each ground, a colour and texts."""
    give_domain(asha, north)
    return brand(
        asha, north, "#facc15", logo=a_logo(), dark_logo=DARK_LOGO, tagline="Close to you", footer="Call 01 234 567"
    )


def at(host: str, path: str = "/sign-in/") -> HttpResponse:
    return Client().get(path, headers={"Host": host})


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/sign-in/", "/nothing-here/"])
def test_at_its_domain_a_page_is_the_resellers(branded: Branding, path: str) -> None:
    page = at(HOST, path)

    html = page.content.decode()
    assert f'<link rel="stylesheet" href="/theme/{YELLOW}.css">' in html
    assert f'src="/pictures/{branded.logo_id}.png"' in html
    assert f'src="/pictures/{branded.dark_logo_id}.png"' in html
    assert "Call 01 234 567" in html
    title = re.search(r"<title>(.*?)</title>", html, re.DOTALL)
    assert title
    assert " ".join(title[1].split()).endswith("· North Net")
    assert "ISPanel" not in html
    assert "favicon.svg" not in html


def test_the_sign_in_page_shows_the_tagline(branded: Branding) -> None:
    assert "North Net Close to you" in body(at(HOST))


@pytest.mark.parametrize("host", ["testserver", "localhost", "127.0.0.1"])
def test_everywhere_else_the_panel_is_itself(branded: Branding, host: str) -> None:
    html = at(host).content.decode()

    assert "ISPanel" in html
    assert not re.search(r"North|Close to you|01 234|/theme/|/pictures/", html)


def test_once_signed_in_every_page_is_the_resellers_too(branded: Branding, nadia: User) -> None:
    client = Client()
    form = {"login": "nadia", "password": "correct-horse-battery"}
    assert client.post("/sign-in/", form, headers={"Host": HOST}).status_code == 302

    html = client.get("/", headers={"Host": HOST}).content.decode()

    assert f"/theme/{YELLOW}.css" in html
    assert f"/pictures/{branded.logo_id}.png" in html
    assert '<footer class="brand-footer">Call 01 234 567</footer>' in html
    assert "· North Net</title>" in html


def test_without_a_logo_a_letter_stands_for_it(asha: User, north: Reseller) -> None:
    give_domain(asha, north)

    html = at(HOST).content.decode()

    assert '<i class="letter" aria-hidden="true">N</i>' in html
    assert "/theme/" not in html
    assert "ISPanel" not in html


def test_taken_back_nothing_of_it_is_shown(branded: Branding, asha: User, north: Reseller) -> None:
    forbid(asha, north)

    assert at(HOST).status_code == 404
    assert at(HOST).content == b"Not found\n"
    for path in (f"/theme/{YELLOW}.css", f"/pictures/{branded.logo_id}.png"):
        assert at("testserver", path).status_code == 404


# --- stylesheets and pictures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [HOST, "testserver"])
def test_the_stylesheet_is_the_same_at_every_host(branded: Branding, host: str) -> None:
    response = at(host, f"/theme/{YELLOW}.css")

    assert response.content.decode() == theme_of("#facc15")[1]
    headers = response.headers
    assert headers["Content-Type"] == "text/css; charset=utf-8"
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in headers
    assert "Vary" not in headers


@pytest.mark.parametrize("host", [HOST, "testserver"])
def test_a_picture_is_a_picture_and_nothing_else(branded: Branding, host: str) -> None:
    response = at(host, f"/pictures/{branded.logo_id}.png")

    assert response.content == a_logo()
    headers = response.headers
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Disposition"] == "inline"
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "Set-Cookie" not in headers
    assert "Vary" not in headers


@pytest.fixture
def nothing_shown(branded: Branding, asha: User, south: Reseller) -> Iterator[None]:
    """Let there be a picture that nobody shows, and a colour of a reseller that may not show it."""
    kept_picture(as_png(a_picture(size=(7, 7))))
    allow(asha, south)
    brand(asha, south, "#e11d48", logo=as_png(a_picture(size=(9, 9))))
    forbid(asha, south)
    yield
    assert Picture.objects.count() == 4


def test_what_nobody_shows_is_not_sent(nothing_shown: None, branded: Branding) -> None:
    shown = {branded.logo_id, branded.dark_logo_id}

    for digest in Picture.objects.values_list("pk", flat=True):
        assert at("testserver", f"/pictures/{digest}.png").status_code == (200 if digest in shown else 404)
    for colour in ("#e11d48", "#123456"):
        assert at("testserver", f"/theme/{theme_of(colour)[0]}.css").status_code == 404
    for path in (
        "/theme/.css",
        "/theme/x.css",
        "/pictures/x.png",
        "/pictures/../settings.png",
        f"/theme/{YELLOW}.css/",
    ):
        assert at("testserver", path).status_code == 404
    assert "max-age" not in at("testserver", "/theme/x.css").headers["Cache-Control"]


def test_looks_of_a_deleted_reseller_are_gone(branded: Branding, asha: User, north: Reseller) -> None:
    operations.delete_reseller(actor=seat_of(asha), reseller_id=north.pk, now=NOW)

    for path in (f"/theme/{YELLOW}.css", f"/pictures/{branded.logo_id}.png"):
        assert at("testserver", path).status_code == 404


def test_they_are_only_read(branded: Branding) -> None:
    assert Client().post(f"/theme/{YELLOW}.css").status_code == 405
    assert Client().head(f"/pictures/{branded.logo_id}.png").status_code == 200


def test_two_resellers_of_one_colour_share_its_stylesheet(branded: Branding, asha: User, south: Reseller) -> None:
    allow(asha, south)
    brand(asha, south, "#FACC15")

    operations.delete_reseller(actor=seat_of(asha), reseller_id=branded.reseller_id, now=NOW)

    assert at("testserver", f"/theme/{YELLOW}.css").status_code == 200
