"""The company at the head of papers: its name, address and logo, and what is taken for a logo."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from PIL import ExifTags, Image

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.issuer import Issuer, panel_issuer
from ispanel.logos import as_png
from ispanel.models import PanelLogo
from tests.cast import signed_in
from tests.pages import body, error_at, links_of, send
from tests.pictures import a_logo, a_picture, opened

SETTINGS = "/settings/"
UNREADABLE = "This is no picture that can be read. Upload a PNG, JPEG or WebP file."


def saved(user: User, *, logo: bytes | None = None, name: str = "logo.png", **typed: Any) -> HttpResponse:
    """Choose a file and save the settings."""
    return send(signed_in(user), SETTINGS, logo=SimpleUploadedFile(name, logo) if logo is not None else None, **typed)


def kept() -> bytes | None:
    found = PanelLogo.objects.first()
    return bytes(found.png) if found else None


# --- it works ---------------------------------------------------------------------------------------------------------


def test_papers_are_issued_by_the_panel_until_a_company_is_named(asha: User) -> None:
    assert panel_issuer() == Issuer("ISPanel")

    saved(asha, company_name="Al-Noor ISP", company_address="1 Main Street\r\nBeirut", logo=a_picture())

    assert panel_issuer() == Issuer("Al-Noor ISP", "1 Main Street\nBeirut", kept())


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("WEBP", "RGB")]
)
def test_a_picture_of_these_kinds_is_kept_as_png(asha: User, kind: str, mode: str) -> None:
    picture = io.BytesIO()
    Image.new(mode, (300, 120)).save(picture, kind)

    assert saved(asha, logo=picture.getvalue()).status_code == 303

    png = kept()
    assert png
    assert (opened(png).format, opened(png).size) == ("PNG", (300, 120))


def test_a_large_one_is_made_smaller_in_its_proportions() -> None:
    assert opened(as_png(a_picture(size=(4000, 1000)))).size == (1200, 300)
    assert opened(as_png(a_picture(size=(1000, 4000)))).size == (150, 600)


def test_nothing_but_the_picture_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at a secret place"
    exif[0x0112] = 6  # lies on its side
    for kind in ("JPEG", "WEBP", "PNG"):
        upright = as_png(a_picture(kind, exif=exif))

        assert b"secret" not in upright
        assert opened(upright).size == (120, 300)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_exif_spoils_no_picture(asha: User) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.ImageDescription] = "a logo"
    exif[ExifTags.Base.XResolution] = 72.5
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:05:14 09:30:00"
    whole = a_picture("JPEG", size=(8, 4), exif=exif)
    start, end = whole.index(b"Exif"), whole.index(b"Exif") + len(exif.tobytes())
    damaged = [
        whole[:at] + bytes([byte]) + whole[at + 1 :] for at in range(start, end) for byte in (0, 2, 5, 7, 13, 255)
    ]

    assert {opened(as_png(file)).size for file in damaged} == {(4, 8), (8, 4)}
    assert saved(asha, logo=damaged[-1]).status_code == 303


def test_what_hides_behind_a_picture_is_left_behind() -> None:
    assert b"<script>" not in as_png(a_picture() + b"<script>alert(1)</script>")


def test_the_settings_show_it_and_can_remove_it(asha: User) -> None:
    client = signed_in(asha)
    assert client.get("/settings/logo").status_code == 404
    assert "Remove the logo" not in body(client.get(SETTINGS))

    saved(asha, logo=a_picture())

    assert "Remove the logo" in body(client.get(SETTINGS))
    response = client.get("/settings/logo")
    assert (response.headers["Content-Type"], response.content) == ("image/png", kept())
    saved(asha, removes_logo=True)
    assert kept() is None


def test_another_one_takes_its_place(asha: User) -> None:
    saved(asha, logo=a_picture())

    saved(asha, logo=a_picture(size=(50, 50)), removes_logo=True)

    assert opened(kept() or b"").size == (50, 50)


def test_saving_something_else_leaves_it(asha: User) -> None:
    saved(asha, logo=a_picture())

    saved(asha, name="logo.png", company_name="Al-Noor ISP")

    assert kept() == a_logo()


# --- it is audited ----------------------------------------------------------------------------------------------------


def test_it_is_audited_with_old_and_new(asha: User) -> None:
    saved(asha, company_name="Al-Noor ISP", logo=a_picture())
    first = AuditEntry.objects.latest("id")
    saved(asha, logo=a_picture(size=(50, 50)))
    second = AuditEntry.objects.latest("id")
    saved(asha, removes_logo=True)
    third = AuditEntry.objects.latest("id")

    assert {entry.action for entry in (first, second, third)} == {Action.PANEL_SETTINGS_CHANGED}
    assert first.changes["company_name"] == ["", "Al-Noor ISP"]
    old, new = first.changes["logo"]
    assert (old, new.partition(",")[0]) == (None, "300 × 120")
    assert second.changes["logo"][0] == new
    assert third.changes == {"logo": [second.changes["logo"][1], None]}


@pytest.mark.parametrize("what", ["the same again", "removing none"])
def test_what_changes_nothing_leaves_no_trace(asha: User, what: str) -> None:
    if what == "the same again":
        saved(asha, logo=a_picture())
    before = AuditEntry.objects.count()

    saved(asha, **({"logo": a_picture()} if what == "the same again" else {"removes_logo": True}))

    assert AuditEntry.objects.count() == before


# --- refused ----------------------------------------------------------------------------------------------------------


def bomb() -> bytes:
    """Return a small file of a huge picture."""
    picture = io.BytesIO()
    Image.new("1", (6_000, 5_000)).save(picture, "PNG")
    return picture.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
BAD = {
    "an SVG": (SVG, UNREADABLE),
    "an SVG that is called a PNG": (b"\x89PNG\r\n\x1a\n" + SVG, UNREADABLE),
    "a GIF": (a_picture("GIF"), UNREADABLE),
    "a text": (b"hello", UNREADABLE),
    "nothing": (b"", UNREADABLE),
    "half a picture": (a_picture("JPEG", size=(900, 900))[:600], UNREADABLE),
    "half a PNG": (a_picture(size=(900, 900))[:200], UNREADABLE),
    "too many bytes": (a_picture() + b"x" * 2 * 1024 * 1024, "This file is larger than 2 MB. Upload a smaller one."),
    "too many pixels": (
        bomb(), "This picture has more than 25 million pixels. 1200 pixels are wide enough for a logo.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("file", "message"), BAD.values(), ids=BAD)
def test_what_is_no_logo_is_refused_with_what_to_do(asha: User, file: bytes, message: str) -> None:
    saved(asha, logo=a_picture())
    before = AuditEntry.objects.count()

    response = saved(asha, logo=file, company_name="Other")

    assert (response.status_code, error_at(response, "logo")) == (422, message)
    assert (kept(), AuditEntry.objects.count(), panel_issuer().name) == (a_logo(), before, "ISPanel")


def test_a_company_name_of_151_letters_is_refused(asha: User) -> None:
    assert "at most 150 characters" in error_at(saved(asha, company_name="x" * 151), "company_name")


def test_the_form_says_what_is_taken(asha: User) -> None:
    page = signed_in(asha).get(SETTINGS)

    assert 'enctype="multipart/form-data"' in page.content.decode()
    assert "PNG, JPEG or WebP, up to 2 MB." in body(page)
    assert "/settings/logo" not in links_of(page)
